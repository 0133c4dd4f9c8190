/**
 * The Frobenius low-rank approximation loss f(W) = 1/2 |W - M|_F^2, with E = M - W0 (Rushka & Klabjan 2026): in
 * its spectral frame, from a matrix or directly from a spectrum, or dense.
 */
import { dense, type Dense } from '../numbers/dense.js';
import { singularValues } from '../numbers/svd.js';
import { eckartYoungMirsky, frobeniusFullLoss } from '../theory/frobenius.js';
import { spectralFrame, type Frame } from './frame.js';
import type { Problem } from './problem.js';
import { quadraticForm } from './quadraticForm.js';
import { rightDirections, unitRows } from './spectralDirections.js';

/** The problem with E [n, m], simulated in the spectral frame of E. */
export function frobenius(error: Dense): Problem {
  const { sigma, frame } = spectralFrame(error);
  return frobeniusFromSpectrum(sigma, error.rows, error.cols, frame);
}

/**
 * The problem with E = U diag(sigma) V^T, never formed: sigma [min(n, m)], largest first; U and V are the identity
 * unless a frame is given.
 */
export function frobeniusFromSpectrum(
  sigma: Float64Array,
  n: number,
  m: number,
  frame: Frame | null = null,
): Problem {
  return {
    loss: 'frobenius',
    n,
    m,
    structure: { kind: 'diagonal', sigma },
    frame,
    initialLoss: frobeniusFullLoss(sigma, 0),
    optimum: (rank) => eckartYoungMirsky(sigma, rank).loss,
    fullFineTuningLoss: (t) => frobeniusFullLoss(sigma, t),
    fullFineTuningRate: 1,
    spectralDirections: (rank) => unitRows(rank, m),
    rate: sigma[0] ?? 0,
    valueAndGradient(update) {
      const gradient = dense(n, m, update.data.slice());
      sigma.forEach((s, i) => (gradient.data[i * m + i] = (update.data[i * m + i] ?? 0) - s));
      return { value: gradient.data.reduce((sum, g) => sum + g * g, 0) / 2, gradient };
    },
  };
}

/** The same problem without the rotation: the flow forms E Y and E^T X, O(n m r) per evaluation. */
export function frobeniusDense(error: Dense): Problem {
  const sigma = singularValues(error);
  return {
    loss: 'frobenius',
    n: error.rows,
    m: error.cols,
    structure: { kind: 'quadratic', error, covariance: null },
    frame: null,
    initialLoss: frobeniusFullLoss(sigma, 0),
    optimum: (rank) => eckartYoungMirsky(sigma, rank).loss,
    fullFineTuningLoss: (t) => frobeniusFullLoss(sigma, t),
    fullFineTuningRate: 1,
    spectralDirections: rightDirections(error),
    rate: sigma[0] ?? 0,
    valueAndGradient: (update) => quadraticForm(error, null, update),
  };
}
