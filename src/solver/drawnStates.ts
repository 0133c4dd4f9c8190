/** Initial states drawn where the kernel runs. */
import * as tf from '@tensorflow/tfjs';
import type { Tensor2D } from '@tensorflow/tfjs';
import type { FusedKernel } from '../../kernels/fused.js';
import type { Drawn } from '../ensemble/drawn.js';

/**
 * States X [n, rank] and then Y [m, rank], row-major, drawn by a kernel that can [batch, (n + m) rank]: those of the
 * host but for 1e-6 of a standard deviation.
 */
export function drawnStates(
  { normals }: FusedKernel,
  drawn: readonly Drawn[],
  n: number,
  m: number,
  rank: number,
): Tensor2D {
  const keys = drawn.map(({ key }) => key);
  const column = (values: number[]) => tf.tensor2d(values, [values.length, 1]);
  return tf.tidy(() => {
    const x = tf.mul<Tensor2D>(normals!(n * rank, keys, 'loraB'), column(drawn.map((each) => each.x)));
    const a = tf.mul<Tensor2D>(normals!(rank * m, keys, 'loraA'), column(drawn.map((each) => each.y)));
    const y = a.reshape([drawn.length, rank, m]).transpose([0, 2, 1]);
    return tf.concat([x, y.reshape<Tensor2D>([drawn.length, m * rank])], 1);
  });
}
