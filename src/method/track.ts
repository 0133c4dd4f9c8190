/**
 * One trajectory's place in time, its step-size control and its end: the decisions of the loop, on the host in
 * float64, with no tensors. Time here is normalized time tau.
 */
import {
  decide,
  EDGE_RESOLUTION,
  FIXED_HIT,
  HIT_SLACK,
  ITERATE_EVERY,
  LEAST_LAST_ERROR,
  scaledError,
  SMALLEST_STEP,
  TIME_RESOLUTION,
} from './control.js';
import { estimateOrder, type Method } from './method.js';
import { spectralRadius, stableStep, stagesFor } from './stabilized.js';
import type { Outcome } from './outcome.js';

/** When to observe and when to stop. */
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
  /** Of the linearized flow, as a stabilized method takes it to be. */
  radius: number;
  readonly saved: T[];
  outcome: Outcome | null;
}

/** A step that is about to be tried. */
export interface PlannedStep {
  /** Step size. An adaptive one is a float32 number, as the device will use it; a fixed one is not rounded. */
  readonly h: number;
  /** True if the step ends at the trajectory's next save point. */
  readonly hit: boolean;
  /** Of a stabilized method; 0 of others. */
  readonly stages: number;
  /** Whether a stabilized method also makes a power iteration, at the end of the step. */
  readonly iterates: boolean;
}

/**
 * What a tried step measured: norms of the new state, its slope, and the estimated error over h; and the spectral radius
 * that a power iteration found there, NaN without one.
 */
export interface Measured {
  readonly size: number;
  readonly rate: number;
  readonly errorRate: number;
  readonly radius: number;
}

export function newTrack<T>(index: number, clock: number, method: Method): Track<T> {
  return {
    index,
    clock,
    tau: 0,
    proposal: 'step' in method ? method.step * clock : 0,
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

/** The next step: none (h = 0) once the trajectory has ended, else up to the next save point at most. */
export function planStep<T>(track: Track<T>, method: Method, stop: StopRule): PlannedStep {
  if (track.outcome !== null) return { h: 0, hit: false, stages: 0, iterates: false };
  const remaining = target(track, stop) - track.tau;
  // Save points are whole multiples of a fixed step.
  if ('step' in method)
    return { h: track.proposal, hit: remaining < FIXED_HIT * track.proposal, stages: 0, iterates: false };
  const stabilized = method.kind === 'stabilized';
  const proposal = Math.min(
    track.proposal,
    stabilized ? stableStep(method.mostStages, track.radius) : Infinity,
  );
  const hit = remaining <= proposal * (1 + HIT_SLACK);
  const h = Math.fround(hit ? remaining : proposal);
  return {
    h,
    hit,
    stages: stabilized ? stagesFor(h, track.radius) : 0,
    iterates: stabilized && (track.accepted + track.rejected + 1) % ITERATE_EVERY === 0,
  };
}

function evaluationsOf(method: Method, { stages, iterates }: PlannedStep): number {
  switch (method.kind) {
    case 'stabilized':
      return stages + (iterates ? 1 : 0);
    case 'adaptive':
      return method.tableau.b.length - 1;
    case 'fixed':
      return method.tableau.b.length;
    case 'gradient-descent':
      return 1;
  }
}

/** Sets the next step size of an adaptive method by the error of the tried one; returns whether it is accepted. */
function control<T>(track: Track<T>, step: PlannedStep, error: number, order: number): boolean {
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
  const finite = Number.isFinite(size) && Number.isFinite(rate);
  track.evaluations += evaluationsOf(method, step);
  track.radius = spectralRadius(radius, track.radius);
  const accepted =
    'step' in method
      ? finite
      : control(
          track,
          step,
          finite ? scaledError(step.h * errorRate, size, method.rtol, method.atol) : NaN,
          estimateOrder(method),
        );
  if (accepted) {
    track.accepted++;
    track.tau = step.hit ? target(track, stop) : track.tau + step.h;
    track.peak = Math.max(track.peak, rate);
    if (stop.steadyTolerance !== null && rate <= stop.steadyTolerance * track.peak)
      track.outcome = 'stationary';
  } else {
    track.rejected++;
    const resolution = finite ? TIME_RESOLUTION : EDGE_RESOLUTION;
    const exhausted = track.proposal < Math.max(SMALLEST_STEP, resolution * track.tau);
    if ('step' in method || (exhausted && !finite)) track.outcome = 'diverged';
    else if (exhausted) track.outcome = 'step-too-small';
  }
  if (track.accepted + track.rejected >= stop.maxSteps) track.outcome ??= 'step-budget';
  return accepted;
}

/** Records what was observed at a save point; the last one is the end, unless the trajectory ended by itself. */
export function record<T>(track: Track<T>, observed: T, { saveTimes }: StopRule): void {
  track.saved.push(observed);
  if (track.saved.length === saveTimes.length && track.outcome !== 'stationary') track.outcome = 'end-time';
}
