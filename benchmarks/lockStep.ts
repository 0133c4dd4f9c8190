/**
 * What a batch without step sizes of its own would do: all trajectories advance by one step in time t, as one large
 * system whose scaled error is the largest of theirs; by the step, the controller and the starting step of the float64
 * twin (kernels/cpu).
 */
import { answered, type HostField } from '../kernels/cpu/field.js';
import { moved, norm, type State64 } from '../kernels/cpu/state.js';
import { rungeKutta } from '../kernels/cpu/schemes/rungeKutta.js';
import { decide, firstGuess, scaledError, startingStep, type Control } from '../src/method/control.js';
import type { RungeKutta } from '../src/method/schemes/rungeKutta.js';

export interface Adaptive {
  readonly scheme: RungeKutta;
  readonly control: Extract<Control, { kind: 'error' }>;
}

/** The starting step of each, in time t; the shared one is the smallest. */
function starting(
  field: HostField,
  starts: readonly State64[],
  slopes: readonly State64[],
  clocks: readonly number[],
  { scheme, control }: Adaptive,
): number {
  const guesses = starts.map((start, i) => firstGuess(norm(start), norm(slopes[i]!)));
  const after = field(starts.map((start, i) => moved(start, guesses[i]!, [1], [slopes[i]!])));
  const steps = starts.map((start, i) => {
    const curvature = norm(moved(after[i]!, -1, [1], [slopes[i]!])) / guesses[i]!;
    const scale = control.atol + control.rtol * norm(start);
    return startingStep(guesses[i]!, norm(slopes[i]!), curvature, scale, scheme.errorOrder!) / clocks[i]!;
  });
  return Math.min(...steps);
}

export interface LockStepEnding {
  /** Accepted and rejected, of the whole batch: as many of each trajectory. */
  readonly steps: number;
  readonly states: readonly State64[];
}

/**
 * Advances a batch to time t = end.
 * @param clocks time of the field per unit of time t, of each trajectory
 */
export function lockStep(
  field: HostField,
  starts: readonly State64[],
  clocks: readonly number[],
  { scheme, control }: Adaptive,
  end: number,
): LockStepEnding {
  let [states, slopes] = [starts, field(starts)];
  let [time, steps, lastError, rejected] = [0, 0, 1e-4, false];
  let h = starting(field, starts, slopes, clocks, { scheme, control });
  while (time < end) {
    const hit = end - time <= h * (1 + 1e-6);
    const taken = hit ? end - time : h;
    const sizes = clocks.map((clock) => taken * clock);
    const step = answered(rungeKutta(scheme.tableau, states, slopes, sizes), field);
    const errors = step.error!.map((error, i) =>
      scaledError(sizes[i]! * norm(error), norm(step.next[i]!), control.rtol, control.atol),
    );
    const decision = decide(taken, Math.max(...errors), lastError, scheme.errorOrder!, rejected);
    steps++;
    h = decision.next;
    lastError = decision.lastError;
    rejected = !decision.accepted;
    if (!decision.accepted) continue;
    time = hit ? end : time + taken;
    [states, slopes] = [step.next, step.slope];
  }
  return { steps, states };
}
