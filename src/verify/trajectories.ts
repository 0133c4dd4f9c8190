/**
 * Trajectories of cases through the simulator, between adapters at their start and adapters at their end. Steps are of
 * a fixed size, so that how many there are, and with it the error that is allowed, does not depend on a backend.
 */
import { clock, outOfFrame, type Factors } from '../ensemble/adapter.js';
import { method } from '../method/method.js';
import { chunkFor, type Trajectory } from '../solver/solve.js';
import type { State64 } from '../../kernels/cpu/step.js';
import type { Case } from './cases.js';
import type { Context } from './check.js';
import { intoFlow, stateOf } from './fields.js';
import type { Subject } from './subject.js';

/** Time from 0 to `end` in equal steps of classical Runge-Kutta. */
export interface Span {
  readonly end: number;
  readonly steps: number;
}

export const STAGES = 4;

/** The time in which the largest rate of a case at W0 acts `horizon` times over. */
export const timeOf = ({ problem, coefficients }: Case, horizon: number): number =>
  horizon / (clock(coefficients) * problem.rate);

/**
 * Advances normalized factors of a case.
 * @param observed whether to observe every step, from 0 on, or only the end
 * @throws Error if a trajectory does not reach the end
 */
export async function advanced(
  { subject, backend }: Context,
  at: Case,
  starts: readonly Factors[],
  { end, steps }: Span,
  observed = false,
): Promise<Trajectory[]> {
  const { problem, rank, coefficients } = at;
  const members = starts.map((start) => ({ rank, coefficients, initial: () => start }));
  const saveTimes = observed ? Array.from({ length: steps + 1 }, (_, k) => (k * end) / steps) : [end];
  const found = new Array<Trajectory>(starts.length);
  for await (const chunk of subject.solve(problem, members, {
    method: method('rk4', { step: end / steps }),
    stop: { saveTimes, steadyTolerance: null, maxSteps: 2 * steps },
    chunk: chunkFor(problem, backend),
  }))
    for (const { index, trajectory } of chunk) {
      if (trajectory.outcome !== 'end-time') throw new Error(`${at.name} ended by ${trajectory.outcome}`);
      found[index] = trajectory;
    }
  return found;
}

/** Normalized factors of a case as [B, A]. */
export const adapterState = (subject: Subject, at: Case, factors: Factors): State64 =>
  stateOf(subject.fromFactors(outOfFrame(factors, at.problem.frame), at.coefficients));

/** [B, A] at the end, from [B, A] at the start. */
export async function ends(
  context: Context,
  at: Case,
  starts: readonly State64[],
  span: Span,
): Promise<State64[]> {
  const { subject } = context;
  const flown = await advanced(
    context,
    at,
    starts.map((state) => intoFlow(subject, at, state)),
    span,
  );
  return flown.map(({ factors }) => adapterState(subject, at, factors));
}
