/**
 * The Krylov space of a start of the Frobenius flow towards a dense E [n, m]: where E and E^T lead from its factors. All
 * that the flow does to X [n, r] and Y [m, r] is to multiply them by E^T and E, and by matrices [r, r] from the right, so
 * that with orthonormal U and V of these spaces, E V = U T, it is the flow of U^T X and V^T Y towards T. Of a space that is
 * cut off, it lacks what E^T X has beyond V: the defect, which falls faster than geometrically with each block (as a
 * polynomial approaches an exponential), and is measured.
 */
import { beside, dense, frobeniusNorm, grown, type Dense } from '../numbers/dense.js';
import { orthonormalizedAgainst } from '../numbers/orthonormalizedAgainst.js';
import { normals } from '../numbers/philox.js';
import { multiply, multiplyTransposedLeft } from '../numbers/products.js';
import type { Factors } from '../problem/factors.js';

/** A Krylov space of a start: E V = U T, E^T U = V T^T + N coupling L, L the last rows of U's coordinates. */
export interface KrylovSpace {
  /** U [n, p] and V [m, q], orthonormal columns. */
  readonly u: Dense;
  readonly v: Dense;
  /** T [p, q]. */
  readonly t: Dense;
  /** N, orthonormal columns that come next in V; and what they get of the last columns of U. */
  readonly next: Dense;
  readonly coupling: Dense;
}

/** Columns of a trial basis where nothing is left beyond it. */
const random = (rows: number, cols: number) => (trial: number) =>
  dense(rows, cols, normals(rows * cols, { seed: 0, rank: cols, trial }, 'mixing'));

/** X of [rows, cols] split along an orthonormal basis. */
const split = (basis: Dense, x: Dense) => orthonormalizedAgainst(basis, x, random(x.rows, x.cols));

const isZero = ({ data }: Dense): boolean => data.every((value) => value === 0);

/** The space of factors X, Y before its first block. */
function begun(error: Dense, { x, y }: Factors): KrylovSpace {
  const u = isZero(x) ? dense(error.rows, 0) : split(dense(error.rows, 0), x).q;
  const onward = u.cols > 0 ? multiplyTransposedLeft(error, u) : dense(error.cols, 0);
  const first = u.cols > 0 && isZero(y) ? onward : beside(y, onward);
  const v = dense(error.cols, 0);
  const { q: next, r: coupling } = split(v, first);
  return { u, v, t: dense(u.cols, 0), next, coupling };
}

/** The space with one more block. */
function withBlock(error: Dense, { u, v, t, next }: KrylovSpace): KrylovSpace {
  const left = split(u, multiply(error, next));
  const all = beside(v, next);
  const right = split(all, multiplyTransposedLeft(error, left.q));
  return {
    u: beside(u, left.q),
    v: all,
    t: grown(t, left.onto, left.r),
    next: right.q,
    coupling: right.r,
  };
}

/**
 * The space of a start with so many blocks more, of `space` if it has some already; null if it would be more than half of
 * all there is, so that it is no less work than the whole.
 */
export function krylovSpace(
  error: Dense,
  start: Factors,
  blocks: number,
  space: KrylovSpace = begun(error, start),
): KrylovSpace | null {
  let all = space;
  for (let block = 0; block < blocks; block++) {
    if (2 * (all.v.cols + 2 * all.next.cols) > Math.min(error.rows, error.cols)) return null;
    all = withBlock(error, all);
  }
  return all;
}

/** Coordinates of factors in a space, and back. */
export const intoSpace = ({ u, v }: KrylovSpace, { x, y }: Factors): Factors => ({
  x: multiplyTransposedLeft(u, x),
  y: multiplyTransposedLeft(v, y),
});
export const outOfSpace = ({ u, v }: KrylovSpace, { x, y }: Factors): Factors => ({
  x: multiply(u, x),
  y: multiply(v, y),
});

/** Norm of what the derivative at factors in coordinates lacks, over that of the factors. */
export function defectOf({ coupling, u }: KrylovSpace, { x, y }: Factors): number {
  const last = dense(coupling.cols, x.cols, x.data.slice((u.cols - coupling.cols) * x.cols));
  return frobeniusNorm(multiply(coupling, last)) / Math.hypot(frobeniusNorm(x), frobeniusNorm(y));
}
