/**
 * The float64 twin of the solver's loop (src/solver/integrate.ts): one trajectory on the host, by the same methods, step
 * decisions (src/method/track.ts) and outcomes.
 */
import { chebyshev, gradientDescent, moved, rungeKutta, type Asking, type State64 } from './step.js';
import { FIRST_ITERATIONS, firstGuess, NUDGE, startingStep } from '../../src/method/control.js';
import { assertMethod, estimateOrder, type AdaptiveMethod, type Method } from '../../src/method/method.js';
import type { Outcome } from '../../src/method/outcome.js';
import { spectralRadius, stagesOf } from '../../src/method/stabilized.js';
import {
  judge,
  newTrack,
  planStep,
  record,
  type PlannedStep,
  type StopRule,
  type Track,
} from '../../src/method/track.js';

export interface TwinEnding {
  readonly outcome: Outcome;
  /** Time t of the last state. */
  readonly time: number;
  readonly acceptedSteps: number;
  readonly rejectedSteps: number;
  /** Evaluations of the flow. */
  readonly evaluations: number;
  /** The state at every save time that was reached. */
  readonly saved: readonly State64[];
  readonly state: State64;
}

/** |state|, scaled where squares underflow, so that it is 0 where all entries are. */
function norm(state: State64): number {
  const plain = Math.hypot(...state.map((z) => Math.sqrt(sumOfSquares(z, 1))));
  return plain < SMALL ? Math.hypot(...state.map((z) => Math.sqrt(sumOfSquares(z, SCALE)))) / SCALE : plain;
}

const SMALL = 2 ** -450;
const SCALE = 2 ** 600;

const sumOfSquares = (z: Float64Array, scale: number): number =>
  z.reduce((sum, value) => sum + scale * value * (scale * value), 0);

/** Where a trajectory is, its derivative there, and for a stabilized method the direction of fastest change. */
interface Place {
  readonly state: State64;
  readonly slope: State64;
  readonly direction: State64;
}

/**
 * Advances a trajectory to its end.
 * @param clock time of the field per unit of time t
 * @throws InputError if the method is none
 */
export function* twin(start: State64, clock: number, method: Method, stop: StopRule): Asking<TwinEnding> {
  assertMethod(method);
  const track = newTrack<State64>(0, clock, method);
  const [slope] = yield [start];
  let place: Place = { state: start, slope: slope!, direction: slope! };
  if (stop.saveTimes[0] === 0) record(track, start, stop);
  if (!('step' in method)) place = yield* begun(track, place, method);
  while (track.outcome === null) {
    const step = planStep(track, method, stop);
    const tried = yield* taken(method, place, step);
    const measured = {
      size: norm(tried.state),
      rate: norm(tried.slope),
      errorRate: tried.error ? norm(tried.error) : 0,
      radius: tried.radius,
    };
    if (!judge(track, step, measured, method, stop)) continue;
    place = 'step' in method ? { ...tried, slope: (yield [tried.state])[0]! } : tried;
    if (step.hit) record(track, place.state, stop);
  }
  return {
    outcome: track.outcome,
    time: track.tau / track.clock,
    acceptedSteps: track.accepted,
    rejectedSteps: track.rejected,
    evaluations: track.evaluations,
    saved: track.saved,
    state: place.state,
  };
}

interface Tried extends Place {
  readonly error: State64 | null;
  readonly radius: number;
}

function* taken(
  method: Method,
  { state, slope, direction }: Place,
  { h, stages, iterates }: PlannedStep,
): Asking<Tried> {
  switch (method.kind) {
    case 'gradient-descent': {
      const step = yield* gradientDescent(method.order, [state], [h]);
      return { state: step.next[0]!, slope: step.slope[0]!, direction, error: null, radius: NaN };
    }
    case 'fixed':
    case 'adaptive': {
      const step = yield* rungeKutta(method.tableau, [state], [slope], [h]);
      const error = step.error?.[0] ?? null;
      return { state: step.next[0]!, slope: step.slope[0]!, direction, error, radius: NaN };
    }
    case 'stabilized': {
      const step = yield* chebyshev(stagesOf(stages), state, slope, h);
      const next = { state: step.next[0]!, slope: step.slope[0]! };
      const error = step.error![0]!;
      if (!iterates) return { ...next, error, direction, radius: NaN };
      return { ...next, error, ...(yield* iterated(next.state, next.slope, direction)) };
    }
  }
}

/** A power iteration with the Jacobian at a state, by a difference of the flow along a direction. */
function* iterated(
  state: State64,
  slope: State64,
  direction: State64,
): Asking<{ readonly direction: State64; readonly radius: number }> {
  const length = NUDGE * norm(state);
  const size = norm(direction);
  const [along, per] = size > 0 && size < Infinity ? [direction, size] : [slope, norm(slope)];
  const [nudged] = yield [moved(state, length / per, [1], [along])];
  const change = moved(nudged!, -1, [1], [slope]);
  return { direction: change, radius: norm(change) / length };
}

/** Sets the first step and what a stabilized method begins with. */
function* begun(track: Track<State64>, place: Place, method: AdaptiveMethod): Asking<Place> {
  const { state, slope } = place;
  const [size, rate] = [norm(state), norm(slope)];
  const h0 = firstGuess(size, rate);
  const [after] = yield [moved(state, h0, [1], [slope])];
  const change = norm(moved(after!, -1, [1], [slope]));
  track.peak = rate;
  track.evaluations = 2;
  const scale = method.atol + method.rtol * size;
  track.proposal = startingStep(h0, rate, change / h0, scale, estimateOrder(method));
  if (method.kind !== 'stabilized') return place;
  let found = { direction: slope, radius: NaN };
  for (let k = 0; k < FIRST_ITERATIONS; k++) found = yield* iterated(state, slope, found.direction);
  track.evaluations += FIRST_ITERATIONS;
  track.radius = spectralRadius(found.radius, track.radius);
  return { ...place, direction: found.direction };
}
