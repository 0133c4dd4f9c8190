/** Matrices as what they do to others: dense ones, and those that few directions and a multiple of the identity make. */
import { dense, inner, scaled, scaledColumns, transposed, type Dense } from './dense.js';
import { multiply, multiplyTransposedLeft, multiplyTransposedRight } from './products.js';
import { qr } from './qr.js';
import { orient, svd } from './svd.js';
import type { Triples } from './triples.js';

/** shift I + U diag(weights) V^T [rows, cols], U [rows, k], weights [k], V [cols, k]; shift is 0 where rows != cols. */
export interface LowRank {
  readonly rows: number;
  readonly cols: number;
  readonly shift: number;
  readonly left: Dense;
  readonly weights: Float64Array;
  readonly right: Dense;
}

export type Operator = Dense | LowRank;

export const isLowRank = (a: Operator): a is LowRank => 'weights' in a;

/** A Z [rows, r], Z [cols, r]. */
export const apply = (a: Operator, z: Dense): Dense =>
  isLowRank(a) ? applyLowRank(a.left, a, a.right, z) : multiply(a, z);

/** A^T Z [cols, r], Z [rows, r]. */
export const applyTransposed = (a: Operator, z: Dense): Dense =>
  isLowRank(a) ? applyLowRank(a.right, a, a.left, z) : multiplyTransposedLeft(a, z);

function applyLowRank(onto: Dense, { weights, shift }: LowRank, from: Dense, z: Dense): Dense {
  const along = multiplyTransposedLeft(from, z);
  along.data.forEach((value, at) => (along.data[at] = value * weights[Math.floor(at / z.cols)]!));
  const out = multiply(onto, along);
  if (shift !== 0) z.data.forEach((value, at) => (out.data[at]! += shift * value));
  return out;
}

/** A entry by entry. */
export function entriesOf(a: Operator): Dense {
  if (!isLowRank(a)) return a;
  const out = multiplyTransposedRight(scaledColumns(a.left, a.weights), a.right);
  for (let i = 0; a.shift !== 0 && i < a.rows; i++) out.data[i * (a.cols + 1)]! += a.shift;
  return out;
}

/** factor A. */
export const scaledOperator = (a: Operator, factor: number): Operator =>
  isLowRank(a)
    ? { ...a, shift: factor * a.shift, weights: a.weights.map((weight) => factor * weight) }
    : scaled(a, factor);

/** Whether every entry is 0. */
export const isZero = (a: Operator): boolean =>
  isLowRank(a)
    ? a.shift === 0 && a.weights.every((weight) => weight === 0)
    : a.data.every((value) => value === 0);

/** The singular triples of A, which has no shift, largest first: of a low-rank one as many as it has directions. */
export function triplesOf(a: Operator): Triples {
  if (!isLowRank(a)) return svd(a);
  const [left, right] = [qr(scaledColumns(a.left, a.weights)), qr(a.right)];
  const core = svd(multiplyTransposedRight(left.r, right.r));
  return orient({
    left: multiply(left.q, core.left),
    sigma: core.sigma,
    right: multiply(right.q, core.right),
  });
}

/** Rows that are held beside a dense matrix. */
const PANEL = 256;

/**
 * tr(A^T S A H) of A [n, m] without a shift and symmetric S [n, n] (null: the identity) and H [m, m]. Of a dense A
 * without S, products with H are held of some rows at a time.
 */
export function weightedSquares(a: Operator, s: Operator | null, h: Operator): number {
  if (isLowRank(a)) {
    const x = scaledColumns(a.left, a.weights);
    const [bySide, byInput] = [s ? apply(s, x) : x, apply(h, a.right)];
    return inner(multiplyTransposedLeft(x, bySide), multiplyTransposedLeft(a.right, byInput));
  }
  if (s) return inner(apply(s, a), transposed(apply(h, transposed(a))));
  let total = 0;
  for (let from = 0; from < a.rows; from += PANEL) {
    const rows = Math.min(PANEL, a.rows - from);
    const panel = transposed(dense(rows, a.cols, a.data.subarray(from * a.cols, (from + rows) * a.cols)));
    total += inner(panel, apply(h, panel));
  }
  return total;
}
