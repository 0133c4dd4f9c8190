/**
 * The one loop: advances a batch of trajectories, each with its own clock and (for adaptive methods) its own step
 * size, to its next save point, observes it there, and stops it for a reason. Time here is normalized time tau.
 */
import * as tf from '@tensorflow/tfjs';
import type { Tensor3D } from '@tensorflow/tfjs';
import { decide, firstGuess, scaledError, startingStep } from '../method/controller.js';
import type { Method } from '../method/method.js';
import type { Outcome } from '../method/outcome.js';
import { gradientDescentStep, rungeKuttaStep, type Step } from '../method/step.js';
import type { State, System } from '../method/system.js';
import { choose, download, keepRows, squaredNorms, upload } from './batch.js';
import type { ComponentShape, HostState } from './batch.js';

export interface StopRule {
  /** Times t to observe at, ascending; the last is the end time. */
  readonly saveTimes: readonly number[];
  /** Stop a trajectory once its gradient norm is at most this fraction of the largest it has had; null: never. */
  readonly steadyTolerance: number | null;
  /** Most steps, accepted and rejected, of one trajectory. */
  readonly maxSteps: number;
}

/** How one trajectory of a batch ended, with what was observed of it. */
export interface Ending<T> {
  readonly outcome: Outcome;
  /** Time t of its last state. */
  readonly time: number;
  readonly acceptedSteps: number;
  readonly rejectedSteps: number;
  /** Evaluations of the flow. */
  readonly evaluations: number;
  /** One observation per save time. After a stationary end the last one is repeated, after a failure null. */
  readonly saved: readonly (T | null)[];
  /** Observation of the last state: for a diverged trajectory, the last finite one. */
  readonly last: T;
  readonly state: HostState;
}

/** A trajectory's place in time and its step-size control; mutable while it runs. */
interface Track<T> {
  readonly index: number;
  /** tau / t. */
  readonly clock: number;
  tau: number;
  /** Step size to try next, before it is cut at a save point. */
  proposal: number;
  lastError: number;
  afterRejection: boolean;
  lastTryFinite: boolean;
  accepted: number;
  rejected: number;
  evaluations: number;
  /** Largest slope norm so far. */
  peak: number;
  readonly saved: (T | null)[];
  outcome: Outcome | null;
}

export interface Batch<T> {
  readonly system: System;
  readonly shapes: readonly ComponentShape[];
  readonly initial: readonly HostState[];
  /** Normalized time per unit of time t, per trajectory. */
  readonly clocks: readonly number[];
  /** What to keep of trajectory `index` at time t. */
  readonly observe: (index: number, time: number, state: HostState) => T | Promise<T>;
}

/** Steps below this fraction of the elapsed time cannot be told from none in float64 time. */
const TIME_RESOLUTION = 1e-12;
const SMALLEST_STEP = 1e-30;

/** Advances all trajectories of a batch to their ends. The system stays the caller's. */
export async function integrate<T>(batch: Batch<T>, method: Method, stop: StopRule): Promise<Ending<T>[]> {
  const { system, shapes, observe } = batch;
  const endings = new Array<Ending<T>>(batch.initial.length);
  const tracks = batch.clocks.map((clock, index): Track<T> => newTrack(index, clock, method));
  let rows = tracks;
  let state: State = upload(batch.initial, shapes);
  let slope: State = [];
  const replace = (newState: State, newSlope: State) => {
    tf.dispose([...state, ...slope].filter((z) => !newState.includes(z) && !newSlope.includes(z)));
    [state, slope] = [newState, newSlope];
  };

  const finish = async (finished: Track<T>[]) => {
    const states = await download(
      state,
      finished.map((track) => rows.indexOf(track)),
    );
    for (const [i, track] of finished.entries()) {
      const end = states[i] as HostState;
      const time = track.tau / track.clock;
      const last = await observe(track.index, time, end);
      const rest = track.outcome === 'stationary' ? last : null;
      endings[track.index] = {
        outcome: track.outcome as Outcome,
        time,
        acceptedSteps: track.accepted,
        rejectedSteps: track.rejected,
        evaluations: track.evaluations,
        saved: stop.saveTimes.map((_, k) => (k < track.saved.length ? (track.saved[k] as T | null) : rest)),
        last,
        state: end,
      };
    }
  };
  const save = async (hit: Track<T>[]) => {
    const states = await download(
      state,
      hit.map((track) => rows.indexOf(track)),
    );
    for (const [i, track] of hit.entries()) {
      track.saved.push(
        await observe(track.index, stop.saveTimes[track.saved.length] as number, states[i] as HostState),
      );
      if (track.saved.length === stop.saveTimes.length && track.outcome !== 'stationary')
        track.outcome = 'end-time';
    }
  };
  const target = (track: Track<T>) => (stop.saveTimes[track.saved.length] as number) * track.clock;

  try {
    if (stop.saveTimes[0] === 0) await save(rows);
    if (method.kind === 'adaptive') replace(state, await start(system, state, rows, method));
    for (;;) {
      const finished = rows.filter((track) => track.outcome !== null && !(track.index in endings));
      if (finished.length > 0) await finish(finished);
      const active = rows.filter((track) => track.outcome === null);
      if (active.length === 0) break;
      // What has ended waits, frozen by a zero step, until half of the batch has.
      if (active.length <= rows.length / 2) {
        const kept = active.map((track) => rows.indexOf(track));
        replace(
          state.map((z) => keepRows(z, kept)),
          slope.map((z) => keepRows(z, kept)),
        );
        rows = active;
      }
      const steps = rows.map((track) => plannedStep(track, method, target));
      const result = tf.tidy(() => {
        const h = tf.tensor3d(
          steps.map((step) => step.h),
          [rows.length, 1, 1],
        );
        const { next, slope: newSlope, error } = take(system, method, state, slope, h);
        const norms = tf.stack([
          squaredNorms(next),
          squaredNorms(newSlope),
          ...(error ? [squaredNorms(error)] : []),
        ]);
        return { next, slope: method.kind === 'adaptive' ? [...newSlope] : [], norms };
      });
      const norms = Array.from(await result.norms.data(), Math.sqrt);
      result.norms.dispose();
      const norm = (kind: number, row: number) => norms[kind * rows.length + row] as number;

      const hits: Track<T>[] = [];
      let finite = true;
      const accepted = rows.map((track, row) => {
        const step = steps[row] as PlannedStep;
        if (track.outcome !== null) return true;
        const [size, rate] = [norm(0, row), norm(1, row)];
        track.lastTryFinite = Number.isFinite(size) && Number.isFinite(rate);
        finite &&= track.lastTryFinite;
        track.evaluations += evaluationsPerStep(method);
        const error =
          method.kind !== 'adaptive' ? 0 : scaledError(step.h * norm(2, row), size, method.rtol, method.atol);
        if (!judge(track, step, method, track.lastTryFinite ? error : NaN, stop.maxSteps)) return false;
        track.tau = step.hit ? target(track) : track.tau + step.h;
        track.peak = Math.max(track.peak, rate);
        if (step.hit) hits.push(track);
        if (stop.steadyTolerance !== null && rate <= stop.steadyTolerance * track.peak)
          track.outcome = 'stationary';
        return true;
      });
      if (accepted.every(Boolean)) replace(result.next, result.slope);
      else {
        const mixed = choose(accepted, finite, result.next, state);
        const mixedSlope = choose(accepted, finite, result.slope, slope);
        tf.dispose([...result.next, ...result.slope]);
        replace(mixed, mixedSlope);
      }
      if (hits.length > 0) await save(hits);
    }
    return endings;
  } finally {
    tf.dispose([...state, ...slope]);
  }
}

function newTrack<T>(index: number, clock: number, method: Method): Track<T> {
  return {
    index,
    clock,
    tau: 0,
    proposal: method.kind === 'adaptive' ? 0 : method.step * clock,
    lastError: 1e-4,
    afterRejection: false,
    lastTryFinite: true,
    accepted: 0,
    rejected: 0,
    evaluations: 0,
    peak: 0,
    saved: [],
    outcome: null,
  };
}

interface PlannedStep {
  /** Step size. An adaptive one is a float32 number, as the device will use it; a fixed one is not rounded. */
  readonly h: number;
  /** True if the step ends at the trajectory's next save point. */
  readonly hit: boolean;
}

function plannedStep<T>(track: Track<T>, method: Method, target: (track: Track<T>) => number): PlannedStep {
  if (track.outcome !== null) return { h: 0, hit: false };
  const remaining = target(track) - track.tau;
  // Save points are whole multiples of a fixed step; half a step is more than the sum of many can be off.
  if (method.kind !== 'adaptive') return { h: track.proposal, hit: remaining < 1.5 * track.proposal };
  const hit = remaining <= track.proposal * (1 + 1e-6);
  return { h: Math.fround(hit ? remaining : track.proposal), hit };
}

function take(system: System, method: Method, state: State, slope: State, h: Tensor3D): Step {
  switch (method.kind) {
    case 'adaptive':
      return rungeKuttaStep(system, method.tableau, state, slope, h);
    case 'fixed':
      return rungeKuttaStep(system, method.tableau, state, system.derivative(state), h);
    case 'gradient-descent':
      return gradientDescentStep(system, method.order, state, h);
  }
}

function evaluationsPerStep(method: Method): number {
  switch (method.kind) {
    case 'adaptive':
      return method.tableau.b.length - 1;
    case 'fixed':
      return method.tableau.b.length;
    case 'gradient-descent':
      return 1;
  }
}

/** Counts a step, sets what to try next and, if there is no next try, the outcome. Returns whether it was accepted. */
function judge<T>(
  track: Track<T>,
  step: PlannedStep,
  method: Method,
  error: number,
  maxSteps: number,
): boolean {
  const decision =
    method.kind === 'adaptive'
      ? decide(step.h, error, track.lastError, method.tableau.order, track.afterRejection)
      : { accepted: Number.isFinite(error), next: track.proposal, lastError: 0 };
  if (decision.accepted) {
    track.accepted++;
    track.proposal = step.hit ? Math.max(track.proposal, decision.next) : decision.next;
  } else {
    track.rejected++;
    track.proposal = decision.next;
    if (method.kind !== 'adaptive') track.outcome = 'diverged';
    else if (track.proposal < Math.max(SMALLEST_STEP, TIME_RESOLUTION * track.tau)) {
      track.outcome = track.lastTryFinite ? 'step-too-small' : 'diverged';
    }
  }
  track.afterRejection = !decision.accepted;
  track.lastError = decision.lastError;
  if (track.accepted + track.rejected >= maxSteps) track.outcome ??= 'step-budget';
  return decision.accepted;
}

/** Sets every trajectory's starting step and returns the derivative at the start. */
async function start<T>(
  system: System,
  state: State,
  rows: readonly Track<T>[],
  method: Extract<Method, { kind: 'adaptive' }>,
): Promise<State> {
  const first = system.derivative(state);
  const initialNorms = tf.tidy(() => tf.stack([squaredNorms(state), squaredNorms(first)]));
  const norms = Array.from(await initialNorms.data(), Math.sqrt);
  const sizes = norms.slice(0, rows.length);
  const rates = norms.slice(rows.length);
  const guesses = sizes.map((size, i) => firstGuess(size, rates[i] as number));
  const changes = tf.tidy(() => {
    const h = tf.tensor3d(guesses, [rows.length, 1, 1]);
    const euler = state.map((z, i) => tf.add<Tensor3D>(z, tf.mul(first[i] as Tensor3D, h)));
    return squaredNorms(system.derivative(euler).map((z, i) => tf.sub<Tensor3D>(z, first[i] as Tensor3D)));
  });
  const change = Array.from(await changes.data(), Math.sqrt);
  tf.dispose([initialNorms, changes]);
  rows.forEach((track, i) => {
    const [h0, size, rate] = [guesses[i] as number, sizes[i] as number, rates[i] as number];
    const scale = method.atol + method.rtol * size;
    track.peak = rate;
    track.evaluations = 2;
    track.proposal = startingStep(h0, rate, (change[i] as number) / h0, scale, method.tableau.order);
  });
  return first;
}
