/**
 * Problems whose closed forms alone are asked: of a large target the leading singular triples, and a linear regression
 * of diagonal matrices without any decomposition.
 */
import { dense, leadingColumns, transposed, type Dense } from '../numbers/dense.js';
import { truncatedSvd, type TruncatedSvd, type TruncatedSvdOptions } from '../numbers/truncatedSvd.js';
import { InputError } from '../host/inputError.js';
import { eckartYoungMirsky } from '../theory/frobenius.js';
import type { Problem } from './problem.js';
import { quadraticForm } from './quadraticForm.js';

/** A problem that knows its leading singular triples alone. Its optima are those of the triples: upper bounds. */
export interface LeadingProblem extends Problem {
  readonly leading: TruncatedSvd;
}

export const isLeading = (problem: Problem): problem is LeadingProblem => 'leading' in problem;

/** The Frobenius problem with E [n, m] and its `count` leading triples, in the coordinates of W; optima beyond are null. */
export function frobeniusLeading(error: Dense, count: number, options?: TruncatedSvdOptions): LeadingProblem {
  const leading = truncatedSvd(error, count, options);
  const { sigma, squares, tailSquared, right } = leading;
  return {
    leading,
    loss: 'frobenius',
    n: error.rows,
    m: error.cols,
    structure: { kind: 'quadratic', error, covariance: null },
    frame: null,
    initialLoss: squares / 2,
    optimum: (rank) => (rank > count ? null : tailSquared / 2 + eckartYoungMirsky(sigma, rank).loss),
    fullFineTuningLoss: (t) => (squares / 2) * Math.exp(-2 * t),
    fullFineTuningRate: 1,
    spectralDirections(rank) {
      if (rank > count) throw new InputError('rank', rank, `at most ${count}, the triples that are known`);
      return transposed(leadingColumns(right, rank));
    },
    rate: sigma[0] ?? 0,
    valueAndGradient: (update) => quadraticForm(error, null, update),
  };
}

/** The linear regression with diagonal E [n, m] of entries `errors` [min(n, m)] and diagonal H of entries h > 0 [m]. */
export function diagonalRegression(errors: Float64Array, h: Float64Array, n: number): Problem {
  const m = h.length;
  const sigma = errors.map((e, i) => Math.abs(e) * Math.sqrt(h[i]!));
  const gradient = errors.map((e, i) => Math.abs(e) * h[i]!);
  const order = [...gradient.keys()].sort((i, j) => gradient[j]! - gradient[i]!);
  const diagonal = (values: Float64Array, rows: number) => {
    const out = dense(rows, m);
    values.forEach((value, i) => (out.data[i * m + i] = value));
    return out;
  };
  const [error, covariance] = [diagonal(errors, n), diagonal(h, m)];
  const lossAt = (t: number) => sigma.reduce((sum, s, i) => sum + (s * s * Math.exp(-2 * h[i]! * t)) / 2, 0);
  return {
    loss: 'linear-regression',
    n,
    m,
    structure: { kind: 'quadratic', error, covariance },
    frame: null,
    initialLoss: lossAt(0),
    optimum: (rank) => eckartYoungMirsky(sigma, rank).loss,
    fullFineTuningLoss: lossAt,
    fullFineTuningRate: h.reduce((least, value) => Math.min(least, value), Infinity),
    spectralDirections(rank) {
      const out = dense(rank, m);
      for (let i = 0; i < rank; i++) out.data[i * m + order[i]!] = 1;
      return out;
    },
    rate: gradient[order[0]!] ?? 0,
    valueAndGradient: (update) => quadraticForm(error, covariance, update),
  };
}
