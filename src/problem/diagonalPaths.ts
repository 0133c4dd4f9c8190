/**
 * Closed forms of the Frobenius loss in its spectral frame: paths from aligned starts and from balanced ones, and late
 * rates from drawn ones.
 */
import { dense, type Dense } from '../numbers/dense.js';
import { updateSingularValues } from '../numbers/updateSingularValues.js';
import { balancedPath } from '../theory/balanced.js';
import { alignedPath } from '../theory/frobenius.js';
import { genericRate } from '../theory/lateRate.js';
import { gramByRows } from '../theory/smallMatrices.js';
import type { ClosedForm } from './closedForm.js';
import type { Factors } from './factors.js';
import type { DrawnStart } from './loss.js';

/** The path of E = diag(sigma) from X [n, r] and Y [m, r], or null if they are neither aligned nor balanced. */
export function diagonalPath(sigma: Float64Array, { x, y }: Factors): ClosedForm | null {
  if (isDiagonal(x) && isDiagonal(y)) {
    const path = alignedPath({
      sigma,
      x0: diagonalOf(x, sigma.length),
      y0: diagonalOf(y, sigma.length),
    });
    return {
      name: 'aligned closed form',
      rate: path.rate,
      loss: (tau) => path.loss(tau),
      factors: (tau) => ofModes(path.product(tau).subarray(0, x.cols), x, y),
      singularValues: (tau) =>
        Array.from(path.product(tau).subarray(0, x.cols), Math.abs).sort((a, b) => b - a),
    };
  }
  const lambda = balance(x, y);
  if (lambda === null) return null;
  const [n, m] = [x.rows, y.rows];
  const path = balancedPath({ sigma, n, m, lambda, x0: x, y0: y }, BALANCED);
  return {
    name: 'balanced closed form',
    rate: path.rate,
    loss: (tau) => path.loss(tau),
    factors: (tau) => path.factors(tau),
    singularValues: (tau) => updateSingularValues(path.factors(tau)),
  };
}

/** Factors of the update with these entries on its diagonal, of the shapes of X and Y. */
function ofModes(modes: Float64Array, x: Dense, y: Dense): Factors {
  const of = (z: Dense, value: (i: number) => number) => {
    const out = dense(z.rows, z.cols);
    for (let i = 0; i < Math.min(z.rows, modes.length); i++) out.data[i * z.cols + i] = value(i);
    return out;
  };
  return { x: of(x, (i) => modes[i]!), y: of(y, () => 1) };
}

export const isDiagonal = ({ cols, data }: Dense): boolean =>
  data.every((value, at) => value === 0 || Math.floor(at / cols) === at % cols);

/** The first entries of the diagonal of a factor, 0 on those without a column of their own. */
export const diagonalOf = ({ cols, data }: Dense, modes: number): Float64Array =>
  Float64Array.from({ length: modes }, (_, i) => (i < cols ? (data[i * cols + i] ?? 0) : 0));

/** Relative defect of balance that is let pass: a few roundings of float32 factors, over up to 100 columns. */
const BALANCED = 1e-4;

/**
 * lambda if X^T X - Y^T Y is -lambda I, every entry to 1e-6 lambda or to roundings of the entries of both; else null.
 */
function balance(x: Dense, y: Dense): number | null {
  const r = x.cols;
  const difference = new Float64Array(r * r);
  let largest = 0;
  for (const [z, sign] of [
    [y, 1],
    [x, -1],
  ] as const) {
    const squares = gramByRows(z.data, r);
    squares.forEach((value, at) => {
      difference[at]! += sign * value;
      largest = Math.max(largest, Math.abs(value));
    });
  }
  const lambda = difference.reduce((sum, value, at) => (at % (r + 1) === 0 ? sum + value : sum), 0) / r;
  const off = difference.reduce(
    (worst, value, at) => Math.max(worst, Math.abs(value - (at % (r + 1) === 0 ? lambda : 0))),
    0,
  );
  if (off > Math.max(1e-6 * Math.abs(lambda), ROUNDING * largest)) return null;
  return Math.abs(lambda) <= ROUNDING * largest ? 0 : lambda;
}

/** Relative rounding of the singular values and vectors behind a start (pissa). */
const ROUNDING = 1e-12;

/**
 * The rate of late approach from drawn starts. Exact where modes move alone. Else at the mean of A0 A0^T or B0^T B0, a
 * multiple of I, from which draws differ the less the wider the matrix; of draws with both factors in the limit of
 * small ones.
 */
export function diagonalRate(
  sigma: Float64Array,
  { n, m }: { readonly n: number; readonly m: number },
  { rank, x, y, isAligned }: DrawnStart,
): number | null {
  const lambda = x === 0 || y === 0 ? (y - x) / rank : 0;
  const moves = { x: x > 0, y: y > 0 };
  if (!isAligned) return genericRate({ sigma, n, m, rank, lambda, moves });
  const learned = sigma.subarray(0, rank).filter((s) => s > 0);
  return 2 * Math.hypot(learned.at(-1)!, lambda / 2);
}

/** Singular values, largest first, without what relative rounding makes of equal ones and of zeros. */
export function resolved(sigma: Float64Array, rounding: number): Float64Array {
  if (rounding === 0) return sigma;
  const least = rounding * sigma[0]!;
  const out = sigma.map((s) => (s <= least ? 0 : s));
  for (let i = 1; i < out.length; i++) if (out[i - 1]! - out[i]! <= least) out[i] = out[i - 1]!;
  return out;
}
