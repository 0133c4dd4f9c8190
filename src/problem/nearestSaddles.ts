/**
 * The saddles of a loss that lie nearest above its optimum, where stationary points keep some singular directions of E
 * (after whitening, with a covariance) and the optimum keeps the `rank` leading ones.
 */
import type { Problem } from './problem.js';
import { optimumOf } from './optimumOf.js';

/** A saddle: the optimum but for one direction, which a lesser one, or none, stands for. */
export interface Saddle {
  /** Number of the singular value that is missing, from 1. */
  readonly index: number;
  /** The singular value that is missing, and the largest that stands for it (0: none). */
  readonly missing: number;
  readonly present: number;
}

/** Singular values that differ by less than this share are taken for one that is repeated. */
const SAME = 1e-3;

/** Cancellation in sigma^2 / 2 as the difference of two optima, relative to the larger. */
const CANCELLATION = 2 ** -50;

/**
 * The lowest saddle, and where the singular value of the last direction is repeated beyond the rank also that of the
 * direction before them. Singular values are read off the optima of neighbouring ranks; directions that gain at most
 * `floor` of loss are left out. Empty where no optimum is known, or not enough of them to tell.
 */
export function nearestSaddles(problem: Problem, rank: number, floor: number): Saddle[] {
  const { n, m } = problem;
  if (optimumOf(problem, 0) === null) return [];
  const all = Math.min(n, m);
  const count = Math.min(all, problem.optimaKnown?.(rank) ?? all);
  if (rank > count) return [];
  const sigma = (i: number): number => {
    if (i > count) return 0;
    const before = optimumOf(problem, i - 1)!;
    const gain = before - optimumOf(problem, i)!;
    return gain > floor + CANCELLATION * before ? Math.sqrt(2 * gain) : 0;
  };
  /** First number from `from` on whose singular value is below a bound. */
  const firstBelow = (bound: number, from: number): number => {
    let [low, high] = [from, count + 1];
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      if (sigma(middle) < bound) high = middle;
      else low = middle + 1;
    }
    return low;
  };
  const last = Math.min(rank, firstBelow(Number.MIN_VALUE, 1) - 1);
  if (last === 0) return [];
  const least = sigma(last);
  const lesser = firstBelow(least / (1 + SAME), last + 1);
  if (lesser > count && count < all) return [];
  const saddles = [{ index: last, missing: least, present: sigma(lesser) }];
  // Its copies beyond the rank can stand for a greater direction without a smaller singular value at its own place.
  const greater = firstBelow(least * (1 + SAME), 1) - 1;
  if (lesser > last + 1 && greater > 0)
    saddles.push({ index: greater, missing: sigma(greater), present: least });
  return saddles;
}

/** Loss that a saddle lies above the optimum. */
export const heightOf = ({ missing, present }: Saddle): number => (missing ** 2 - present ** 2) / 2;
