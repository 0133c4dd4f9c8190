/**
 * What a stationary end is: the optimum, a point short of it, a saddle, or all that the precision can tell. "Stopped"
 * is not "optimal": the stop rule sees the gradient norm alone, which is small near every stationary point.
 *
 * The rule, for every loss whose optimum f* is known, and relative to f(W0) so that it holds where f* = 0:
 * 1. `floor` if the excess f - f* is at most what the precision resolves (accuracyFloor.ts).
 * 2. `saddle` if a direction of the optimum is missing: the singular value at its place is below the middle of its own
 *    and of the largest that can stand for it (nearestSaddles.ts). That is so at every stationary point but the
 *    optimum, and the middle is where a logistic mode turns from leaving a saddle to approaching the optimum.
 *    Directions that gain less than 1e-6 f(W0) count where the loss is not near the optimum alone.
 * 3. Otherwise the flow is on its way to the optimum: `optimum` if the loss is near it, with a relative error within
 *    0.1 % of the law's and 0.1 % of 1 (added as squares), else `short`.
 * Of what rests elsewhere (weight decay, a frozen factor) an end is compared with where the flow ends, if that is known:
 * `end` or `before-end`; else it is `unknown`. With a frozen factor and no decay that is the least loss over the other
 * one, to which any method descends; decay takes an optimizer elsewhere than the flow.
 */
import { motionUnder } from '../ensemble/member.js';
import { decays, restsAtOptimum } from '../flow/motion.js';
import { followsFlow } from '../method/method.js';
import type { Precision } from '../numbers/precision.js';
import type { Factors } from '../problem/factors.js';
import type { Problem } from '../problem/problem.js';
import { heightOf, type Saddle } from '../problem/nearestSaddles.js';
import { excessFloor } from './accuracyFloor.js';
import type { Followed } from './law.js';
import { optimumOf } from '../problem/optimumOf.js';
import type { Trajectory } from '../solver/chunk.js';

export const stationarities = {
  optimum: 'came within 0.1 % of the optimum',
  short: 'were stopped by --steady on the way to the optimum, more than 0.1 % above it',
  saddle:
    'stopped where a direction of the optimum is missing from the update, and the flow would still leave',
  floor: 'came as near to the optimum as their precision can tell',
  moving: 'are not stationary',
  end: 'came within 0.1 % of where their flow ends, which is not the optimum of their rank',
  'before-end':
    'were stopped by --steady more than 0.1 % off where their flow ends, which is not the optimum of their rank',
  unknown: 'are stationary, but where their flow should end is not known',
} as const;

/** Kind of the end of a trajectory. */
export type Stationarity = keyof typeof stationarities;

/** Relative difference of relative errors, and of singular values, that is taken for none. */
const MARGIN = 1e-3;

/**
 * Whether a loss is within 0.1 % of the optimum's relative error and 0.1 % of that at W0, added as squares.
 */
export const isNear = (loss: number, problem: Problem, rank: number): boolean =>
  isNearTo(loss, optimumOf(problem, rank) ?? NaN, problem.initialLoss ?? NaN);

/** The same, of an optimum and f(W0) that are given, within another share of the optimum's. */
export const isNearTo = (loss: number, optimum: number, initialLoss: number, share = MARGIN): boolean =>
  loss <= (1 + share) ** 2 * optimum + MARGIN ** 2 * initialLoss;

/** Kind of a stationary state X Y^T by its loss and its singular values. */
export function stationarityOf(
  problem: Problem,
  rank: number,
  precision: Precision,
  {
    loss,
    excess: direct,
    factors,
  }: { readonly loss: number; readonly excess?: number | null; readonly factors: Factors },
): Stationarity {
  const { initialLoss, loss: about } = problem;
  const optimum = optimumOf(problem, rank);
  const floor = excessFloor(problem, precision);
  if (optimum === null || initialLoss === null || floor === null) return 'unknown';
  const excess = direct ?? loss - optimum;
  if (excess <= floor) return 'floor';
  const near = isNear(loss, problem, rank);
  // With a direction that is half learnt, a quarter of what it gains is still above the optimum.
  const possible = (saddle: Saddle) =>
    excess >= heightOf(saddle) / 4 && (!near || heightOf(saddle) > MARGIN ** 2 * initialLoss);
  const saddles = about.saddles(problem, rank, floor).filter(possible);
  if (saddles.length > 0) {
    const values = about.weightedSingularValues(problem, factors);
    if (saddles.some(({ index, missing, present }) => values[index - 1]! < (missing + present) / 2))
      return 'saddle';
  }
  return near ? 'optimum' : 'short';
}

/** Kind of the end of a trajectory of a law: `moving` unless it is stationary. */
export function endOf(
  law: Followed,
  precision: Precision,
  { outcome, last, factors }: Pick<Trajectory, 'outcome' | 'last' | 'factors'>,
): Stationarity {
  if (outcome !== 'stationary') return 'moving';
  const { problem, rank } = law;
  const motion = motionUnder(law);
  if (restsAtOptimum(motion)) return stationarityOf(problem, rank, precision, { ...last, factors });
  const isElsewhere = decays(motion) && !followsFlow(law.method);
  const end = isElsewhere ? null : problem.loss.lossAtEnd(problem, factors, motion);
  if (end === null || !problem.initialLoss) return 'unknown';
  const margin = ((1 + MARGIN) ** 2 - 1) * end + MARGIN ** 2 * problem.initialLoss;
  return Math.abs(last.loss - end) <= margin ? 'end' : 'before-end';
}
