/**
 * The step-size control: the formulas of src/method/control.ts and src/method/schemes/chebyshev.ts, in the same float64
 * arithmetic and with the same numbers.
 */
import {
  BETA,
  BETA_SHARE,
  GROW_LIMIT,
  GUESS_CHANGE,
  GUESS_STILL,
  HIGH_ORDER,
  HIGH_START_ERROR,
  LEAST_LAST_ERROR,
  LEAST_STAGES,
  LOW_SHARE,
  RADIUS_MEMORY,
  RADIUS_SAFETY,
  SAFETY,
  SHRINK_LIMIT,
  STABILITY_STAGES,
  STABILITY_USE,
  START_ERROR,
  START_FLAT,
  START_FLAT_FACTOR,
  START_FLAT_LEAST,
  START_GROW_LIMIT,
} from './generated/constants';
import { Track } from './generated/layout';
import { pow } from './host';
import { parameters } from './parameters';

/** Largest step that the most stages are stable on. */
export function stableStep(radius: f64): f64 {
  const most = parameters.mostStages;
  return radius > 0 ? (STABILITY_USE * (most * most - 1)) / STABILITY_STAGES / radius : Infinity;
}

/** Stages of a step h that is stable up to a spectral radius. */
export function stagesFor(h: f64, radius: f64): i32 {
  const needed = max(LEAST_STAGES, 1 + floor(sqrt(1 + STABILITY_STAGES * h * radius)));
  // The step is stable, so that these are mostStages at most, unless the radius is not a number.
  return <i32>min(parameters.mostStages, needed);
}

/** The spectral radius to go by, from that of a power iteration (NaN: none) and the one before. */
export function spectralRadius(measured: f64, before: f64): f64 {
  return isFinite(measured) ? max(RADIUS_SAFETY * measured, RADIUS_MEMORY * before) : before;
}

/** First guess of a starting step. */
export function firstGuess(size: f64, rate: f64): f64 {
  return size > 0 && rate > 0 ? (GUESS_CHANGE * size) / rate : GUESS_STILL;
}

export function startingStep(h0: f64, rate: f64, curvature: f64, size: f64): f64 {
  const largest = max(rate, curvature) / scaleOf(size);
  const startError = parameters.errorOrder < HIGH_ORDER ? START_ERROR : HIGH_START_ERROR;
  const h1 =
    largest <= START_FLAT || !isFinite(largest)
      ? max(START_FLAT_LEAST, h0 * START_FLAT_FACTOR)
      : pow(startError / largest, 1 / (parameters.errorOrder + 1));
  return min(START_GROW_LIMIT * h0, h1);
}

/** The estimate of a higher order that follows from two. */
export function errorOfTwo(error: f64, low: f64): f64 {
  const share = (LOW_SHARE * low) / error;
  return error == 0 ? 0 : error / sqrt(1 + share * share);
}

/** Step to try of what remains to a save point, which a step of the proposed size does not reach. */
export function evened(proposal: f64, remaining: f64): f64 {
  return parameters.errorOrder < HIGH_ORDER ? proposal : min(proposal, remaining / 2);
}

/** The size that a step is taken by. */
export function takenSize(size: f64): f64 {
  return parameters.errorOrder < HIGH_ORDER ? <f64>(<f32>size) : size;
}

/** Error that is allowed at a state of that norm. */
function scaleOf(size: f64): f64 {
  return parameters.atol + parameters.rtol * size;
}

/** An error over what is allowed. */
export function scaledError(error: f64, size: f64): f64 {
  return error == 0 ? 0 : error / scaleOf(size);
}

/** Sets the next step size by the scaled error of the tried step (NaN: it left the range); whether it is accepted. */
export function decide(track: Track, h: f64, hit: bool, error: f64): bool {
  const afterRejection = track.afterRejection != 0;
  const exponent = 1 / parameters.errorOrder - BETA_SHARE * BETA;
  track.afterRejection = 1;
  if (!isFinite(error)) {
    track.proposal = h * SHRINK_LIMIT;
    return false;
  }
  if (error > 1) {
    track.proposal = h * max(SHRINK_LIMIT, SAFETY * pow(error, -exponent));
    return false;
  }
  const growth = error == 0 ? GROW_LIMIT : SAFETY * pow(error, -exponent) * pow(track.lastError, BETA);
  const proposal = h * min(afterRejection ? 1.0 : GROW_LIMIT, max(SHRINK_LIMIT, growth));
  // A step that was cut at a save point says little about the next.
  track.proposal = hit ? max(track.proposal, proposal) : proposal;
  track.lastError = max(error, LEAST_LAST_ERROR);
  track.afterRejection = 0;
  return true;
}
