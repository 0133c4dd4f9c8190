/**
 * One trajectory's place in time, its step-size control and its end: the decisions of src/method/track.ts and
 * src/method/{control,stabilized}.ts, in the same float64 arithmetic.
 */
import { pow } from './host';

const TIME_RESOLUTION: f64 = 1e-12;
const EDGE_RESOLUTION: f64 = 5.9604644775390625e-8;
const SMALLEST_STEP: f64 = 1e-30;
const SAFETY: f64 = 0.9;
const SHRINK_LIMIT: f64 = 0.2;
const GROW_LIMIT: f64 = 5;
const BETA: f64 = 0.04;
const ITERATE_EVERY: f64 = 5;
const RADIUS_SAFETY: f64 = 1.1;

export const FIXED_STEP: i32 = 0;
export const ADAPTIVE: i32 = 1;
export const STABILIZED: i32 = 2;

/** 1 + the index of an outcome (src/method/outcome.ts). */
const END_TIME: f64 = 1;
const STATIONARY: f64 = 2;
const DIVERGED: f64 = 3;
const STEP_TOO_SMALL: f64 = 4;
const STEP_BUDGET: f64 = 5;

/** A trajectory while it runs, in the memory between calls: all float64. */
@unmanaged
export class Track {
  tau: f64;
  proposal: f64;
  lastError: f64;
  afterRejection: f64;
  accepted: f64;
  rejected: f64;
  evaluations: f64;
  peak: f64;
  radius: f64;
  saves: f64;
  /** 0 while it runs. */
  outcome: f64;
  /** 0 before its first step. */
  started: f64;
}

/** The planned step: its size, whether it ends at a save point, its stages, whether it makes a power iteration. */
export let h: f64 = 0;
export let hit: bool = false;
export let stages: i32 = 0;
export let iterates: bool = false;

let control: i32 = FIXED_STEP;
let fixedStep: f64 = 0;
let rtol: f64 = 0;
let atol: f64 = 0;
let order: f64 = 0;
let mostStages: f64 = 0;
let evaluationsPerStep: f64 = 0;
let saveTimes: usize = 0;
let saveCount: f64 = 0;
let steadyTolerance: f64 = 0;
let maxSteps: f64 = 0;

/**
 * @param step of fixed steps, in time t
 * @param errorOrder order in the step size by which the estimated error falls
 */
export function useControl(
  kind: i32,
  step: f64,
  relative: f64,
  absolute: f64,
  errorOrder: f64,
  stageLimit: f64,
  evaluations: f64,
): void {
  control = kind;
  fixedStep = step;
  rtol = relative;
  atol = absolute;
  order = errorOrder;
  mostStages = stageLimit;
  evaluationsPerStep = evaluations;
}

/** @param times save times, float64; `steady` is NaN for never */
export function useStop(times: usize, count: f64, steady: f64, limit: f64): void {
  saveTimes = times;
  saveCount = count;
  steadyTolerance = steady;
  maxSteps = limit;
}

export function begin(track: Track, clock: f64): void {
  track.tau = 0;
  track.proposal = fixedStep * clock;
  track.lastError = 1e-4;
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
  return load<f64>(saveTimes + 8 * <usize>index) * clock;
}

export function savesAtStart(): bool {
  return load<f64>(saveTimes) == 0;
}

export function plan(track: Track, clock: f64): void {
  const remaining = savePoint(track.saves, clock) - track.tau;
  if (control == FIXED_STEP) {
    h = track.proposal;
    hit = remaining < 1.5 * h;
    return;
  }
  let proposal = track.proposal;
  if (control == STABILIZED) proposal = min(proposal, stableStep(track.radius));
  hit = remaining <= proposal * (1 + 1e-6);
  h = <f64>(<f32>(hit ? remaining : proposal));
  if (control != STABILIZED) return;
  // The step is stable, so that these are mostStages at most, unless the radius is not a number.
  stages = <i32>min(mostStages, max(2.0, 1 + floor(sqrt(1 + 1.54 * h * track.radius))));
  const tries = track.accepted + track.rejected + 1;
  iterates = tries == ITERATE_EVERY * floor(tries / ITERATE_EVERY);
}

function stableStep(radius: f64): f64 {
  return radius > 0 ? (0.999 * (mostStages * mostStages - 1)) / 1.54 / radius : Infinity;
}

export function spectralRadius(found: f64, before: f64): f64 {
  return isFinite(found) ? max(RADIUS_SAFETY * found, 0.9 * before) : before;
}

/** First guess of a starting step. */
export function firstGuess(size: f64, rate: f64): f64 {
  return size > 0 && rate > 0 ? (0.01 * size) / rate : 1e-6;
}

export function startingStep(h0: f64, rate: f64, curvature: f64, size: f64): f64 {
  const largest = max(rate, curvature) / (atol + rtol * size);
  const h1 =
    largest <= 1e-15 || !isFinite(largest) ? max(1e-6, h0 * 1e-3) : pow(0.01 / largest, 1 / (order + 1));
  return min(100 * h0, h1);
}

/** Sets the next step size by the scaled error of the tried one (NaN: it left the range); whether it is accepted. */
function decide(track: Track, error: f64): bool {
  const afterRejection = track.afterRejection != 0;
  const exponent = 1 / order - 0.75 * BETA;
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
  const next = h * min(afterRejection ? 1.0 : GROW_LIMIT, max(SHRINK_LIMIT, growth));
  // A step that was cut at a save point says little about the next.
  track.proposal = hit ? max(track.proposal, next) : next;
  track.lastError = max(error, 1e-4);
  track.afterRejection = 0;
  return true;
}

/**
 * Takes or rejects the step that was tried, by the norms of the new state, its slope and the estimated error over h,
 * and the spectral radius that was found (NaN: none).
 */
export function judge(track: Track, clock: f64, size: f64, rate: f64, errorRate: f64, radius: f64): bool {
  const finite = isFinite(size) && isFinite(rate);
  track.evaluations += control == STABILIZED ? <f64>(stages + i32(iterates)) : evaluationsPerStep;
  track.radius = spectralRadius(radius, track.radius);
  const error = h * errorRate;
  const accepted =
    control == FIXED_STEP
      ? finite
      : decide(track, !finite ? NaN : error == 0 ? 0 : error / (atol + rtol * size));
  if (accepted) {
    track.accepted++;
    track.tau = hit ? savePoint(track.saves, clock) : track.tau + h;
    track.peak = max(track.peak, rate);
    if (rate <= steadyTolerance * track.peak) track.outcome = STATIONARY;
  } else {
    track.rejected++;
    const resolution = finite ? TIME_RESOLUTION : EDGE_RESOLUTION;
    const exhausted = track.proposal < max(SMALLEST_STEP, resolution * track.tau);
    if (control == FIXED_STEP || (exhausted && !finite)) track.outcome = DIVERGED;
    else if (exhausted) track.outcome = STEP_TOO_SMALL;
  }
  if (track.accepted + track.rejected >= maxSteps && track.outcome == 0) track.outcome = STEP_BUDGET;
  return accepted;
}

/** Counts a save point; the last one is the end, unless the trajectory ended by itself. */
export function countSave(track: Track): void {
  track.saves++;
  if (track.saves == saveCount && track.outcome != STATIONARY) track.outcome = END_TIME;
}

/** Of the way from the last save time (or the start) to the next, 0 at the end. */
export function progress(track: Track, clock: f64): f64 {
  if (track.saves == saveCount) return 0;
  const from = track.saves > 0 ? savePoint(track.saves - 1, clock) : 0;
  const span = savePoint(track.saves, clock) - from;
  return span > 0 ? (track.tau - from) / span : 0;
}
