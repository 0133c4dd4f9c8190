/** Initial states whose entries are independent normal numbers or zero, drawn where the kernel runs. */
import * as tf from '@tensorflow/tfjs';
import type { Tensor2D } from '@tensorflow/tfjs';
import { fusedKernel } from '../../kernels/fused.js';
import { clock, type Coefficients } from '../ensemble/adapter.js';
import type { NormalEntries } from '../ensemble/initialization.js';
import type { TrialKey } from '../numbers/philox.js';

/** Which random numbers, and the standard deviations of X's and Y's entries; zero for zero ones. */
export interface Drawn {
  readonly key: TrialKey;
  readonly x: number;
  readonly y: number;
}

/** The normalized factors of an adapter with normal entries, as src/ensemble draws it on the host. */
export const drawnFrom = (key: TrialKey, { a, b }: NormalEntries, k: Coefficients): Drawn => ({
  key,
  x: b * Math.sqrt(clock(k) / k.lrRatioB),
  y: a * Math.sqrt(clock(k) / k.lrRatioA),
});

/**
 * States X [n, rank] and then Y [m, rank], row-major, on the device in use [batch, (n + m) rank]: those of the host but
 * for 1e-6 of a standard deviation.
 */
export function drawnStates(drawn: readonly Drawn[], n: number, m: number, rank: number): Tensor2D {
  const normals = fusedKernel(tf.getBackend())!.normals!;
  const keys = drawn.map(({ key }) => key);
  const column = (values: number[]) => tf.tensor2d(values, [values.length, 1]);
  return tf.tidy(() => {
    const x = tf.mul<Tensor2D>(normals(n * rank, keys, 'loraB'), column(drawn.map((each) => each.x)));
    const a = tf.mul<Tensor2D>(normals(rank * m, keys, 'loraA'), column(drawn.map((each) => each.y)));
    const y = a.reshape([drawn.length, rank, m]).transpose([0, 2, 1]);
    return tf.concat([x, y.reshape<Tensor2D>([drawn.length, m * rank])], 1);
  });
}
