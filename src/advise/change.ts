/** What training changed of a weight, D [n, m]: its leading singular triples, and how much of it factors miss. */
import {
  beside,
  dense,
  difference,
  frobeniusNorm,
  leadingColumns,
  scaledColumns,
  type Dense,
} from '../numbers/dense.js';
import type { Operator } from '../numbers/operator.js';
import { multiply, multiplyTransposedRight } from '../numbers/products.js';
import { qr } from '../numbers/qr.js';
import { svd } from '../numbers/svd.js';
import { leadingOf, type Triples } from '../numbers/triples.js';
import { truncatedSvd } from '../numbers/truncatedSvd.js';

/** Leading singular triples of D, fewer than were asked for if D has no more. */
export interface Leading extends Triples {
  /** |D - U diag(sigma) V^T|_F^2. */
  readonly tailSquared: number;
  /** False if the certificate had not stopped falling when the iterations ended. */
  readonly converged: boolean;
}

export interface Change {
  /** D, as a matrix or by its factors. */
  readonly matrix: Operator;
  /** |D|_F^2. */
  readonly squares: number;
  leading(count: number): Leading;
  /** |D - X Y^T|_F^2, for X [n, r] and Y [m, r]. */
  leftBy(x: Dense, y: Dense): number;
}

/** Relative fall of the certificate, the squared distance, below which more iterations are not worth their time. */
const TOLERANCE = 1e-3;

const squared = (a: Dense): number => frobeniusNorm(a) ** 2;

/** D as a matrix. */
export function denseChange(d: Dense): Change {
  const squares = squared(d);
  return {
    ...{ matrix: d, squares },
    leading(count) {
      const { left, sigma, right, tailSquared, converged } = truncatedSvd(d, count, { tolerance: TOLERANCE });
      return { left, sigma, right, tailSquared, converged };
    },
    leftBy: (x, y) => distanceSquared(d, x, y),
  };
}

/** Rows that are held beside D. */
const PANEL = 256;

function distanceSquared(d: Dense, x: Dense, y: Dense): number {
  let total = 0;
  for (let from = 0; from < d.rows; from += PANEL) {
    const rows = Math.min(PANEL, d.rows - from);
    const part = ({ cols, data }: Dense) =>
      dense(rows, cols, data.subarray(from * cols, (from + rows) * cols));
    total += squared(difference(part(d), multiplyTransposedRight(part(x), y)));
  }
  return total;
}

/** D = X Y^T by its factors, X [n, r] and Y [m, r], of which no more columns than n and m have directions count. */
export function factoredChange(x: Dense, y: Dense): Change {
  if (x.cols > Math.min(x.rows, y.rows)) return denseChange(multiplyTransposedRight(x, y));
  const [left, right] = [qr(x), qr(y)];
  const core = svd(multiplyTransposedRight(left.r, right.r));
  const squares = core.sigma.reduce((sum, s) => sum + s * s, 0);
  const weights = new Float64Array(x.cols).fill(1);
  return {
    matrix: { rows: x.rows, cols: y.rows, shift: 0, left: x, weights, right: y },
    squares,
    leading(count) {
      const kept = leadingOf(core, Math.min(count, core.sigma.length));
      return {
        left: multiply(left.q, kept.left),
        sigma: kept.sigma,
        right: multiply(right.q, kept.right),
        tailSquared: core.sigma.subarray(kept.sigma.length).reduce((sum, s) => sum + s * s, 0),
        converged: true,
      };
    },
    leftBy(otherX, otherY) {
      const both = [
        beside(x, otherX),
        beside(y, scaledColumns(otherY, Array(otherY.cols).fill(-1))),
      ] as const;
      if (both[0].cols <= Math.min(x.rows, y.rows))
        return squared(multiplyTransposedRight(qr(both[0]).r, qr(both[1]).r));
      return distanceSquared(multiplyTransposedRight(x, y), otherX, otherY);
    },
  };
}

/** Factors of the first `rank` triples, X = U sqrt(sigma) and Y = V sqrt(sigma). */
export function balancedFactors({ left, sigma, right }: Triples, rank: number): { x: Dense; y: Dense } {
  const roots = sigma.map(Math.sqrt);
  return {
    x: scaledColumns(leadingColumns(left, rank), roots),
    y: scaledColumns(leadingColumns(right, rank), roots),
  };
}
