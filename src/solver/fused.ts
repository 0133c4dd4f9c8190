/**
 * Trajectories by a fused kernel (kernels/fused.ts): whole integrations in a few calls, where integrate.ts makes one
 * call per operation.
 */
import * as tf from '@tensorflow/tfjs';
import { ADVANCE, type AdvanceTask, type FusedKernel } from '../../kernels/fused.js';
import { fromProgress, outcomeOf, REPORT, report } from '../../kernels/report.js';
import { OutOfMemoryError } from '../../kernels/outOfMemory.js';
import type { HostState } from './batch.js';
import type { Drawn } from '../ensemble/drawn.js';
import { drawnStates } from './drawnStates.js';
import { turnEventLoop } from '../host/eventLoop.js';
import type { Ending } from './integrate.js';

/**
 * What is advanced: as the kernel is told, with the states [X, Y] that it starts from, each row-major, or how to draw
 * them.
 */
export interface FusedBatch<T extends S, S> extends AdvanceTask {
  readonly initial: { readonly states: readonly HostState[] } | { readonly drawn: readonly Drawn[] };
  /** What to keep of trajectory `index` at a save time t. */
  readonly save: (index: number, time: number, state: HostState) => S | Promise<S>;
  /** What to keep of the last state of trajectory `index`. */
  readonly observe: (index: number, time: number, state: HostState) => T | Promise<T>;
}

/**
 * Advances all trajectories of a batch to their ends, by the kernel of the backend that TensorFlow.js is on.
 * @throws OutOfMemoryError if the device cannot hold them together
 */
export async function integrateFused<T extends S, S>(
  kernel: FusedKernel,
  batch: FusedBatch<T, S>,
): Promise<Ending<T, S>[]> {
  const { initial, save, observe, ...attrs } = batch;
  const { n, m, rank, precision, stop } = attrs;
  const { saveTimes } = stop;
  const [count, saves, elements] = [attrs.clocks.length, saveTimes.length, (n + m) * rank];
  const float64 = precision === 'float64';
  const words = float64 ? 2 : 1;
  const numbers = async (tensor: tf.Tensor): Promise<HostState[number]> => {
    const data = (await tensor.data()) as Float32Array;
    return float64 ? new Float64Array(data.slice().buffer) : data;
  };
  // Before anything is allocated: what a device cannot hold, TensorFlow.js does not always refuse.
  const obstacle = kernel.obstacle?.(attrs);
  if (obstacle) throw new OutOfMemoryError(obstacle);
  const { state, saved } = tf.tidy(() => ({
    state:
      'drawn' in initial
        ? drawnStates(kernel, initial.drawn, n, m, rank)
        : uploaded(initial.states, new (float64 ? Float64Array : Float32Array)(count * elements)),
    saved: tf.zeros([count, saves, words * elements]),
  }));
  try {
    const reports = await advanced(kernel, attrs, { state, saved });
    const [states, all] = [await numbers(state), await numbers(saved)];
    const at = (from: HostState[number], row: number): HostState => {
      const whole = from.subarray(row * elements, (row + 1) * elements);
      return [whole.slice(0, n * rank), whole.slice(n * rank)];
    };
    const endings: Ending<T, S>[] = [];
    for (let index = 0; index < count; index++) {
      const row = reports.subarray(index * REPORT, (index + 1) * REPORT);
      const reached = row[report.saves]!;
      const outcome = outcomeOf(row[report.outcome]!)!;
      const observed: S[] = [];
      for (let k = 0; k < reached; k++) {
        await turnEventLoop();
        observed.push(await save(index, saveTimes[k]!, at(all, index * saves + k)));
      }
      const since = reached > 0 ? saveTimes[reached - 1]! : 0;
      const next = saveTimes[reached] ?? since;
      const time = since + fromProgress(row) * (next - since);
      const end = at(states, index);
      await turnEventLoop();
      const last = await observe(index, time, end);
      const rest = outcome === 'stationary' ? last : null;
      endings.push({
        outcome,
        time,
        acceptedSteps: row[report.accepted]!,
        rejectedSteps: row[report.rejected]!,
        evaluations: row[report.evaluations]!,
        saved: saveTimes.map((_, k) => (k < reached ? observed[k]! : rest)),
        last,
        state: end,
      });
    }
    return endings;
  } finally {
    tf.dispose([state, saved]);
  }
}

/** States one after another in `room`, on the device: their bits, if they are float64. */
export function uploaded(states: readonly HostState[], room: Float32Array | Float64Array): tf.Tensor2D {
  const elements = room.length / states.length;
  states.forEach(([x, y], i) => {
    room.set(x!, i * elements);
    room.set(y!, i * elements + x!.length);
  });
  return tf.tensor2d(new Float32Array(room.buffer), [states.length, room.byteLength / 4 / states.length]);
}

/**
 * Calls the kernel until all trajectories have ended, and returns its report on them.
 * @throws Error if it did not report
 */
export async function advanced(
  kernel: Pick<FusedKernel, 'stepsPerCall'>,
  attrs: AdvanceTask,
  inputs: Readonly<Record<'state' | 'saved', tf.Tensor>>,
): Promise<Int32Array> {
  const steps = kernel.stepsPerCall(attrs);
  const call = { ...attrs, steps } as unknown as tf.NamedAttrMap;
  let memory: tf.Tensor | undefined;
  try {
    for (;;) {
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
      await turnEventLoop();
    }
  } finally {
    memory?.dispose();
  }
}
