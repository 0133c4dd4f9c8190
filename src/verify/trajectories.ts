/**
 * Trajectories of cases through the simulator, between adapters at their start and adapters at their end.
 */
import type { State64 } from '../../kernels/cpu/step.js';
import type { Coefficients, Factors } from '../ensemble/adapter.js';
import type { Method } from '../method/method.js';
import type { Tableau } from '../method/tableau.js';
import type { Problem } from '../problem/problem.js';
import { chunkFor, type Trajectory } from '../solver/solve.js';
import type { Case } from './cases.js';
import type { Context } from './check.js';
import { intoFlow, outOfFlow } from './fields.js';

/** How a trajectory is followed: the last save time is its end, unless it becomes stationary before. */
export interface Run {
  readonly method: Method;
  readonly saveTimes: readonly number[];
  /** Fraction of its largest to which the flow falls where it is called stationary; null: never. */
  readonly steadyTolerance: number | null;
}

/**
 * A method in equal steps, so that how many there are, and with it the error that is allowed, does not depend on a
 * backend.
 */
export const fixedSteps = (tableau: Tableau, end: number, steps: number): Run => ({
  method: { kind: 'fixed', tableau, step: end / steps },
  saveTimes: [end],
  steadyTolerance: null,
});

export const MOST_STEPS = 100_000;

/**
 * Trajectories from normalized factors, of any ranks, in their order.
 * @throws Error if one neither reaches the end nor becomes stationary
 */
export async function solved(
  { subject, backend }: Context,
  problem: Problem,
  coefficients: Coefficients,
  starts: readonly Factors[],
  { method: by, ...stop }: Run,
): Promise<Trajectory[]> {
  const members = starts.map((start) => ({ rank: start.x.cols, coefficients, initial: () => start }));
  const found = new Array<Trajectory>(starts.length);
  for await (const chunk of subject.solve(problem, members, {
    method: by,
    stop: { ...stop, maxSteps: MOST_STEPS },
    chunk: chunkFor(problem, backend),
  }))
    for (const { index, trajectory } of chunk) found[index] = trajectory;
  const failed = found.find(({ outcome }) => outcome !== 'end-time' && outcome !== 'stationary');
  if (failed)
    throw new Error(`a trajectory of ${problem.loss} ended by ${failed.outcome} at t = ${failed.time}`);
  return found;
}

/** The same of a case. */
export const advanced = (
  context: Context,
  { problem, coefficients }: Case,
  starts: readonly Factors[],
  run: Run,
): Promise<Trajectory[]> => solved(context, problem, coefficients, starts, run);

/** [B, A] at the end, from [B, A] at the start. */
export async function ends(
  context: Context,
  at: Case,
  starts: readonly State64[],
  run: Run,
): Promise<State64[]> {
  const { subject } = context;
  const flown = await advanced(
    context,
    at,
    starts.map((state) => intoFlow(subject, at, state)),
    run,
  );
  return flown.map(({ factors }) => outOfFlow(subject, at, factors));
}
