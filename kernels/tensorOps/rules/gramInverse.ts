/**
 * Inverses of the Gram matrices of factors, batched: by the sweep operator (Goodnight 1979), one column after another
 * for the whole batch at once, on matrices whose diagonal is 1.
 */
import * as tf from '@tensorflow/tfjs';
import type { Tensor3D } from '@tensorflow/tfjs';
import { gram } from '../matMul.js';

/** Relative rounding of float32. */
const EPSILON = 2 ** -23;

/**
 * (Z^T Z + damping I)^-1 [batch, width, width] over the columns that one of both factors has, 1 on the diagonal of the
 * others; NaN throughout where the columns of Z [batch, rows, width] are linearly dependent and nothing is damped.
 */
export function gramInverse(z: Tensor3D, other: Tensor3D, damping: number): Tensor3D {
  const width = z.shape[2];
  const squares = gram(z, z);
  const identity = tf.eye(width);
  const onDiagonal = (a: Tensor3D) => tf.sum<tf.Tensor2D>(tf.mul(a, identity), 2);
  const [own, others] = [onDiagonal(squares), onDiagonal(gram(other, other))];
  const absent = tf.logicalAnd(tf.equal(own, 0), tf.equal(others, 0)).toFloat();
  const added = tf.add(absent, damping);
  const scale = tf.rsqrt(tf.add<tf.Tensor2D>(own, added)).expandDims<Tensor3D>(2);
  const scales = tf.mul<Tensor3D>(scale, tf.reshape(scale, [-1, 1, width]));
  const damped = tf.add(squares, tf.mul(identity, added.expandDims(2)));
  return tf.mul(swept(tf.mul(damped, scales)), scales);
}

/** The inverse of symmetric matrices [batch, width, width] whose diagonal is 1; NaN of singular ones. */
function swept(a: Tensor3D): Tensor3D {
  const [batch, width] = a.shape;
  const identity = tf.eye(width);
  const pivots: Tensor3D[] = [];
  let rest = a;
  for (let k = 0; k < width; k++)
    [rest, pivots[k]] = tf.tidy(() => {
      const column = rest.slice<Tensor3D>([0, 0, k], [batch, width, 1]);
      const pivot = column.slice<Tensor3D>([0, k, 0], [batch, 1, 1]);
      const unit = identity.slice([0, k], [width, 1]);
      // The pivot's own row and column, divided by it, and on the diagonal 2 - 1 / pivot.
      const moved = tf.sub<Tensor3D>(column, unit);
      const update = tf.mul(tf.div<Tensor3D>(moved, pivot), moved.reshape([batch, 1, width]));
      return [tf.sub<Tensor3D>(rest, update), pivot];
    });
  const least = tf.min(tf.concat(pivots, 2), 2, true);
  const isRegular = tf.greater(least, width * EPSILON);
  return tf.where(isRegular, tf.sub<Tensor3D>(tf.mul(identity, 2), rest), tf.fill([1, 1, 1], NaN));
}
