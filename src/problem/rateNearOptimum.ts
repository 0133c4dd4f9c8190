/**
 * The rate at which the flow settles at late times, from the factors that it has come to. Off the directions that the
 * optimum keeps, the Hessian of the loss at X [n, r], Y [m, r] falls apart into a block for each singular value sigma
 * beyond the rank,
 *   [[ Y^T Y, -sigma I ], [ -sigma I, X^T X ]]  [2r, 2r];
 * its least eigenvalue at sigma_(r+1) is the slowest rate (for small balanced factors sigma_r - sigma_(r+1)), as that of
 * the kept directions is the sum of the least eigenvalues of Y^T Y and X^T X. Copies of sigma_r beyond the rank are no less
 * good than what is kept, and do not count.
 */
import { gram } from '../numbers/gram.js';
import type { Factors } from './factors.js';
import { dense } from '../numbers/dense.js';
import { cholesky } from '../numbers/symmetric.js';
import { nearestSaddles } from './nearestSaddles.js';
import type { Problem } from './problem.js';
import { weightedGram } from './weightedUpdate.js';
import { optimumOf } from './optimumOf.js';

/**
 * A rate per unit of normalized time that an approach to the optimum from near it is not slower than, or null if none is
 * known: for a custom loss, and where the Hessian has directions that do not curve. With a covariance, in whose whitened
 * coordinates the above holds, its least eigenvalue comes in as a factor, if that is below 1.
 */
export function rateNearOptimum(problem: Problem, { x, y }: Factors): number | null {
  const { structure, fullFineTuningRate } = problem;
  if (structure.kind === 'autodiff') return null;
  const r = x.cols;
  const [xx, yy] = [gram(x.data, x.data, r), weightedGram(structure, y)];
  if (structure.kind === 'trace') return traceOf(xx, r) + traceOf(yy, r);
  const sigma = firstLost(problem, r);
  if (sigma === null || fullFineTuningRate === null) return null;
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
  return least && Math.min(1, fullFineTuningRate) * least;
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

function traceOf(a: Float64Array, size: number): number {
  let sum = 0;
  for (let i = 0; i < size; i++) sum += a[i * (size + 1)]!;
  return sum;
}

/** Most inverse iterations, and the relative change of the eigenvalue at which they end. */
const ITERATIONS = 200;
const SETTLED = 1e-5;

/** The least eigenvalue of a symmetric matrix [size, size] by inverse iteration; null if it is not positive definite. */
function leastEigenvalue(a: Float64Array, size: number): number | null {
  const l = cholesky(dense(size, size, a))?.data;
  if (!l) return null;
  const v = Float64Array.from({ length: size }, (_, i) => 1 + ((i * 0.618034) % 1));
  let value = Infinity;
  for (let k = 0; k < ITERATIONS; k++) {
    const norm = Math.sqrt(v.reduce((sum, each) => sum + each * each, 0));
    v.forEach((each, i) => (v[i] = each / norm));
    const before = v.slice();
    for (let i = 0; i < size; i++) {
      for (let j = 0; j < i; j++) v[i]! -= l[i * size + j]! * v[j]!;
      v[i]! /= l[i * size + i]!;
    }
    for (let i = size - 1; i >= 0; i--) {
      for (let j = i + 1; j < size; j++) v[i]! -= l[j * size + i]! * v[j]!;
      v[i]! /= l[i * size + i]!;
    }
    // The Rayleigh quotient of the inverse, which bounds the eigenvalue from above.
    const next = 1 / before.reduce((sum, each, i) => sum + each * v[i]!, 0);
    if (next > (1 - SETTLED) * value) return next;
    value = next;
  }
  return value;
}
