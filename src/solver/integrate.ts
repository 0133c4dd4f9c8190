/**
 * The one loop: advances a batch of trajectories, each with its own clock and (for adaptive methods) its own step
 * size, to its next save point, observes it there, and stops it for a reason. What is decided of a single trajectory
 * is in track.ts; here are the tensors.
 */
import * as tf from '@tensorflow/tfjs';
import type { Tensor3D } from '@tensorflow/tfjs';
import { attempt as attemptStep } from '../../kernels/tensorOps/attempt.js';
import { powerIteration } from '../../kernels/tensorOps/schemes/chebyshev.js';
import { turnEventLoop } from '../host/eventLoop.js';
import { errorOfTwo, FIRST_ITERATIONS, firstGuess } from '../method/control.js';
import { assertMethod, carried, type Method } from '../method/method.js';
import type { Outcome } from '../method/outcome.js';
import type { State, System } from '../method/system.js';
import {
  begin,
  beginIterations,
  judge,
  newTrack,
  plan,
  save,
  type Measured,
  type PlannedStep,
  type StopRule,
  type Track,
} from '../method/track.js';
import {
  choose,
  download,
  keepRows,
  normsFrom,
  squaredNorms,
  upload,
  type ComponentShape,
  type HostState,
} from './batch.js';

/** Initial states of independent trajectories of one system, to be integrated, and what to keep of them. */
export interface Batch<T extends S, S = T> {
  readonly system: System;
  readonly shapes: readonly ComponentShape[];
  readonly initial: readonly HostState[];
  /** Normalized time per unit of time t, per trajectory. */
  readonly clocks: readonly number[];
  /** Rank of the adapter, per trajectory (default: the columns of its components). */
  readonly ranks?: readonly number[];
  /** Indices of the samples that a step of trajectory `index` sees, from 0 [B] (default: it sees all). */
  readonly samplesAt?: ((index: number, step: number) => Int32Array) | undefined;
  /** What to keep of trajectory `index` at time t. */
  readonly observe: (index: number, time: number, state: HostState) => T | Promise<T>;
  /** What to keep of trajectory `index` at save times (default: as `observe`). */
  readonly save?: (index: number, time: number, state: HostState) => S | Promise<S>;
}

/** How one trajectory of a batch ended, with what was observed of it. */
export interface Ending<T extends S, S = T> {
  readonly outcome: Outcome;
  /** Time t of its last state. */
  readonly time: number;
  readonly acceptedSteps: number;
  readonly rejectedSteps: number;
  /** Evaluations of the flow. */
  readonly evaluations: number;
  /** One observation per save time. After a stationary end the last one is repeated, after a failure null. */
  readonly saved: readonly (S | null)[];
  /** Observation of the last state: for a diverged trajectory, the last finite one. */
  readonly last: T;
  readonly state: HostState;
}

/**
 * The rows of a batch that are on the device; `slope` is their derivative and `direction` that of power iterations,
 * where the method carries them from step to step, `memory` that of its scheme; else empty.
 */
interface Rows<T> {
  readonly tracks: readonly Track<T>[];
  readonly state: State;
  readonly slope: State;
  readonly direction: State;
  readonly memory: State;
}

/**
 * Advances all trajectories of a batch to their ends. The system stays the caller's.
 * @throws InputError if the scheme cannot be under the control
 */
export async function integrate<T extends S, S = T>(
  batch: Batch<T, S>,
  method: Method,
  stop: StopRule,
): Promise<Ending<T, S>[]> {
  assertMethod(method);
  const see: NonNullable<Batch<T, S>['save']> = batch.save ?? batch.observe;
  const endings = new Array<Ending<T, S>>(batch.initial.length);
  let rows: Rows<S> = {
    tracks: batch.clocks.map((clock, index) => newTrack<S>(index, clock, method)),
    state: tf.tidy(() => upload(batch.initial, batch.shapes)),
    slope: [],
    direction: [],
    memory: [],
  };
  const tensors = ({ state, slope, direction, memory }: Rows<S>) => [
    ...state,
    ...slope,
    ...direction,
    ...memory,
  ];
  const replace = (next: Rows<S>) => {
    const kept = new Set(tensors(next));
    tf.dispose(tensors(rows).filter((z) => !kept.has(z)));
    rows = next;
  };
  try {
    replace({ ...rows, memory: tf.tidy(() => emptyMemory(method, rows.state)) });
    if (stop.saveTimes[0] === 0) await saveRows(rows, rows.tracks, see, stop);
    if (carried(method).includes('slope')) {
      replace({ ...rows, slope: tf.tidy(() => batch.system.derivative(rows.state)) });
      await beginRows(batch.system, rows, method);
    }
    if (carried(method).includes('direction'))
      replace({ ...rows, direction: await firstDirection(batch.system, rows) });
    for (;;) {
      await turnEventLoop();
      await finish(rows, batch, stop, endings);
      const active = rows.tracks.filter(({ outcome }) => outcome === null);
      if (active.length === 0) return endings;
      // What has ended waits, frozen by a zero step, until half of the rows have.
      if (active.length <= rows.tracks.length / 2) replace(keep(rows, active));
      const steps = rows.tracks.map((track) => plan(track, method, stop));
      const tried = await attempt(batch, method, rows, steps);
      const wasActive = rows.tracks.map(({ outcome }) => outcome === null);
      const accepted = rows.tracks.map(
        (track, row) => !wasActive[row] || judge(track, steps[row]!, tried.measured[row]!, method, stop),
      );
      replace({ ...rows, ...accept(rows, tried, accepted) });
      const hits = rows.tracks.filter((_, row) => wasActive[row] && accepted[row] && steps[row]!.hit);
      await saveRows(rows, hits, see, stop);
    }
  } finally {
    tf.dispose(tensors(rows));
  }
}

/** Observes the given tracks at the save point that they have reached. */
async function saveRows<T>(
  rows: Rows<T>,
  hits: readonly Track<T>[],
  see: NonNullable<Batch<T>['save']>,
  stop: StopRule,
): Promise<void> {
  const states = await read(rows, hits);
  for (const [i, track] of hits.entries()) {
    await turnEventLoop();
    const time = stop.saveTimes[track.saved.length]!;
    save(track, await see(track.index, time, states[i]!), stop);
  }
}

/** Writes the endings of the tracks that have just ended. */
async function finish<T extends S, S = T>(
  rows: Rows<S>,
  { observe }: Batch<T, S>,
  stop: StopRule,
  endings: Ending<T, S>[],
): Promise<void> {
  const ended = rows.tracks.filter(({ outcome, index }) => outcome !== null && !(index in endings));
  const states = await read(rows, ended);
  for (const [i, track] of ended.entries()) {
    await turnEventLoop();
    const time = track.tau / track.clock;
    const last = await observe(track.index, time, states[i]!);
    const rest = track.outcome === 'stationary' ? last : null;
    endings[track.index] = {
      outcome: track.outcome as Outcome,
      time,
      acceptedSteps: track.accepted,
      rejectedSteps: track.rejected,
      evaluations: track.evaluations,
      saved: stop.saveTimes.map((_, k) => (k < track.saved.length ? track.saved[k]! : rest)),
      last,
      state: states[i]!,
    };
  }
}

/** Positions of tracks among the rows. */
function positions<T>(rows: Rows<T>, tracks: readonly Track<T>[]): number[] {
  const at = new Map(rows.tracks.map((track, row) => [track, row]));
  return tracks.map((track) => at.get(track)!);
}

const read = async <T>(rows: Rows<T>, tracks: readonly Track<T>[]): Promise<HostState[]> =>
  tracks.length === 0 ? [] : download(rows.state, positions(rows, tracks));

function keep<T>(rows: Rows<T>, tracks: readonly Track<T>[]): Rows<T> {
  const kept = positions(rows, tracks);
  const of = (state: State) => state.map((z) => keepRows(z, kept));
  return {
    tracks,
    state: of(rows.state),
    slope: of(rows.slope),
    direction: of(rows.direction),
    memory: of(rows.memory),
  };
}

interface TriedStep extends Omit<Rows<never>, 'tracks'> {
  readonly measured: readonly Measured[];
}

/** Tries the planned step in every row and measures it. */
async function attempt<T>(
  {
    system: whole,
    shapes,
    ranks,
    samplesAt,
  }: Pick<Batch<unknown>, 'system' | 'shapes' | 'ranks' | 'samplesAt'>,
  method: Method,
  { tracks, state, slope, direction, memory }: Rows<T>,
  planned: readonly PlannedStep[],
): Promise<TriedStep> {
  const count = planned.length;
  // In a batch all have tried as many steps, so that their power iterations coincide.
  const iterates = planned.some((step) => step.iterates);
  const sizes = {
    h: planned.map(({ h }) => h),
    stages: planned.map(({ stages }) => stages),
    numbers: planned.map(({ number }) => number),
    ranks: tracks.map(({ index }) => ranks?.[index] ?? shapes[0]!.cols),
  };
  const { measures, parts, estimates, ...tried } = tf.tidy(() => {
    const system = samplesAt ? whole.over!(chosenSamples(tracks, planned, samplesAt)) : whole;
    const step = attemptStep(system, method.scheme, { state, slope, memory }, sizes);
    const iteration = iterates
      ? powerIteration(system, { state: step.next, slope: step.slope, memory: [] }, direction)
      : null;
    const estimates = [step.error, step.lowError].filter((error) => error != null);
    const parts = [step.next, [...step.slope], ...estimates];
    const squares = parts.map(squaredNorms);
    return {
      parts,
      estimates: estimates.length,
      state: step.next,
      slope: carried(method).includes('slope') ? [...step.slope] : [],
      direction: iteration ? iteration.direction : direction.map((z) => z.clone()),
      memory: [...(step.memory ?? [])],
      measures: tf.stack([...squares, ...(iteration ? [iteration.radius] : [])]),
    };
  });
  const measuredNumbers = await measures.data();
  measures.dispose();
  const norms = await normsFrom(measuredNumbers.subarray(0, parts.length * count), parts);
  const kept = new Set([...tried.state, ...tried.slope, ...tried.memory]);
  tf.dispose(parts.flat().filter((z) => !kept.has(z)));
  const errorRate = (row: number): number => {
    const [error = 0, low] = Array.from({ length: estimates }, (_, i) => norms[(2 + i) * count + row]!);
    return low === undefined ? error : errorOfTwo(error, low);
  };
  const measured = planned.map((_, row) => ({
    size: norms[row]!,
    rate: norms[count + row]!,
    errorRate: errorRate(row),
    radius: iterates ? measuredNumbers[parts.length * count + row]! : NaN,
  }));
  return { ...tried, measured };
}

/** The tried rows where accepted, else the rows as they were. */
function accept<T>(rows: Rows<T>, tried: TriedStep, accepted: readonly boolean[]): Omit<Rows<T>, 'tracks'> {
  const { state, slope, direction, memory } = tried;
  if (accepted.every(Boolean)) return { state, slope, direction, memory };
  const finite = tried.measured.every(({ size, rate }, row) => accepted[row] || Number.isFinite(size + rate));
  try {
    return tf.tidy(() => ({
      state: choose(accepted, finite, state, rows.state),
      slope: choose(accepted, finite, slope, rows.slope),
      direction: choose(accepted, finite, direction, rows.direction),
      // What is remembered may overflow where the state does not.
      memory: choose(accepted, false, memory, rows.memory),
    }));
  } finally {
    tf.dispose([...state, ...slope, ...direction, ...memory]);
  }
}

/** The samples that the steps of all rows see [batch, B]. */
function chosenSamples<T>(
  tracks: readonly Track<T>[],
  planned: readonly PlannedStep[],
  samplesAt: NonNullable<Batch<unknown>['samplesAt']>,
): tf.Tensor2D {
  const chosen = tracks.map(({ index }, row) => samplesAt(index, planned[row]!.number));
  const size = chosen[0]!.length;
  const all = new Int32Array(chosen.length * size);
  chosen.forEach((indices, row) => all.set(indices, row * size));
  return tf.tensor2d(all, [chosen.length, size], 'int32');
}

/** The memory that a scheme begins with: so many zeros for every component. */
const emptyMemory = ({ scheme }: Method, state: State): Tensor3D[] =>
  state.flatMap((z) => Array.from({ length: scheme.memory }, () => tf.zerosLike(z)));

/** Sets every track's starting step. */
async function beginRows<T>(
  system: System,
  { tracks, state, slope }: Rows<T>,
  method: Method,
): Promise<void> {
  const count = tracks.length;
  const initialNorms = tf.tidy(() => tf.stack([squaredNorms(state), squaredNorms(slope)]));
  const norms = await normsFrom(await initialNorms.data(), [state, slope]);
  initialNorms.dispose();
  const guesses = tracks.map((_, row) => firstGuess(norms[row]!, norms[count + row]!));
  const { changes, squares } = tf.tidy(() => {
    const h = tf.tensor3d(guesses, [count, 1, 1]);
    const euler = state.map((z, i) => tf.add<Tensor3D>(z, tf.mul(slope[i]!, h)));
    const moved = system.derivative(euler).map((z, i) => tf.sub<Tensor3D>(z, slope[i]!));
    return { changes: moved, squares: squaredNorms(moved) };
  });
  const change = await normsFrom(await squares.data(), [changes]);
  tf.dispose([squares, ...changes]);
  tracks.forEach((track, row) => {
    const guess = guesses[row]!;
    const curvature = change[row]! / guess;
    begin(track, { size: norms[row]!, rate: norms[count + row]!, guess, curvature }, method);
  });
}

/** Directions that the power iterations of the start end with; sets the spectral radius of every track. */
async function firstDirection<T>(system: System, { tracks, ...place }: Rows<T>): Promise<Tensor3D[]> {
  const { direction, radius } = tf.tidy(() => {
    let iteration = powerIteration(system, place, place.slope);
    for (let k = 1; k < FIRST_ITERATIONS; k++) iteration = powerIteration(system, place, iteration.direction);
    return iteration;
  });
  const radii = await radius.data();
  radius.dispose();
  tracks.forEach((track, row) => beginIterations(track, radii[row]!));
  return direction;
}
