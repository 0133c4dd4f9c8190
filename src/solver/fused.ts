/**
 * Trajectories by a fused kernel (kernels/fused.ts): whole integrations in a few calls, where integrate.ts makes one
 * call per operation.
 */
import * as tf from '@tensorflow/tfjs';
import { MEASURES, measures, OBSERVE, type ObserveAttrs } from '../../kernels/observe.js';
import { ADVANCE, type AdvanceTask, type FusedKernel } from '../../kernels/fused.js';
import { fromProgress, outcomeOf, REPORT, report } from '../../kernels/report.js';
import { OutOfMemoryError } from '../../kernels/outOfMemory.js';
import type { HostState } from './batch.js';
import type { Drawn } from '../ensemble/drawn.js';
import { turnEventLoop } from '../host/eventLoop.js';
import type { Factors } from '../problem/factors.js';
import { dense } from '../numbers/dense.js';
import type { Ending } from './integrate.js';
import type { Measured, Observer } from './observe.js';
import { drawnHere, drawnStates, uploaded } from './startStates.js';

/**
 * What is advanced: as the kernel is told, with the states [X, Y] that it starts from, each row-major, or how to draw
 * them.
 */
export interface FusedBatch<T extends S, S> extends AdvanceTask, Pick<Observer, 'savesAll' | 'savesLook'> {
  readonly initial: { readonly states: readonly HostState[] } | { readonly drawn: readonly Drawn[] };
  /** What to keep of trajectory `index` at a save time t; see Observer.save for its factors and what was measured. */
  readonly save: (
    index: number,
    time: number,
    factors: Factors | null,
    measured?: Measured | Pick<Measured, 'loss'>,
  ) => S | Promise<S>;
  /** What to keep of the last state of trajectory `index`. */
  readonly observe: (index: number, time: number, factors: Factors, measured?: Measured) => T | Promise<T>;
}

/** How a trajectory ended, with its last factors. */
export type FusedEnding<T extends S, S> = Omit<Ending<T, S>, 'state'> & { readonly factors: Factors };

/**
 * Advances all trajectories of a batch to their ends, by the kernel of the backend that TensorFlow.js is on. Their
 * states are observed where they are, if the kernel can; then those at save times come to the host only if they are
 * looked at.
 * @throws OutOfMemoryError if the device cannot hold them together
 */
export async function integrateFused<T extends S, S>(
  kernel: FusedKernel,
  batch: FusedBatch<T, S>,
): Promise<FusedEnding<T, S>[]> {
  const { initial, save, observe, savesAll, savesLook, ...attrs } = batch;
  const { n, m, rank, precision, stop, structure } = attrs;
  const { saveTimes } = stop;
  const [count, saves, elements] = [attrs.clocks.length, saveTimes.length, (n + m) * rank];
  const float64 = precision === 'float64';
  const words = float64 ? 2 : 1;
  const numbers = async (tensor: tf.Tensor): Promise<Float32Array | Float64Array> => {
    const data = (await tensor.data()) as Float32Array;
    return float64 ? bitsOf(data) : data;
  };
  // Before anything is allocated: what a device cannot hold, TensorFlow.js does not always refuse.
  const obstacle = kernel.obstacle?.(attrs);
  if (obstacle) throw new OutOfMemoryError(obstacle);
  const room = () => new (float64 ? Float64Array : Float32Array)(count * elements);
  const { state, saved } = tf.tidy(() => ({
    state: !('drawn' in initial)
      ? uploaded(initial.states, room())
      : kernel.normals
        ? drawnStates(kernel.normals, initial.drawn, n, m, rank)
        : drawnHere(initial.drawn, n, m, room()),
    saved: tf.fill([count, saves, words * elements], 0),
  }));
  try {
    const reports = await advanced(kernel, attrs, { state, saved });
    const observes = kernel.observes?.includes(structure.kind);
    const reached = Int32Array.from({ length: count }, (_, i) => reports[i * REPORT + report.saves]!);
    const ones = reached.map(() => 1);
    const atSaves = observes
      ? await (savesAll ? measuresOf : lossesOf)(attrs, { states: saved, each: saves, reached })
      : null;
    const atEnds = observes ? await measuresOf(attrs, { states: state, each: 1, reached: ones }) : null;
    const states = await numbers(state);
    const all = atSaves && !savesLook ? null : await numbers(saved);
    const factorsAt = (from: Float32Array | Float64Array, row: number): Factors => {
      const own = new Float64Array(from.subarray(row * elements, (row + 1) * elements));
      return { x: dense(n, rank, own.subarray(0, n * rank)), y: dense(m, rank, own.subarray(n * rank)) };
    };
    const endings: FusedEnding<T, S>[] = [];
    for (let index = 0; index < count; index++) {
      const row = reports.subarray(index * REPORT, (index + 1) * REPORT);
      const outcome = outcomeOf(row[report.outcome]!)!;
      const kept: S[] = [];
      for (let k = 0; k < reached[index]!; k++) {
        if (all) await turnEventLoop();
        const at = index * saves + k;
        const now = save(index, saveTimes[k]!, all && factorsAt(all, at), atSaves?.(at));
        kept.push(now instanceof Promise ? await now : now);
      }
      const since = kept.length > 0 ? saveTimes[kept.length - 1]! : 0;
      const next = saveTimes[kept.length] ?? since;
      const time = since + fromProgress(row) * (next - since);
      const factors = factorsAt(states, index);
      await turnEventLoop();
      const last = await observe(index, time, factors, atEnds?.(index));
      const rest = outcome === 'stationary' ? last : null;
      endings.push({
        outcome,
        time,
        acceptedSteps: row[report.accepted]!,
        rejectedSteps: row[report.rejected]!,
        evaluations: row[report.evaluations]!,
        saved: saveTimes.map((_, k) => (k < kept.length ? kept[k]! : rest)),
        last,
        factors,
      });
    }
    return endings;
  } finally {
    tf.dispose([state, saved]);
  }
}

/** Float64 numbers from their bits. */
const bitsOf = (data: Float32Array): Float64Array => new Float64Array(data.slice().buffer);

/** Multiplications of an observation that is made at once, so that it takes less than 50 ms. */
const AT_ONCE = 2 ** 25;

/** States on a device [batch, each, (n + m) r], of which there are so many of each trajectory. */
interface States extends Pick<ObserveAttrs, 'each' | 'reached'> {
  readonly states: tf.Tensor;
}

/** The losses of states, of state k of trajectory i at i each + k. */
async function lossesOf(task: AdvanceTask, states: States): Promise<(at: number) => Pick<Measured, 'loss'>> {
  const losses = await observed(task, states, false);
  return (at) => ({ loss: losses[at]! });
}

/** All that is measured of states, of state k of trajectory i at i each + k. */
async function measuresOf(task: AdvanceTask, states: States): Promise<(at: number) => Measured> {
  const numbers = await observed(task, states, true);
  return (at) => {
    const of = (measure: keyof typeof measures) => numbers[at * MEASURES + measures[measure]]!;
    return {
      ...{ loss: of('loss'), excess: of('excess'), distance: of('distance') },
      ...{ slopeX: of('slopeX'), slopeY: of('slopeY'), imbalance: of('imbalance') },
    };
  };
}

/** What the kernel observes of states, which it does of a part of them at a time. */
async function observed(
  { structure, n, m, rank, precision, motion: { weights } }: AdvanceTask,
  { states, each, reached }: States,
  all: boolean,
): Promise<Float64Array> {
  const fields = all ? MEASURES : 1;
  const numbers = new Float64Array(reached.length * each * fields);
  const together = Math.max(1, Math.floor(AT_ONCE / (each * (n + m) * rank * (rank + 8))));
  for (let from = 0; from < reached.length; from += together) {
    const to = Math.min(reached.length, from + together);
    const attrs: ObserveAttrs = {
      ...{ structure, n, m, rank, precision, weights },
      ...{ all, each, reached, from, to },
    };
    const output = tf.engine().runKernel<tf.Tensor>(OBSERVE, { states }, attrs as unknown as tf.NamedAttrMap);
    numbers.set(bitsOf((await output.data()) as Float32Array), from * each * fields);
    output.dispose();
    await turnEventLoop();
  }
  return numbers;
}

/** Milliseconds of a call that may take twice the steps. */
const SHORT_CALL = 25;

/**
 * Calls the kernel until all trajectories have ended, and returns its report on them.
 * @throws Error if it did not report
 */
export async function advanced(
  kernel: Pick<FusedKernel, 'stepsPerCall'>,
  attrs: AdvanceTask,
  inputs: Readonly<Record<'state' | 'saved', tf.Tensor>>,
): Promise<Int32Array> {
  let steps = kernel.stepsPerCall(attrs);
  let memory: tf.Tensor | undefined;
  try {
    for (;;) {
      const begun = performance.now();
      const call = { ...attrs, steps } as unknown as tf.NamedAttrMap;
      const outputs = tf.engine().runKernel(ADVANCE, { ...inputs, ...(memory && { memory }) }, call);
      const [reported, next] = outputs as tf.Tensor[];
      memory?.dispose();
      memory = next;
      const reports = (await reported!.data()) as Int32Array;
      reported!.dispose();
      const codes = reports.filter((_, i) => i % REPORT === report.outcome);
      if (codes.some((code) => code !== 0 && outcomeOf(code) === undefined))
        throw new Error('the fused kernel reported nothing');
      if (!codes.includes(0)) return reports;
      // What the kernel takes for a call is what a slow machine does in its time.
      if (performance.now() - begun < SHORT_CALL) steps *= 2;
      await turnEventLoop();
    }
  } finally {
    memory?.dispose();
  }
}
