/**
 * Batched matrix products. The wasm backend multiplies batches in a scalar loop (3.2 GFLOP/s; 1.4 for products 4
 * wide), but single, untransposed matrices with XNNPACK, at 25-45 us a call and then up to 30 GFLOP/s: there, large
 * products are made one trajectory at a time. A large matrix that all share is multiplied by them side by side, whose
 * columns XNNPACK, and TensorFlow on the processor, sum each by itself. The path depends on the shape of a single
 * trajectory only, so a result never depends on its batch. Products of 2^15 are 1.2-2 times faster in the loop, of 2^17
 * twice as fast apart.
 */
import * as tf from '@tensorflow/tfjs';
import type { Tensor2D, Tensor3D } from '@tensorflow/tfjs';

/** Multiplications per trajectory from which separate calls are faster, by measurement. */
const SEPARATE_FROM = 2 ** 16;
/**
 * Multiplications per trajectory from which separate calls are faster for Gram matrices, which add a transposition
 * (5 GFLOP/s in the end).
 */
const SEPARATE_GRAM_FROM = 2 ** 17;

/**
 * Rows of a shared matrix from which one product with all trajectories side by side, which copies them there and back, is
 * faster than one with each: XNNPACK is 3 times as fast on 64 columns and more as on 4.
 */
const SIDE_BY_SIDE_FROM = 512;

/**
 * Columns of a product on TensorFlow's own backend, and entries of a shared matrix from which such products are made.
 * GFLOP/s of a core (Xeon, 4096 x 4096) by columns: 32 55, 64 64, 256 98; of 32 apart, by a broadcast, 19.
 */
const SLAB = 128;
const SLABS_FROM = 2 ** 20;

const onWasm = () => tf.getBackend() === 'wasm';

/** Whether the backend is TensorFlow's own on the processor. */
const onNative = () =>
  tf.getBackend() === 'tensorflow' &&
  !(tf.backend() as unknown as { readonly isUsingGpuDevice: boolean }).isUsingGpuDevice;

/**
 * op(a) op(b), transposed or not: a [batch, ...] or [1, ...], b [batch, ...]. A batch of one would be summed in another
 * order than the same matrices among others, by XNNPACK instead of wasm's loop, in blocks by TensorFlow: there it is
 * doubled, both factors, since TensorFlow.js cannot differentiate a broadcast product.
 */
export function product(a: Tensor3D, b: Tensor3D, transposeA = false, transposeB = false): Tensor3D {
  const doubled = b.shape[0] === 1 && (onWasm() || tf.getBackend() === 'tensorflow');
  if (!doubled) return tf.matMul(a, b, transposeA, transposeB);
  return tf.tidy(() =>
    tf.matMul<Tensor3D>(tf.concat([a, a]), tf.concat([b, b]), transposeA, transposeB).slice(0, 1),
  );
}

/** The matrices of a batch. A 2-D tensor splits along its rows by plain copies, a 3-D one by an element loop. */
function matricesOf(a: Tensor3D): Tensor2D[] {
  const [batch, rows, cols] = a.shape;
  return tf.split(a.reshape<Tensor2D>([batch * rows, cols]), batch);
}

const together = (matrices: Tensor2D[]): Tensor3D => {
  const [rows, cols] = (matrices[0] as Tensor2D).shape;
  return tf.concat<Tensor2D>(matrices).reshape([matrices.length, rows, cols]);
};

/** a [p, q] times every matrix of b [batch, q, r], as columns of one: [batch, p, r]. */
function sideBySide(a: Tensor2D, b: Tensor3D): Tensor3D {
  const [batch, q, r] = b.shape;
  const columns = b.transpose([1, 0, 2]).reshape<Tensor2D>([q, batch * r]);
  const product = onWasm() ? tf.matMul<Tensor2D>(a, columns) : bySlabs(a, columns);
  return product.reshape<Tensor3D>([a.shape[0], batch, r]).transpose([1, 0, 2]);
}

/**
 * a times columns [q, c], SLAB of them at a time, the last filled up with zeros: TensorFlow chooses by the number of
 * columns in which order it sums them.
 */
function bySlabs(a: Tensor2D, columns: Tensor2D): Tensor2D {
  const count = columns.shape[1];
  const slabs = Math.ceil(count / SLAB);
  const filled = columns.pad([
    [0, 0],
    [0, slabs * SLAB - count],
  ]);
  const products = tf.split(filled, slabs, 1).map((slab) => tf.matMul<Tensor2D>(a, slab));
  return tf.concat<Tensor2D>(products, 1).slice([0, 0], [a.shape[0], count]);
}

/** a b: a [batch, p, q] or [p, q] shared by the batch, b [batch, q, r] -> [batch, p, r]. */
export function matMul(a: Tensor3D | Tensor2D, b: Tensor3D): Tensor3D {
  return tf.tidy(() => {
    const [, q, r] = b.shape;
    const p = a.shape[a.rank - 2] as number;
    const shared = a.rank === 2 ? (a as Tensor2D) : null;
    if (shared && onNative() && p * q >= SLABS_FROM) return sideBySide(shared, b);
    if (onWasm() && p * q * r >= SEPARATE_FROM) {
      if (shared && p >= SIDE_BY_SIDE_FROM) return sideBySide(shared, b);
      const left = shared ? null : matricesOf(a as Tensor3D);
      return together(matricesOf(b).map((bi, i) => tf.matMul(shared ?? (left?.[i] as Tensor2D), bi)));
    }
    const left = shared ? shared.expandDims<Tensor3D>(0) : (a as Tensor3D);
    return product(left, b);
  });
}

/** a^T b over the rows: a [batch, n, r], b [batch, n, r] -> [batch, r, r]. */
export function gram(a: Tensor3D, b: Tensor3D): Tensor3D {
  const [, n, r] = a.shape;
  return tf.tidy(() => {
    if (!onWasm() || n * r * r < SEPARATE_GRAM_FROM) return product(a, b, true);
    const right = matricesOf(b);
    return together(matricesOf(a).map((ai, i) => tf.matMul(ai.transpose<Tensor2D>(), right[i] as Tensor2D)));
  });
}
