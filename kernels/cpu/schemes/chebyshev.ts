/** A Runge-Kutta-Chebyshev step in float64, and its power iteration. */
import { ERROR_OF_CHANGE, ERROR_OF_SLOPES, NUDGE } from '../../../src/method/control.js';
import type { ChebyshevStages } from '../../../src/method/schemes/chebyshev.js';
import type { Asking } from '../field.js';
import { moved, norm, zeros, type State64 } from '../state.js';
import type { Step64 } from './step.js';

/**
 * A step of size h from a state whose derivative is `first`. A component that has no slope in any stage, as a frozen
 * factor, stays to the last bit.
 */
export function* chebyshev(
  stages: ChebyshevStages,
  state: State64,
  first: State64,
  h: number,
): Asking<Step64> {
  const still = first.map(isZero);
  const look = (slope: State64) => slope.forEach((z, c) => (still[c] &&= isZero(z)));
  let [before, last] = [state, moved(state, h, [stages.first], [first])];
  for (const { mu, nu, muTilde, gammaTilde } of stages.rest) {
    const [slope] = yield [last];
    look(slope!);
    const mixed = moved(zeros(state), 1, [1 - mu - nu, mu, nu], [state, last, before]);
    [before, last] = [last, moved(mixed, h, [muTilde, gammaTilde], [slope!, first])];
  }
  const [slope] = yield [last];
  look(slope!);
  const end = last.map((z, c) => (still[c] ? state[c]! : z));
  const weights = [ERROR_OF_CHANGE / h, -ERROR_OF_CHANGE / h, ERROR_OF_SLOPES, ERROR_OF_SLOPES];
  const error = moved(zeros(state), 1, weights, [state, end, first, slope!]);
  return { next: [end], slope: [slope!], error: [error] };
}

const isZero = (z: Float64Array): boolean => z.every((value) => value === 0);

/**
 * A power iteration with the Jacobian at a state whose derivative is `slope`, by a difference of the flow along
 * `direction` (along `slope` where that is none): the new direction, and the spectral radius that it measures.
 */
export function* powerIteration(
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
