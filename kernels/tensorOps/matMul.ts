/**
 * Batched matrix products. On the wasm backend TensorFlow.js multiplies batches in a scalar loop (3 GFLOP/s), but
 * single, untransposed matrices with XNNPACK (20 GFLOP/s), so wide factors are multiplied one trajectory at a time
 * there. The path depends on the shape of a single trajectory only: a result never depends on its batch.
 */
import * as tf from '@tensorflow/tfjs';
import type { Tensor2D, Tensor3D } from '@tensorflow/tfjs';

/** Below this many multiplications per trajectory the cost of separate calls exceeds the gain. */
const SEPARATE_FROM = 2 ** 14;

const separate = (multiplications: number) =>
  tf.getBackend() === 'wasm' && multiplications >= SEPARATE_FROM;

const rowsOf = (a: Tensor3D): Tensor2D[] => {
  const [batch, rows, cols] = a.shape;
  // A slice of a 2-D tensor along its first axis is one copy; of a 3-D tensor it is an element loop.
  const flat = a.reshape<tf.Tensor2D>([batch, rows * cols]);
  return Array.from({ length: batch }, (_, i) => flat.slice([i, 0], [1, rows * cols]).reshape([rows, cols]));
};

/** a b: a [batch, p, q] or [p, q] shared by the batch, b [batch, q, r] -> [batch, p, r]. */
export function matMul(a: Tensor3D | Tensor2D, b: Tensor3D): Tensor3D {
  return tf.tidy(() => {
    const [batch, q, r] = b.shape;
    const p = a.shape[a.rank - 2] as number;
    if (!separate(p * q * r)) return tf.matMul(a.rank === 2 ? a.expandDims<Tensor3D>(0) : (a as Tensor3D), b);
    const left = a.rank === 2 ? null : rowsOf(a as Tensor3D);
    const products = rowsOf(b).map((bi, i) =>
      tf.matMul(left ? (left[i] as Tensor2D) : (a as Tensor2D), bi).reshape<Tensor2D>([1, p * r]),
    );
    return (products.length === 1 ? (products[0] as Tensor2D) : tf.concat(products)).reshape([batch, p, r]);
  });
}

/** a^T b over the rows: a [batch, n, r], b [batch, n, r] -> [batch, r, r]. */
export function gram(a: Tensor3D, b: Tensor3D): Tensor3D {
  const [, n, r] = a.shape;
  return tf.tidy(() =>
    separate(n * r * r) ? matMul(tf.transpose(a, [0, 2, 1]), b) : tf.matMul(a, b, true, false),
  );
}
