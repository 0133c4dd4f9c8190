/**
 * The fused kernel of the backend in use, called as src/solver/fused.ts calls it but with nothing around it: how long
 * it takes from states on the device to its last report.
 */
import * as tf from '@tensorflow/tfjs';
import { ADVANCE, fusedKernel, REPORT, report, type AdvanceAttrs } from '../kernels/fused.js';
import type { Member } from '../src/solver/solve.js';

export interface KernelRun {
  readonly seconds: number;
  /** X and then Y of the first trajectory at its end, row-major. */
  readonly first: Float32Array;
}

/** Advances members to their ends, in float32. */
export async function callKernel(
  attrs: Omit<AdvanceAttrs, 'steps' | 'precision' | 'clocks'>,
  members: readonly Member[],
): Promise<KernelRun> {
  const elements = (attrs.n + attrs.m) * attrs.rank;
  const start = new Float32Array(members.length * elements);
  members.forEach((member, i) => {
    const { x, y } = member.initial();
    start.set(x.data, i * elements);
    start.set(y.data, i * elements + x.data.length);
  });
  const told: Omit<AdvanceAttrs, 'steps'> = { ...attrs, precision: 'float32', clocks: members.map(() => 1) };
  const state = tf.tensor(start, [members.length, elements]);
  const saved = tf.zeros([members.length, attrs.stop.saveTimes.length, elements]);
  let memory: tf.Tensor | undefined;
  try {
    // A GPU is sent a tensor when it is first used.
    tf.dispose([tf.add(state, 0), tf.add(saved, 0)]);
    const steps = fusedKernel(tf.getBackend())!.stepsPerCall(told);
    const begun = performance.now();
    for (;;) {
      const inputs: tf.NamedTensorMap = memory ? { state, saved, memory } : { state, saved };
      const outputs = tf
        .engine()
        .runKernel(ADVANCE, inputs, { ...told, steps } as unknown as tf.NamedAttrMap);
      const [reports, next] = outputs as unknown as [tf.Tensor, tf.Tensor];
      if (memory !== next) memory?.dispose();
      memory = next;
      const codes = (await reports.data()).filter((_, i) => i % REPORT === report.outcome);
      reports.dispose();
      if (codes.some((code) => code < 0)) throw new Error('the fused kernel reported nothing');
      if (!codes.includes(0)) break;
    }
    const seconds = (performance.now() - begun) / 1000;
    const ends = (await state.data()) as Float32Array;
    return { seconds, first: ends.slice(0, elements) };
  } finally {
    tf.dispose(memory ? [state, saved, memory] : [state, saved]);
  }
}
