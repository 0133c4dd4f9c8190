/**
 * The proof that a backend is what it says: a small computation whose exact result is known is made on it and read
 * back. A GPU that refuses a program returns garbage without an exception, and TensorFlow.js can be on another
 * backend than the one asked for.
 */
import * as tf from '@tensorflow/tfjs';
import { Unavailable, type BackendInfo, type BackendName } from './backend.js';

export type Precision = BackendInfo['precision'];

/**
 * Makes the backend TensorFlow.js's current one and computes on it.
 * @returns the precision of its matrix products
 * @throws Unavailable if it does not start or computes wrong numbers
 */
export async function prove(name: BackendName): Promise<Precision> {
  if (!(await tf.setBackend(name)))
    throw new Unavailable(`TensorFlow.js could not start its ${name} backend`);
  await tf.ready();
  if (tf.getBackend() !== name) {
    throw new Unavailable(`TensorFlow.js is on its ${tf.getBackend()} backend instead of ${name}`);
  }
  const [sums, product] = tf.tidy(() => {
    const a = tf.tensor3d([1, 2, 3, 4, 5, 6, 7, 8], [2, 2, 2]);
    const identity = tf.eye(SIZE);
    return [tf.sum(tf.matMul(a, a, true, false), 1), tf.matMul(tf.fill([SIZE, SIZE], FINE), identity)];
  }) as [tf.Tensor, tf.Tensor];
  const [found, products] = await Promise.all([sums.data(), product.data()]);
  tf.dispose([sums, product]);
  const expected = [24, 34, 160, 186];
  if (found.length !== expected.length || !expected.every((value, i) => found[i] === value)) {
    throw new Unavailable(
      `it computes wrong numbers: a sum of products is ${found.join(', ')}, not ${expected.join(', ')}`,
    );
  }
  return products.every((value) => value === FINE) ? 'float32' : 'reduced';
}

/** Large enough for the matrix units of a GPU to be used. */
const SIZE = 64;
/** Representable in float32 with its 23 bits of fraction, not in TensorFloat-32 with its 10. */
const FINE = 1 + 2 ** -12;
