/**
 * The float64 twin of the loop (integrate.ts): one trajectory of a field on the host, by the same methods, step-size
 * decisions (track.ts) and outcomes.
 */
import { gradientDescentStep, rungeKuttaStep, type Field, type State64 } from '../../kernels/cpu/step.js';
import { firstGuess, startingStep } from '../method/controller.js';
import type { Method } from '../method/method.js';
import type { Outcome } from '../method/outcome.js';
import { judge, newTrack, planStep, record, type StopRule, type Track } from './track.js';

export interface TwinEnding {
  readonly outcome: Outcome;
  readonly acceptedSteps: number;
  readonly rejectedSteps: number;
  /** The state at every save time that was reached. */
  readonly saved: readonly State64[];
  readonly state: State64;
}

const norm = (state: State64): number => Math.hypot(...state.map((z) => Math.hypot(...z)));

/**
 * Advances a trajectory to its end.
 * @param clock time of the field per unit of time t
 */
export async function solveTwin(
  field: Field,
  start: State64,
  clock: number,
  method: Method,
  stop: StopRule,
): Promise<TwinEnding> {
  const track = newTrack<State64>(0, clock, method);
  const derivative = async (state: State64) => (await field([state]))[0]!;
  let state = start;
  let slope = await derivative(state);
  if (stop.saveTimes[0] === 0) record(track, state, stop);
  if (method.kind === 'adaptive') await setFirstStep(track, state, slope, derivative, method);
  while (track.outcome === null) {
    const step = planStep(track, method, stop);
    const tried = await take(field, method, state, slope, step.h);
    const measured = {
      size: norm(tried.state),
      rate: norm(tried.slope),
      errorRate: tried.error ? norm(tried.error) : 0,
    };
    if (!judge(track, step, measured, method, stop)) continue;
    state = tried.state;
    slope = method.kind === 'adaptive' ? tried.slope : await derivative(state);
    if (step.hit) record(track, state, stop);
  }
  return {
    outcome: track.outcome,
    acceptedSteps: track.accepted,
    rejectedSteps: track.rejected,
    saved: track.saved,
    state,
  };
}

interface Tried {
  readonly state: State64;
  readonly slope: State64;
  readonly error: State64 | null;
}

async function take(field: Field, method: Method, state: State64, slope: State64, h: number): Promise<Tried> {
  if (method.kind === 'gradient-descent') {
    const [next] = await gradientDescentStep(field, method.order, [state], [h]);
    return { state: next!, slope, error: null };
  }
  const step = await rungeKuttaStep(field, method.tableau, [state], [slope], [h]);
  return { state: step.next[0]!, slope: step.slope[0]!, error: step.error?.[0] ?? null };
}

async function setFirstStep(
  track: Track<State64>,
  state: State64,
  slope: State64,
  derivative: (state: State64) => Promise<State64>,
  { rtol, atol, tableau }: Extract<Method, { kind: 'adaptive' }>,
): Promise<void> {
  const [size, rate] = [norm(state), norm(slope)];
  const h0 = firstGuess(size, rate);
  const after = await derivative(state.map((z, c) => z.map((value, i) => value + h0 * slope[c]![i]!)));
  const change = norm(after.map((z, c) => z.map((value, i) => value - slope[c]![i]!)));
  track.peak = rate;
  track.proposal = startingStep(h0, rate, change / h0, atol + rtol * size, tableau.order);
}
