/**
 * The rate at which the flow settles at late times, from the factors that it has come to. Off the directions that the
 * optimum keeps, the Hessian of the loss at X [n, r], Y [m, r] falls apart into a block for each singular value sigma
 * beyond the rank,
 *   [[ Y^T Y, -sigma I ], [ -sigma I, X^T X ]]  [2r, 2r];
 * its least eigenvalue at sigma_(r+1) is the slowest rate (for small balanced factors sigma_r - sigma_(r+1)), as that
 * of the kept directions is the sum of the least eigenvalues of Y^T Y and X^T X. Copies of sigma_r beyond the rank are
 * no less good than what is kept, and do not count.
 */
import { dense } from '../numbers/dense.js';
import { cholesky, solveLower, solveLowerTransposed } from '../numbers/symmetric.js';
import { nearestSaddles } from './nearestSaddles.js';
import type { Problem } from './problem.js';
import { optimumOf } from './optimumOf.js';

/**
 * The least eigenvalue of that block, times the speed; null if none is known, or there are directions that do not
 * curve.
 * @param grams X^T X and Y^T Y [r, r], in the coordinates in which E is diagonal and the norm of the loss is
 *   Frobenius's
 * @param speed the slowest that factors move in those coordinates by their gradient there, 1 without a covariance
 */
export function spectralRate(
  problem: Problem,
  { xx, yy }: { readonly xx: Float64Array; readonly yy: Float64Array },
  rank: number,
  speed: number | null,
): number | null {
  const r = rank;
  const sigma = firstLost(problem, r);
  if (sigma === null || speed === null) return null;
  const size = 2 * r;
  const hessian = new Float64Array(size * size);
  for (let i = 0; i < r; i++) {
    hessian[i * size + r + i] = hessian[(r + i) * size + i] = -sigma;
    for (let j = 0; j < r; j++) {
      hessian[i * size + j] = yy[i * r + j]!;
      hessian[(r + i) * size + r + j] = xx[i * r + j]!;
    }
  }
  const least = leastEigenvalue(hessian, size);
  return least && speed * least;
}

/** The largest singular value beyond the rank that is not a copy of the last one kept; null if there is none kept. */
function firstLost(problem: Problem, rank: number): number | null {
  const [saddle] = nearestSaddles(problem, rank, 0);
  const [before, after] = [optimumOf(problem, rank), optimumOf(problem, rank + 1)];
  if (!saddle || saddle.index < rank || before === null || after === null) return null;
  const first = Math.sqrt(Math.max(0, 2 * (before - after)));
  return first > (1 - COPY) * saddle.missing ? saddle.present : first;
}

/** Relative difference of singular values that are copies but for rounding. */
const COPY = 1e-6;

/** Most inverse iterations, and the relative change of the eigenvalue at which they end. */
const ITERATIONS = 200;
const SETTLED = 1e-5;

/**
 * The least eigenvalue of a symmetric matrix [size, size] by inverse iteration; null if it is not positive definite.
 */
function leastEigenvalue(a: Float64Array, size: number): number | null {
  const l = cholesky(dense(size, size, a));
  if (!l) return null;
  let v: Float64Array = Float64Array.from({ length: size }, (_, i) => 1 + ((i * 0.618034) % 1));
  let value = Infinity;
  for (let k = 0; k < ITERATIONS; k++) {
    const norm = Math.sqrt(v.reduce((sum, each) => sum + each * each, 0));
    v = v.map((each) => each / norm);
    const before = v;
    v = solveLower(l, solveLowerTransposed(l, dense(1, size, before))).data;
    // The Rayleigh quotient of the inverse, which bounds the eigenvalue from above.
    const next = 1 / before.reduce((sum, each, i) => sum + each * v[i]!, 0);
    if (next > (1 - SETTLED) * value) return next;
    value = next;
  }
  return value;
}
