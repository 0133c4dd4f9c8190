/**
 * One trajectory's place in time, its step-size control and its end: the decisions of the loop, on the host in
 * float64, with no tensors. Time here is normalized time tau.
 */
import {
  decide,
  EDGE_RESOLUTION,
  evened,
  FIRST_ITERATIONS,
  FIXED_HIT,
  HIT_SLACK,
  ITERATE_EVERY,
  LEAST_LAST_ERROR,
  scaledError,
  SMALLEST_STEP,
  startingStep,
  takenSize,
  TIME_RESOLUTION,
} from './control.js';
import { carried, evaluationsOf, type Method } from './method.js';
import type { Outcome } from './outcome.js';
import { scheduleFactor } from './schedule.js';
import { spectralRadius, stableStep, stagesFor } from './schemes/chebyshev.js';

/** Times to observe at, and rules to stop by. */
export interface StopRule {
  /** Times t to observe at, ascending; the last is the end time. */
  readonly saveTimes: readonly number[];
  /** Stop a trajectory once its gradient norm is at most this fraction of the largest it has had; null: never. */
  readonly steadyTolerance: number | null;
  /** Most steps, accepted and rejected, of one trajectory. */
  readonly maxSteps: number;
}

/** A trajectory while it runs. `T` is what is observed of it. */
export interface Track<T> {
  readonly index: number;
  /** tau / t. */
  readonly clock: number;
  tau: number;
  /** Step size to try next, before it is cut at a save point. */
  proposal: number;
  lastError: number;
  afterRejection: boolean;
  accepted: number;
  rejected: number;
  evaluations: number;
  /** Largest slope norm so far. */
  peak: number;
  /** Spectral radius of the linearized flow to go by, where a scheme chooses its stages by it. */
  radius: number;
  readonly saved: T[];
  outcome: Outcome | null;
}

/** A step that is about to be tried. */
export interface PlannedStep {
  /** Step size. An adaptive one is rounded as takenSize has it; a fixed one is not. */
  readonly h: number;
  /** By how much time goes on: `h`, but under a schedule the size of its base. */
  readonly span: number;
  /** Number of the step, from 0. */
  readonly number: number;
  /** True if the step ends at the trajectory's next save point. */
  readonly hit: boolean;
  /** Number of stages, where the scheme chooses it; else 0. */
  readonly stages: number;
  /** Whether a power iteration follows, at the end of the step. */
  readonly iterates: boolean;
}

/**
 * Norms after a tried step: of the new state, its slope, and the estimated error over h; and the spectral radius that a
 * power iteration measured there, NaN without one.
 */
export interface Measured {
  readonly size: number;
  readonly rate: number;
  readonly errorRate: number;
  readonly radius: number;
}

export function newTrack<T>(index: number, clock: number, { control }: Pick<Method, 'control'>): Track<T> {
  return {
    index,
    clock,
    tau: 0,
    proposal: control.kind === 'fixed' ? control.step * clock : 0,
    lastError: LEAST_LAST_ERROR,
    afterRejection: false,
    accepted: 0,
    rejected: 0,
    evaluations: 0,
    peak: 0,
    radius: 0,
    saved: [],
    outcome: null,
  };
}

/** Normalized time of the next save point. */
const target = <T>(track: Track<T>, { saveTimes }: StopRule): number =>
  (saveTimes[track.saved.length] as number) * track.clock;

/** Norms before the first step: of the state, its slope, and that slope's change over a guessed step, over the step. */
export interface Start {
  readonly size: number;
  readonly rate: number;
  readonly guess: number;
  readonly curvature: number;
}

/** Sets the starting step of a control by error; other controls have theirs. */
export function begin<T>(
  track: Track<T>,
  { size, rate, guess, curvature }: Start,
  { scheme, control }: Method,
): void {
  if (control.kind === 'fixed') return;
  track.peak = rate;
  track.evaluations = 2;
  const scale = control.atol + control.rtol * size;
  track.proposal = startingStep(guess, rate, curvature, scale, scheme.errorOrder!);
}

/** Sets the spectral radius to go by from the one that the power iterations at the start measured. */
export function beginIterations<T>(track: Track<T>, radius: number): void {
  track.evaluations += FIRST_ITERATIONS;
  track.radius = spectralRadius(radius, track.radius);
}

/** The next step: none (h = 0) once the trajectory has ended, else up to the next save point at most. */
export function plan<T>(track: Track<T>, method: Method, stop: StopRule): PlannedStep {
  const { scheme, control } = method;
  const number = track.accepted + track.rejected;
  if (track.outcome !== null) return { h: 0, span: 0, number, hit: false, stages: 0, iterates: false };
  const remaining = target(track, stop) - track.tau;
  if (control.kind === 'fixed') {
    const { proposal: span } = track;
    const { schedule, step } = control;
    const steps = Math.round(stop.saveTimes.at(-1)! / step);
    const h = schedule ? span * scheduleFactor(schedule, number, steps) : span;
    // Save points are whole multiples of a fixed step.
    return { h, span, number, hit: remaining < FIXED_HIT * span, stages: 0, iterates: false };
  }
  const { mostStages } = scheme;
  const stable = mostStages === null ? Infinity : stableStep(mostStages, track.radius);
  const proposal = Math.min(track.proposal, stable);
  const hit = remaining <= proposal * (1 + HIT_SLACK);
  const order = scheme.errorOrder!;
  const h = takenSize(hit ? remaining : evened(proposal, remaining, order), order);
  return {
    h,
    span: h,
    number,
    hit,
    stages: mostStages === null ? 0 : stagesFor(h, track.radius),
    iterates: carried(method).includes('direction') && (number + 1) % ITERATE_EVERY === 0,
  };
}

/** Sets the next step size by the scaled error of the tried one; returns whether that is accepted. */
function resize<T>(track: Track<T>, step: PlannedStep, error: number, order: number): boolean {
  const decision = decide(step.h, error, track.lastError, order, track.afterRejection);
  // A step that was cut at a save point says little about the next: do not fall behind what was proposed before it.
  const cut = decision.accepted && step.hit;
  track.proposal = cut ? Math.max(track.proposal, decision.next) : decision.next;
  track.lastError = decision.lastError;
  track.afterRejection = !decision.accepted;
  return decision.accepted;
}

/**
 * Takes or rejects a tried step: moves the track, sets what to try next and, where it ends, its outcome. Returns
 * whether the step was accepted.
 */
export function judge<T>(
  track: Track<T>,
  step: PlannedStep,
  { size, rate, errorRate, radius }: Measured,
  method: Method,
  stop: StopRule,
): boolean {
  const { scheme, control } = method;
  const finite = Number.isFinite(size) && Number.isFinite(rate);
  track.evaluations += evaluationsOf(method, step.stages, step.iterates);
  track.radius = spectralRadius(radius, track.radius);
  const accepted =
    control.kind === 'fixed'
      ? finite
      : resize(
          track,
          step,
          finite ? scaledError(step.h * errorRate, size, control.rtol, control.atol) : NaN,
          scheme.errorOrder!,
        );
  if (accepted) {
    track.accepted++;
    track.tau = step.hit ? target(track, stop) : track.tau + step.span;
    track.peak = Math.max(track.peak, rate);
    if (stop.steadyTolerance !== null && rate <= stop.steadyTolerance * track.peak)
      track.outcome = 'stationary';
  } else {
    track.rejected++;
    const resolution = finite ? TIME_RESOLUTION : EDGE_RESOLUTION;
    const exhausted = track.proposal < Math.max(SMALLEST_STEP, resolution * track.tau);
    if (control.kind === 'fixed' || (exhausted && !finite)) track.outcome = 'diverged';
    else if (exhausted) track.outcome = 'step-too-small';
  }
  if (track.accepted + track.rejected >= stop.maxSteps) track.outcome ??= 'step-budget';
  return accepted;
}

/** Keeps what was observed at a save point; the last one is the end, unless the trajectory ended by itself. */
export function save<T>(track: Track<T>, observed: T, { saveTimes }: StopRule): void {
  track.saved.push(observed);
  if (track.saved.length === saveTimes.length && track.outcome !== 'stationary') track.outcome = 'end-time';
}
