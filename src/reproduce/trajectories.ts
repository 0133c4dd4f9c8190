/** Trajectories of a claim: an ensemble followed to given times, or to rest. */
import { ensemble, type EnsembleOptions } from '../ensemble/ensemble.js';
import type { Member } from '../ensemble/member.js';
import type { Coefficients } from '../flow/coefficients.js';
import type { Method } from '../method/method.js';
import { method } from '../method/methods.js';
import type { Problem } from '../problem/problem.js';
import type { Detail } from '../solver/observe.js';
import type { Solved } from '../solver/solution.js';
import type { ClaimContext } from './claim.js';

/** Coefficients that scale nothing. */
export const plain: Coefficients = { scale: 1, lrRatioA: 1, lrRatioB: 1 };

/** Tolerance of adaptive steps: a hundredth of what claims are judged by. */
const RTOL = 1e-6;
/** Speed of the flow, over its largest, at which a trajectory rests. */
const STEADY = 1e-5;

export interface Following {
  /** Default: dopri5 at a relative tolerance of 1e-6. */
  readonly by?: Method;
  readonly detail?: Detail;
}

/** Trajectories of members at save times t, in their order. */
export const followed = (
  { device, solve }: ClaimContext,
  problem: Problem,
  members: readonly Member[],
  saveTimes: readonly number[],
  { by = method('dopri5', { rtol: RTOL }), detail = 'flow' }: Following = {},
): Promise<Solved[]> =>
  solve({ problem, members }, { method: by, stop: { saveTimes }, device, detail }).all();

/** Trajectories of an ensemble until they rest, for `time` at most, in its order. */
export const settled = (
  { device, solve, seed }: ClaimContext,
  options: Omit<EnsembleOptions, 'seed'>,
  time: number,
): Promise<Solved[]> =>
  solve(ensemble({ ...options, seed }), {
    method: method('rkc2', { rtol: RTOL }),
    stop: { saveTimes: [time], steadyTolerance: STEADY },
    device,
  }).all();

/** |value - expected|, over a scale. */
export const off = (value: number, expected: number, scale = expected): number =>
  Math.abs(value - expected) / Math.abs(scale);
