/**
 * The fused kernel of the backend that TensorFlow.js is on with nothing around it: how long it takes from states on the
 * device to its last report.
 */
import * as tf from '@tensorflow/tfjs';
import type { AdvanceTask, FusedKernel } from '../kernels/fused.js';
import { advanced } from '../src/solver/fused.js';
import { uploaded } from '../src/solver/startStates.js';
import type { Precision } from '../src/numbers/precision.js';
import type { Member } from '../src/ensemble/member.js';

export interface KernelRun {
  readonly seconds: number;
  /** Of the processor, in all threads. */
  readonly cpuSeconds: number;
  /** X and then Y of the first trajectory at its end, row-major. */
  readonly first: Float32Array | Float64Array;
}

/** Advances members to their ends. Node.js only. */
export async function callKernel(
  kernel: FusedKernel,
  attrs: Omit<AdvanceTask, 'precision' | 'clocks'>,
  members: readonly Member[],
  precision: Precision = 'float32',
): Promise<KernelRun> {
  const Reals = precision === 'float64' ? Float64Array : Float32Array;
  const elements = (attrs.n + attrs.m) * attrs.rank;
  const starts = members.map((member) => {
    const { x, y } = member.initial();
    return [x.data, y.data];
  });
  const told: AdvanceTask = { ...attrs, precision, clocks: members.map(() => 1) };
  const state = uploaded(starts, new Reals(members.length * elements));
  const words = elements * (Reals.BYTES_PER_ELEMENT / 4);
  const saved = tf.zeros([members.length, attrs.stop.saveTimes.length, words]);
  try {
    // A GPU is sent a tensor when it is first used.
    tf.dispose([tf.add(state, 0), tf.add(saved, 0)]);
    const begun = performance.now();
    const before = process.cpuUsage();
    await advanced(kernel, told, { state, saved });
    const seconds = (performance.now() - begun) / 1000;
    const { user, system } = process.cpuUsage(before);
    const ends = ((await state.data()) as Float32Array).slice(0, words);
    return { seconds, cpuSeconds: (user + system) / 1e6, first: new Reals(ends.buffer) };
  } finally {
    tf.dispose([state, saved]);
  }
}
