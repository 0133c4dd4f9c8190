/**
 * How far the accuracy of a trajectory that the steadiness rule stopped may lie off that of its end: what an interval
 * of the mean over trials does not see, however many there are.
 */
import type { Precision } from '../numbers/precision.js';
import type { Coefficients } from '../flow/coefficients.js';
import { clock } from '../flow/normalization.js';
import type { Factors } from '../problem/factors.js';
import type { Problem } from '../problem/problem.js';
import { excessFloor } from './accuracyFloor.js';
import type { Stationarity } from './stationarity.js';
import { optimumOf } from '../problem/optimumOf.js';

/** Room for what is not linear so near the optimum, and for the rate, which is found by iteration. */
const MARGIN = 1.1;

/** A stationary state: what was measured of it, and normalized factors. */
export interface StationaryEnd {
  readonly loss: number;
  readonly gradientNorm: number;
  readonly factors: Factors;
}

/**
 * The most that the accuracy of a stationary state lies off that of the flow's end, or null if that is unknown. Near a
 * minimum -df/dt is at least 2 rate (f - f*), so that f - f* is at most gradientNorm^2 / (2 rate); rounding adds what
 * it can (accuracyFloor.ts). A metric that is bounded by the loss itself needs no rate. What the optimum is comes in at
 * a saddle alone, whose gradient says nothing of what the flow would gain.
 */
export function biasBound(
  problem: Problem,
  coefficients: Coefficients,
  rank: number,
  precision: Precision,
  stationarity: Stationarity,
  { loss, gradientNorm, factors }: StationaryEnd,
): number | null {
  const { loss: about, initialLoss } = problem;
  const floor = excessFloor(problem, precision);
  if (floor === null || !initialLoss || stationarity === 'moving' || stationarity === 'unknown') return null;
  if (about.metric.farthest) return stationarity === 'saddle' ? null : about.metric.farthest(loss + floor);
  const left = (): number => {
    if (stationarity === 'saddle') return loss - optimumOf(problem, rank)!;
    const rate = about.rateNearOptimum(problem, factors);
    // Without a rate, all of the loss.
    return rate === null ? loss : (MARGIN * gradientNorm ** 2) / (2 * clock(coefficients) * rate) + floor;
  };
  return Math.sqrt(loss / initialLoss) - Math.sqrt(Math.max(0, loss - left()) / initialLoss);
}
