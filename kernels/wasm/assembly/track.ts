/** One trajectory's place in time and its end: the decisions of src/method/track.ts, in the same float64 arithmetic. */
import { decide, evened, scaledError, spectralRadius, stableStep, stagesFor, takenSize } from './control';
import {
  Control,
  EDGE_RESOLUTION,
  FIXED_HIT,
  HIT_SLACK,
  ITERATE_EVERY,
  LEAST_LAST_ERROR,
  Outcome,
  Scheme,
  SMALLEST_STEP,
  TIME_RESOLUTION,
} from './generated/constants';
import { Track } from './generated/layout';
import { parameters } from './parameters';

/** The planned step: its size, whether it ends at a save point, its stages, whether it makes a power iteration. */
export let h: f64 = 0;
export let hit: bool = false;
export let stages: i32 = 0;
export let iterates: bool = false;

export function newTrack(track: Track, clock: f64): void {
  track.tau = 0;
  track.proposal = parameters.fixedStep * clock;
  track.lastError = LEAST_LAST_ERROR;
  track.afterRejection = 0;
  track.accepted = 0;
  track.rejected = 0;
  track.evaluations = 0;
  track.peak = 0;
  track.radius = 0;
  track.saves = 0;
  track.outcome = 0;
  track.started = 0;
}

/** Normalized time of a save point. */
function savePoint(index: f64, clock: f64): f64 {
  return load<f64>(parameters.saveTimes + 8 * <usize>index) * clock;
}

export function savesAtStart(): bool {
  return load<f64>(parameters.saveTimes) == 0;
}

export function plan(track: Track, clock: f64): void {
  const remaining = savePoint(track.saves, clock) - track.tau;
  if (parameters.control == Control.FIXED) {
    h = track.proposal;
    hit = remaining < FIXED_HIT * h;
    return;
  }
  const stabilized = parameters.scheme == Scheme.CHEBYSHEV;
  let proposal = track.proposal;
  if (stabilized) proposal = min(proposal, stableStep(track.radius));
  hit = remaining <= proposal * (1 + HIT_SLACK);
  h = takenSize(hit ? remaining : evened(proposal, remaining));
  if (!stabilized) return;
  stages = stagesFor(h, track.radius);
  const tries = track.accepted + track.rejected + 1;
  iterates = tries == ITERATE_EVERY * floor(tries / ITERATE_EVERY);
}

/**
 * Takes or rejects the step that was tried, by the norms of the new state, its slope and the estimated error over h,
 * and the spectral radius that a power iteration measured (NaN: none).
 */
export function judge(track: Track, clock: f64, size: f64, rate: f64, errorRate: f64, radius: f64): bool {
  const fixed = parameters.control == Control.FIXED;
  const finite = isFinite(size) && isFinite(rate);
  track.evaluations +=
    parameters.scheme == Scheme.CHEBYSHEV ? <f64>(stages + i32(iterates)) : parameters.evaluations;
  track.radius = spectralRadius(radius, track.radius);
  const accepted = fixed ? finite : decide(track, h, hit, finite ? scaledError(h * errorRate, size) : NaN);
  if (accepted) {
    track.accepted++;
    track.tau = hit ? savePoint(track.saves, clock) : track.tau + h;
    track.peak = max(track.peak, rate);
    if (rate <= parameters.steadyTolerance * track.peak) track.outcome = Outcome.STATIONARY;
  } else {
    track.rejected++;
    const resolution = finite ? TIME_RESOLUTION : EDGE_RESOLUTION;
    const exhausted = track.proposal < max(SMALLEST_STEP, resolution * track.tau);
    if (fixed || (exhausted && !finite)) track.outcome = Outcome.DIVERGED;
    else if (exhausted) track.outcome = Outcome.STEP_TOO_SMALL;
  }
  if (track.accepted + track.rejected >= parameters.maxSteps && track.outcome == 0)
    track.outcome = Outcome.STEP_BUDGET;
  return accepted;
}

/** Counts a save point; the last one is the end, unless the trajectory ended by itself. */
export function countSave(track: Track): void {
  track.saves++;
  if (track.saves == <f64>parameters.saves && track.outcome != Outcome.STATIONARY)
    track.outcome = Outcome.END_TIME;
}

/** Fraction of the way from the last save time (or the start) to the next that is behind; 0 at the end. */
export function progress(track: Track, clock: f64): f64 {
  if (track.saves == <f64>parameters.saves) return 0;
  const from = track.saves > 0 ? savePoint(track.saves - 1, clock) : 0;
  const span = savePoint(track.saves, clock) - from;
  return span > 0 ? (track.tau - from) / span : 0;
}
