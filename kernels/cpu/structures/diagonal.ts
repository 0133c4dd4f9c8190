/** The float64 twin of f = 1/2 |X Y^T - diag(sigma)|^2: two Gram matrices of each factor and no [n, m] matrix. */
import { dot, gram } from '../../../src/numbers/gram.js';
import type { DiagonalStructure } from '../../../src/problem/structure.js';
import { subtractProduct } from './products.js';
import type { Evaluate, StructureTwin } from './structure.js';

export const diagonal: StructureTwin<DiagonalStructure> = {
  resolvesExcess: true,
  evaluator:
    ({ sigma }) =>
    (x, y, r) =>
      evaluation(sigma, x, y, r),
  lossOf:
    ({ sigma }) =>
    (x, y, r) =>
      aboveOptimum(sigma, x, y, r, splitGrams(sigma, x, y, r)).loss,
};

function evaluation(sigma: Float64Array, x: Float64Array, y: Float64Array, r: number): ReturnType<Evaluate> {
  const grams = splitGrams(sigma, x, y, r);
  const [xx, yy] = [entrywiseSum(grams.x1, grams.x2), entrywiseSum(grams.y1, grams.y2)];
  const ey = new Float64Array(x.length);
  const ex = new Float64Array(y.length);
  sigma.forEach((s, i) => {
    for (let j = i * r; j < (i + 1) * r; j++) {
      ey[j] = s * y[j]!;
      ex[j] = s * x[j]!;
    }
  });
  const { loss, excess } = aboveOptimum(sigma, x, y, r, grams);
  return {
    ...{ loss, excess, xx, yy },
    dX: subtractProduct(ey, x, yy, r),
    dY: subtractProduct(ex, y, xx, r),
    distance: Math.sqrt(2 * loss),
  };
}

/** Gram matrices [r, r] of the rows of the factors that meet the leading part of E, and of those that do not. */
interface SplitGrams {
  readonly x1: Float64Array;
  readonly x2: Float64Array;
  readonly y1: Float64Array;
  readonly y2: Float64Array;
}

/** Entries of a factor in the rows that meet the leading part of E. */
const cutOf = (sigma: Float64Array, r: number): number => Math.min(r, sigma.length) * r;

function splitGrams(sigma: Float64Array, x: Float64Array, y: Float64Array, r: number): SplitGrams {
  const cut = cutOf(sigma, r);
  const of = (z: Float64Array) => gram(z, z, r);
  return {
    x1: of(x.subarray(0, cut)),
    x2: of(x.subarray(cut)),
    y1: of(y.subarray(0, cut)),
    y2: of(y.subarray(cut)),
  };
}

const entrywiseSum = (a: Float64Array, b: Float64Array): Float64Array => a.map((value, i) => value + b[i]!);

/**
 * f* = 1/2 sum_{i > r} sigma_i^2 of the best update E_r, the leading part of E = diag(sigma), and the loss above it,
 * f - f* = 1/2 |R|^2 - <R, E - E_r> for R = X Y^T - E_r. R is small near the optimum, so that nothing is lost there as
 * it is where |E|^2 is a term; its three blocks beside the leading [r, r] one are products of Gram matrices.
 */
function aboveOptimum(
  sigma: Float64Array,
  x: Float64Array,
  y: Float64Array,
  r: number,
  grams: SplitGrams,
): { readonly loss: number; readonly excess: number } {
  const cut = cutOf(sigma, r);
  let [overlap, square] = [0, 0];
  // The smallest terms first.
  for (let i = sigma.length - 1; i * r >= cut; i--)
    for (let j = i * r; j < (i + 1) * r; j++) overlap += sigma[i]! * x[j]! * y[j]!;
  for (let i = 0; i < cut; i += r)
    for (let k = 0; k < cut; k += r) {
      let entry = i === k ? -sigma[i / r]! : 0;
      for (let j = 0; j < r; j++) entry += x[i + j]! * y[k + j]!;
      square += entry * entry;
    }
  square += dot(grams.x1, grams.y2) + dot(grams.x2, grams.y1) + dot(grams.x2, grams.y2);
  const excess = Math.max(0, square / 2 - overlap);
  return { loss: tailOf(sigma, r) / 2 + excess, excess };
}

/** The sum of the squares of sigma beyond the rank, the smallest first. */
export function tailOf(sigma: Float64Array, r: number): number {
  let tail = 0;
  for (let i = sigma.length - 1; i >= r; i--) tail += sigma[i]! ** 2;
  return tail;
}
