/**
 * The float64 twin of the solver's loop (src/solver/integrate.ts): one trajectory on the host, by the same methods,
 * step decisions (src/method/track.ts) and outcomes.
 */
import { errorOfTwo, FIRST_ITERATIONS, firstGuess } from '../../src/method/control.js';
import { assertMethod, carried, type Method } from '../../src/method/method.js';
import type { Outcome } from '../../src/method/outcome.js';
import {
  begin,
  beginIterations,
  judge,
  newTrack,
  plan,
  save,
  type StopRule,
  type Track,
} from '../../src/method/track.js';
import { attempt, type Place } from './attempt.js';
import type { Asking } from './field.js';
import type { Moving } from './schemes/optimizer.js';
import { powerIteration } from './schemes/chebyshev.js';
import { moved, norm, type State64 } from './state.js';

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

/**
 * Advances a trajectory to its end.
 * @param clock time of the field per unit of time t
 * @param moving what an optimizer moves, and who hears of steps; other schemes ask for derivatives, and need not know
 * @throws InputError if the scheme cannot be under the control
 */
export function* twin(
  start: State64,
  clock: number,
  method: Method,
  stop: StopRule,
  moving?: Moving,
): Asking<TwinEnding> {
  assertMethod(method);
  const track = newTrack<State64>(0, clock, method);
  if (stop.saveTimes[0] === 0) save(track, start, stop);
  let place = yield* beginPlace(track, start, method);
  while (track.outcome === null) {
    const step = plan(track, method, stop);
    moving?.begin?.(step.number);
    const { next, slope, error, lowError, memory } = yield* attempt(method.scheme, place, step, moving);
    const [state, rate] = [next[0]!, norm(slope[0]!)];
    const iteration = step.iterates ? yield* powerIteration(state, slope[0]!, place.direction!) : null;
    const estimated = error ? norm(error[0]!) : 0;
    const measured = {
      size: norm(state),
      rate,
      errorRate: lowError ? errorOfTwo(estimated, norm(lowError[0]!)) : estimated,
      radius: iteration ? iteration.radius : NaN,
    };
    if (!judge(track, step, measured, method, stop)) continue;
    place = {
      state,
      slope: place.slope && slope[0]!,
      direction: iteration ? iteration.direction : place.direction,
      memory: memory ?? [],
    };
    if (step.hit) save(track, state, stop);
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

/** The place before the first step; sets the size of that step, and the spectral radius to go by. */
function* beginPlace(track: Track<State64>, state: State64, method: Method): Asking<Place> {
  const carries = carried(method);
  if (!carries.includes('slope'))
    return { state, slope: null, direction: null, memory: emptyMemory(method, state) };
  const slope = (yield [state])[0]!;
  const [size, rate] = [norm(state), norm(slope)];
  const guess = firstGuess(size, rate);
  const [after] = yield [moved(state, guess, [1], [slope])];
  const curvature = norm(moved(after!, -1, [1], [slope])) / guess;
  begin(track, { size, rate, guess, curvature }, method);
  if (!carries.includes('direction')) return { state, slope, direction: null, memory: [] };
  let iteration = { direction: slope, radius: NaN };
  for (let k = 0; k < FIRST_ITERATIONS; k++)
    iteration = yield* powerIteration(state, slope, iteration.direction);
  beginIterations(track, iteration.radius);
  return { state, slope, direction: iteration.direction, memory: [] };
}

/** The memory that a scheme begins with: so many zeros for every component. */
const emptyMemory = ({ scheme }: Method, state: State64): State64 =>
  state.flatMap((z) => Array.from({ length: scheme.memory }, () => new Float64Array(z.length)));
