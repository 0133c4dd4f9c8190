/** The closed-form path of a problem from given initial factors, where the theory has one. */
import type { Dense } from '../numbers/dense.js';
import { balancedPath } from '../theory/balanced.js';
import { alignedPath } from '../theory/frobenius.js';
import { gram } from '../theory/smallMatrices.js';
import { traceSquaredPath } from '../theory/traceSquared.js';
import { updateSingularValues } from '../numbers/updateSingularValues.js';
import type { Problem } from './problem.js';

export interface ClosedForm {
  readonly name: string;
  /** Loss at normalized time tau. */
  loss(tau: number): number;
  /** Exponential rate of its late approach to its end, per unit of normalized time. */
  readonly rate: number;
  /** Singular values of the update at normalized time tau, largest first [r]. */
  singularValues(tau: number): number[];
}

/** The path from normalized factors X [n, r], Y [m, r] in the problem's coordinates, or null. */
export function closedForm(
  problem: Problem,
  factors: { readonly x: Dense; readonly y: Dense },
): ClosedForm | null {
  const { structure, n, m } = problem;
  const { x, y } = factors;
  if (structure.kind === 'trace') {
    const path = traceSquaredPath({ trace0: structure.trace0, c: 1, x0: x, y0: y });
    return {
      name: 'trace-squared closed form',
      rate: path.rate,
      loss: (tau) => path.loss(tau),
      singularValues: (tau) => updateSingularValues(path.factors(tau)),
    };
  }
  if (structure.kind !== 'diagonal') return null;
  const { sigma } = structure;
  if (isDiagonal(x) && isDiagonal(y)) {
    const diagonal = (z: Dense) =>
      Float64Array.from(sigma, (_, i) => (i < z.cols ? (z.data[i * z.cols + i] ?? 0) : 0));
    const path = alignedPath({ sigma, c: 1, x0: diagonal(x), y0: diagonal(y) });
    return {
      name: 'aligned closed form',
      rate: path.rate,
      loss: (tau) => path.loss(tau),
      singularValues: (tau) =>
        Array.from(path.product(tau).subarray(0, x.cols), Math.abs).sort((a, b) => b - a),
    };
  }
  const lambda = balance(x, y);
  if (lambda === null) return null;
  const path = balancedPath({ sigma, n, m, c: 1, lambda, x0: x, y0: y }, BALANCED);
  return {
    name: 'balanced closed form',
    rate: path.rate,
    loss: (tau) => path.loss(tau),
    singularValues: (tau) => updateSingularValues(path.factors(tau)),
  };
}

const isDiagonal = ({ cols, data }: Dense): boolean =>
  data.every((value, at) => value === 0 || Math.floor(at / cols) === at % cols);

/** Relative defect of balance that is let pass: a few roundings of float32 factors, over up to 100 columns. */
const BALANCED = 1e-4;

/** lambda if X^T X - Y^T Y is -lambda I, every entry to 1e-6 lambda or to roundings of the entries of both; else null. */
function balance(x: Dense, y: Dense): number | null {
  const r = x.cols;
  const difference = new Float64Array(r * r);
  let largest = 0;
  for (const [z, sign] of [
    [y, 1],
    [x, -1],
  ] as const) {
    const squares = gram(z.data, r);
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

/** What the singular values and vectors behind a start (pissa) are known to. */
const ROUNDING = 1e-12;
