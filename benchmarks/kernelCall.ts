/**
 * The fused kernel of the backend that TensorFlow.js is on with nothing around it: how long it takes from states on the
 * device to its last report.
 */
import * as tf from '@tensorflow/tfjs';
import type { AdvanceTask, FusedKernel } from '../kernels/fused.js';
import { advanced, uploaded } from '../src/solver/fused.js';
import type { Member } from '../src/ensemble/member.js';

export interface KernelRun {
  readonly seconds: number;
  /** X and then Y of the first trajectory at its end, row-major. */
  readonly first: Float32Array;
}

/** Advances members to their ends, in float32. */
export async function callKernel(
  kernel: FusedKernel,
  attrs: Omit<AdvanceTask, 'precision' | 'clocks'>,
  members: readonly Member[],
): Promise<KernelRun> {
  const elements = (attrs.n + attrs.m) * attrs.rank;
  const starts = members.map((member) => {
    const { x, y } = member.initial();
    return [x.data, y.data];
  });
  const told: AdvanceTask = { ...attrs, precision: 'float32', clocks: members.map(() => 1) };
  const state = uploaded(starts, new Float32Array(members.length * elements));
  const saved = tf.zeros([members.length, attrs.stop.saveTimes.length, elements]);
  try {
    // A GPU is sent a tensor when it is first used.
    tf.dispose([tf.add(state, 0), tf.add(saved, 0)]);
    const begun = performance.now();
    await advanced(kernel, told, { state, saved });
    const seconds = (performance.now() - begun) / 1000;
    const ends = (await state.data()) as Float32Array;
    return { seconds, first: ends.slice(0, elements) };
  } finally {
    tf.dispose([state, saved]);
  }
}
