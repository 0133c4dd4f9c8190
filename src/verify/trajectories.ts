/**
 * Trajectories of cases through the simulator, between adapters at their start and adapters at their end.
 */
import type { State64 } from '../../kernels/cpu/step.js';
import type { Factors } from '../ensemble/adapter.js';
import { method, type Method } from '../method/method.js';
import { chunkFor, type Trajectory } from '../solver/solve.js';
import type { Case } from './cases.js';
import type { Context } from './check.js';
import { intoFlow, outOfFlow } from './fields.js';

/** How a trajectory is followed: the last save time is its end. */
export interface Run {
  readonly method: Method;
  readonly saveTimes: readonly number[];
}

/** Stages of classical Runge-Kutta. */
export const STAGES = 4;

/**
 * Classical Runge-Kutta in equal steps, so that how many there are, and with it the error that is allowed, does not
 * depend on a backend.
 */
export const fixedSteps = (end: number, steps: number): Run => ({
  method: method('rk4', { step: end / steps }),
  saveTimes: [end],
});

/**
 * Advances normalized factors of a case.
 * @throws Error if a trajectory does not reach the end
 */
export async function advanced(
  { subject, backend }: Context,
  at: Case,
  starts: readonly Factors[],
  run: Run,
): Promise<Trajectory[]> {
  const { problem, rank, coefficients } = at;
  const members = starts.map((start) => ({ rank, coefficients, initial: () => start }));
  const found = new Array<Trajectory>(starts.length);
  for await (const chunk of subject.solve(problem, members, {
    method: run.method,
    stop: { saveTimes: run.saveTimes, steadyTolerance: null, maxSteps: 100_000 },
    chunk: chunkFor(problem, backend),
  }))
    for (const { index, trajectory } of chunk) {
      if (trajectory.outcome !== 'end-time') throw new Error(`${at.name} ended by ${trajectory.outcome}`);
      found[index] = trajectory;
    }
  return found;
}

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
