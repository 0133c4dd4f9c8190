/**
 * Linear regression with input covariance H: f(W) = 1/2 tr((W - M) H (W - M)^T), E = M - W0. With H = I it is the
 * Frobenius loss.
 */
import { dense, difference, frobeniusNorm, scaled, sum, transposed, type Dense } from '../numbers/dense.js';
import { multiply } from '../numbers/products.js';
import { singularValues } from '../numbers/svd.js';
import { cholesky } from '../numbers/symmetric.js';
import { InputError } from '../host/inputError.js';
import { eckartYoungMirsky } from '../theory/frobenius.js';
import { regressionFullPath, regressionOptima } from '../theory/linearRegression.js';
import type { Problem } from './problem.js';
import { quadraticForm } from './quadraticForm.js';
import { rightDirections } from './spectralDirections.js';

/**
 * The problem with E [n, m] and H [m, m], of which rounding may have left the symmetric part only to 1e-5.
 * @throws InputError if H has the wrong shape, is not symmetric or not positive definite
 */
export function linearRegression(error: Dense, given: Dense): Problem {
  const covariance = checkedCovariance(given, error.cols);
  const input = { e: error, h: covariance };
  const { sigma } = regressionOptima(input);
  const fullFineTuning = regressionFullPath(input);
  const gradient = multiply(error, covariance);
  return {
    loss: 'linear-regression',
    n: error.rows,
    m: error.cols,
    structure: { kind: 'quadratic', error, covariance },
    frame: null,
    initialLoss: fullFineTuning.loss(0),
    optimum: (rank) => eckartYoungMirsky(sigma, rank).loss,
    fullFineTuningLoss: (t) => fullFineTuning.loss(t),
    fullFineTuningRate: fullFineTuning.rate,
    spectralDirections: rightDirections(gradient),
    rate: singularValues(gradient)[0] ?? 0,
    valueAndGradient: (update) => quadraticForm(error, covariance, update),
  };
}

/** The symmetric part of a covariance that passes. */
function checkedCovariance({ rows, cols, data }: Dense, m: number): Dense {
  if (rows !== m || cols !== m) {
    throw new InputError('covariance', `${rows} x ${cols}`, `${m} x ${m}, as wide as the target`);
  }
  const h = dense(rows, cols, data);
  const asymmetry = frobeniusNorm(difference(h, transposed(h))) / frobeniusNorm(h);
  // Rounding of a float32 file leaves at most a few 1e-7.
  if (!(asymmetry < 1e-5)) throw new InputError('covariance', `relative asymmetry ${asymmetry}`, 'symmetric');
  const symmetric = scaled(sum(h, transposed(h)), 0.5);
  if (!cholesky(symmetric)) {
    throw new InputError(
      'covariance',
      'a matrix with an eigenvalue that is not positive',
      'positive definite',
    );
  }
  return symmetric;
}
