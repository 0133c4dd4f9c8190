/**
 * The control of a method: how the sizes of its steps are chosen, in float64 on the host. By error it is the PI
 * controller of DOPRI5 and its starting step (Hairer, Norsett, Wanner I, II.4; Gustafsson 1991); errors are norms of a
 * whole state, which orthogonal changes of frame leave alone. All numbers of the loop stand here, once for all kernels.
 */

import type { Schedule } from './schedule.js';

/**
 * Steps of one size in time t, which a schedule may scale while the time goes on by it, or sized by their error within
 * tolerances that are relative and absolute.
 */
export type Control =
  | { readonly kind: 'fixed'; readonly step: number; readonly schedule?: Schedule }
  | { readonly kind: 'error'; readonly rtol: number; readonly atol: number };

/** Part of the step that the error asks for which is taken. */
export const SAFETY = 0.9;
/** Least factor from a step to the next. */
export const SHRINK_LIMIT = 0.2;
/** Largest factor from a step to the next. */
export const GROW_LIMIT = 5;
/** Exponent of the last accepted step's error in the factor to the next step. */
export const BETA = 0.04;
/** Part of BETA by which the exponent of the error itself is smaller. */
export const BETA_SHARE = 0.75;
/** Least error that the controller remembers, and the one it begins with. */
export const LEAST_LAST_ERROR = 1e-4;

/** Change of the state, over its norm, in the first guess of a starting step. */
export const GUESS_CHANGE = 0.01;
/** First guess of a starting step where the state or its slope is zero. */
export const GUESS_STILL = 1e-6;
/** Scaled error of the starting step, as if the constant in the method's error were one. */
export const START_ERROR = 0.01;
/**
 * Order of the estimated error from which on that constant is small and steps are few: they begin larger, and the last two
 * before a save point are even (evened).
 */
export const HIGH_ORDER = 6;
/** The same as START_ERROR for them. */
export const HIGH_START_ERROR = 1;
/** Slope and curvature, over the scale of errors, up to which a start is flat. */
export const START_FLAT = 1e-15;
/** Starting step of a flat start over the guess. */
export const START_FLAT_FACTOR = 1e-3;
/** Least starting step of a flat start. */
export const START_FLAT_LEAST = 1e-6;
/** Largest starting step over the guess. */
export const START_GROW_LIMIT = 100;

/** A step that leaves less than this part of itself before a save point ends there. */
export const HIT_SLACK = 1e-6;
/**
 * A fixed step ends at a save point less than this many steps ahead: half a step is more than a million sums can be
 * off by.
 */
export const FIXED_HIT = 1.5;
/** Steps below this fraction of the elapsed time cannot be told from none in float64 time. */
export const TIME_RESOLUTION = 1e-12;
/**
 * Steps below this fraction of the elapsed time are given up where they leave the representable range: a state at its
 * edge can neither take a larger step nor, with a smaller one, move to the next float32 number, and would stay there.
 */
export const EDGE_RESOLUTION = 2 ** -24;
/** Steps below this are too small however little time has passed. */
export const SMALLEST_STEP = 1e-30;

/** Fewest stages of a Chebyshev step. */
export const LEAST_STAGES = 2;
/** Square of the stages that a unit of step times spectral radius needs, beyond 1. */
export const STABILITY_STAGES = 1.54;
/** Part of the stability interval that is used. */
export const STABILITY_USE = 0.999;
/** Spectral radius to go by over the one that a power iteration, which approaches it from below, arrives at. */
export const RADIUS_SAFETY = 1.1;
/** Least spectral radius to go by over the one before. */
export const RADIUS_MEMORY = 0.9;
/** Power iterations at the start. */
export const FIRST_ITERATIONS = 8;
/** Tries of steps from one power iteration to the next, which goes on from it. */
export const ITERATE_EVERY = 5;
/** Length, over that of the state, of the step along which the flow is differenced: the root of float32's roundoff. */
export const NUDGE = 2 ** -12;
/** Weights in the error of a Chebyshev step: of the change of the state over h, and of the slopes at its ends. */
export const ERROR_OF_CHANGE = 0.8;
export const ERROR_OF_SLOPES = 0.4;

export interface StepDecision {
  readonly accepted: boolean;
  /** The step size to try next. */
  readonly next: number;
  /** Memory of the controller: the scaled error of the last accepted step. */
  readonly lastError: number;
}

/**
 * Step to try of what remains to a save point, which a step of the proposed size does not reach; one of high order leaves
 * no less than itself, which would be a step as costly for little.
 */
export const evened = (proposal: number, remaining: number, order: number): number =>
  order < HIGH_ORDER ? proposal : Math.min(proposal, remaining / 2);

/**
 * The size that a step is taken by: a float32 number, as devices hold it, but of high order, whose last steps are so long
 * that rounding them would show in float64.
 */
export const takenSize = (size: number, order: number): number =>
  order < HIGH_ORDER ? Math.fround(size) : size;

/** |error| / (atol + rtol |state|): a step is accepted at 1 or below. */
export const scaledError = (error: number, state: number, rtol: number, atol: number): number =>
  error === 0 ? 0 : error / (atol + rtol * state);

/**
 * Judges a step of size h by its scaled error (NaN or infinite: the step left the representable range).
 * @param order order in the step size by which the estimated error falls
 * @param afterRejection true if the previous try of this step was rejected: the step may then not grow
 */
export function decide(
  h: number,
  error: number,
  lastError: number,
  order: number,
  afterRejection: boolean,
): StepDecision {
  if (!Number.isFinite(error)) return { accepted: false, next: h * SHRINK_LIMIT, lastError };
  const exponent = 1 / order - BETA_SHARE * BETA;
  if (error > 1) {
    return { accepted: false, next: h * Math.max(SHRINK_LIMIT, SAFETY * error ** -exponent), lastError };
  }
  const growth = error === 0 ? GROW_LIMIT : SAFETY * error ** -exponent * lastError ** BETA;
  const limit = afterRejection ? 1 : GROW_LIMIT;
  return {
    accepted: true,
    next: h * Math.min(limit, Math.max(SHRINK_LIMIT, growth)),
    lastError: Math.max(error, LEAST_LAST_ERROR),
  };
}

/** Part of an estimate of low order, over the other one, in the error of a step that has two. */
export const LOW_SHARE = 0.1;

/**
 * The estimate of a higher order that follows from two, as in DOP853 (Hairer, Norsett, Wanner I, II.10): of norms that
 * fall as h^6 and h^4 one that falls as h^8.
 */
export const errorOfTwo = (error: number, low: number): number => {
  const share = (LOW_SHARE * low) / error;
  return error === 0 ? 0 : error / Math.sqrt(1 + share * share);
};

/** First guess of a starting step from the norms of the state and its derivative. */
export const firstGuess = (state: number, derivative: number): number =>
  state > 0 && derivative > 0 ? (GUESS_CHANGE * state) / derivative : GUESS_STILL;

/**
 * Starting step from an Euler step of the guessed size h0.
 * @param curvature |F(z + h0 F(z)) - F(z)| / h0
 * @param scale atol + rtol |z|
 * @param order order in the step size by which the estimated error falls
 */
export function startingStep(
  h0: number,
  derivative: number,
  curvature: number,
  scale: number,
  order: number,
): number {
  const largest = Math.max(derivative, curvature) / scale;
  const h1 =
    largest <= START_FLAT || !Number.isFinite(largest)
      ? Math.max(START_FLAT_LEAST, h0 * START_FLAT_FACTOR)
      : ((order < HIGH_ORDER ? START_ERROR : HIGH_START_ERROR) / largest) ** (1 / (order + 1));
  return Math.min(START_GROW_LIMIT * h0, h1);
}
