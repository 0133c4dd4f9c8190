/**
 * Trajectories of cases through the simulator, between adapters at their start and adapters at their end.
 */
import type { Field } from '../../../kernels/cpu/field.js';
import type { State64 } from '../../../kernels/cpu/state.js';
import type { BackendInfo } from '../../backend/backend.js';
import type { Flow } from '../../flow/flow.js';
import type { Coefficients } from '../../flow/coefficients.js';
import { memberAt } from '../../ensemble/member.js';
import type { Factors } from '../../problem/factors.js';
import { method } from '../../method/methods.js';
import type { Method } from '../../method/method.js';
import { rungeKutta } from '../../method/schemes/rungeKutta.js';
import type { Tableau } from '../../method/tableau.js';
import type { Problem } from '../../problem/problem.js';
import type { PathChoice } from '../../solver/path.js';
import type { Trajectory } from '../../solver/chunk.js';
import type { Case } from '../cases.js';
import { atMost, type Allowed, type CheckContext } from '../check.js';
import { intoFlow, outOfFlow } from './fields.js';
import type { VerificationSubject } from '../subject.js';
import { roundingName, unitRoundoff } from './precision.js';

/**
 * Run of a trajectory: the last save time is its end, unless it becomes stationary before; by tensor operations
 * in float32 unless told otherwise.
 */
export interface Run extends PathChoice {
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
  method: { scheme: rungeKutta(tableau), control: { kind: 'fixed', step: end / steps } },
  saveTimes: [end],
  steadyTolerance: null,
});

/** Relative error that a step may make; what is near the roundoff of slopes would reject steps for their rounding. */
export const stepTolerance = (backend: BackendInfo): number => Math.max(1e-6, 8 * unitRoundoff(backend));

/** Steps as long as their errors allow, to a time that is yet to be given. */
export const adaptive = (backend: BackendInfo, rtol = stepTolerance(backend)): Omit<Run, 'saveTimes'> => ({
  method: method('dopri5', { rtol }),
  steadyTolerance: null,
});

/** Largest relative error of what is simulated so, as a multiple of the error of a step. */
export const toleranceBudget =
  (times: number, reason: string) =>
  (backend: BackendInfo): Allowed => {
    const rtol = stepTolerance(backend);
    return atMost(
      times * rtol,
      `${times} step tolerances of dopri5 at rtol ${rtol.toPrecision(1)} in ${roundingName(backend)}: ${reason}`,
    );
  };

/** Largest relative error of a path. */
export const pathBudget = toleranceBudget(10, 'the errors of its steps add up');

export const MOST_STEPS = 100_000;

/**
 * Trajectories from normalized factors, of any ranks, in their order.
 * @throws Error if one neither reaches the end nor becomes stationary
 */
export async function solveProblem(
  { subject, device }: CheckContext,
  problem: Problem,
  coefficients: Coefficients,
  starts: readonly Factors[],
  { method: by, saveTimes, steadyTolerance, kernel = 'tensor-ops', precision = 'float32' }: Run,
  flow?: Flow,
): Promise<Trajectory[]> {
  const members = starts.map((start, trial) => memberAt(start, coefficients, trial, flow));
  const stop = { saveTimes, steadyTolerance, maxSteps: MOST_STEPS };
  const options = { method: by, stop, kernel, precision, device };
  const trajectories = await subject.solve({ problem, members }, options).all();
  const failure = trajectories.find(({ outcome }) => outcome !== 'end-time' && outcome !== 'stationary');
  if (failure)
    throw new Error(
      `a trajectory of ${problem.loss.name} ended by ${failure.outcome} at t = ${failure.time}`,
    );
  return trajectories;
}

/** Trajectories of a case from normalized factors, in their order; @throws as for any problem. */
export const solveCase = (
  context: CheckContext,
  { problem, coefficients, flow }: Case,
  starts: readonly Factors[],
  run: Run,
): Promise<Trajectory[]> => solveProblem(context, problem, coefficients, starts, run, flow);

/** [B, A] at the end, from [B, A] at the start. */
export async function ends(
  context: CheckContext,
  at: Case,
  starts: readonly State64[],
  run: Run,
): Promise<State64[]> {
  const { subject } = context;
  const trajectories = await solveCase(
    context,
    at,
    starts.map((state) => intoFlow(subject, at, state)),
    run,
  );
  return trajectories.map(({ factors }) => outOfFlow(subject, at, factors));
}

/** Integrates a field in equal Runge-Kutta steps, in float64, from several states at once, to their ends. */
export async function integrate(
  { rungeKuttaStep }: VerificationSubject,
  tableau: Tableau,
  field: Field,
  starts: readonly State64[],
  time: number,
  steps: number,
): Promise<readonly State64[]> {
  const h = starts.map(() => time / steps);
  let [states, slopes] = [starts, await field(starts)];
  for (let k = 0; k < steps; k++) {
    const { next, slope } = await rungeKuttaStep(field, tableau, states, slopes, h);
    [states, slopes] = [next, tableau.sharesLast ? slope : await field(next)];
  }
  return states;
}
