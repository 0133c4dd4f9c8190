/**
 * What losses share whose optimum over rank r is a sum of squared singular values beyond the r-th (after whitening,
 * with a covariance): the relative error as metric, its law, and the saddles near the optimum.
 */
import { restsAtOptimum } from '../flow/motion.js';
import { eckartYoungMirsky } from '../theory/frobenius.js';
import type { Law, Setting } from './loss.js';
import { relativeError } from './metric.js';
import { nearestSaddles } from './nearestSaddles.js';
import type { Problem } from './problem.js';

/**
 * The relative error of the least loss of a rank, where flows rest at the optimum of their rank alone; null elsewhere, if
 * that is unknown, or W0 is the optimum.
 */
export function lawOfOptimum(problem: Problem, { rank, motion }: Setting): Law | null {
  if (!restsAtOptimum(motion)) return null;
  const optimum = problem.optimum(rank);
  if (optimum === null || !problem.initialLoss) return null;
  return { value: Math.sqrt(optimum / problem.initialLoss), name: 'Eckart-Young-Mirsky' };
}

/** The answers of such a loss that do not depend on how it whitens. */
export const spectralAnswers = {
  metric: relativeError,
  isSpectral: true,
  law: lawOfOptimum,
  saddles: nearestSaddles,
} as const;

/** The smallest loss of each rank, by singular values [min(n, m)]. */
export const optimumOver = (sigma: Float64Array) => (rank: number) => eckartYoungMirsky(sigma, rank).loss;
