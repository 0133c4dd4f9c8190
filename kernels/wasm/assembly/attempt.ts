/**
 * What a method does with the state of the trajectory in hand, as kernels/cpu/twin.ts does: it begins, attempts steps
 * and measures them, and keeps those that are accepted. Each scheme has a file in schemes/.
 */
import { firstGuess, spectralRadius, startingStep } from './control';
import { derivative } from './flow';
import { Control, FIRST_ITERATIONS, Part, Scheme } from './generated/constants';
import { Track } from './generated/layout';
import { parameters } from './parameters';
import { chebyshev } from './schemes/chebyshev';
import { gradientDescent } from './schemes/gradientDescent';
import { powerIteration } from './schemes/powerIteration';
import { rungeKutta } from './schemes/rungeKutta';
import { movingAt, movingBytes, stateBytes } from './shape';
import { direction, keepDirection, keepSlope, keepState, next, nextSlope, slope, state } from './slots';
import { iterates } from './track';
import { combine, difference, norm, term } from './vectors';

/** Norms of the state, its slope and the error over h of the tried step, and the spectral radius (NaN: not known). */
export let size: f64 = 0;
export let rate: f64 = 0;
export let errorRate: f64 = 0;
export let radius: f64 = NaN;

/** Whether the direction has to be kept, with the state, to go on later. */
export function keepsDirection(): bool {
  return parameters.scheme == Scheme.CHEBYSHEV;
}

/** Evaluates what is carried from step to step and not kept in the memory. */
export function resume(): void {
  if (parameters.sharesLast) derivative(slope, state, Part.BOTH);
}

/** Sets the first step of a method that chooses it, and what a stabilized one begins with. */
export function begin(track: Track): void {
  if (parameters.control == Control.FIXED) return;
  size = norm(state, stateBytes);
  rate = norm(slope + movingAt, movingBytes);
  const h0 = firstGuess(size, rate);
  term(1, state);
  term(h0, slope);
  combine(next, movingAt, movingBytes);
  derivative(nextSlope, next, Part.BOTH);
  const change = difference(nextSlope, nextSlope, slope, movingAt, movingBytes);
  track.peak = rate;
  track.evaluations = 2;
  track.proposal = startingStep(h0, rate, change / h0, size);
  if (parameters.scheme != Scheme.CHEBYSHEV) return;
  memory.copy(direction, slope, stateBytes);
  for (let k: f64 = 0; k < FIRST_ITERATIONS; k++) {
    radius = powerIteration(state, slope);
    keepDirection();
  }
  track.evaluations += FIRST_ITERATIONS;
  track.radius = spectralRadius(radius, track.radius);
}

/** Tries the planned step and measures it. */
export function attempt(): void {
  errorRate = 0;
  radius = NaN;
  switch (parameters.scheme) {
    case Scheme.GRADIENT_DESCENT:
      gradientDescent();
      break;
    case Scheme.RUNGE_KUTTA:
      errorRate = rungeKutta();
      break;
    case Scheme.CHEBYSHEV:
      errorRate = chebyshev();
      if (iterates) radius = powerIteration(next, nextSlope);
      break;
  }
  size = norm(next, stateBytes);
  rate = norm((parameters.sharesLast ? nextSlope : slope) + movingAt, movingBytes);
}

/** Moves on to where the tried step led. */
export function accept(): void {
  keepState();
  if (parameters.sharesLast) keepSlope();
  if (parameters.scheme == Scheme.CHEBYSHEV && iterates) keepDirection();
}
