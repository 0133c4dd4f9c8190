/** Orthogonal changes of coordinates of W = W0 + s B A, and losses seen through them. */
import * as tf from '@tensorflow/tfjs';
import type { Tensor3D } from '@tensorflow/tfjs';
import type { Matrix } from 'ml-matrix';
import { matMul } from '../../kernels/tensorOps/matMul.js';
import { tensor2d } from '../../kernels/tensorOps/loraSystem.js';
import { fromMatrix } from '../dense.js';
import type { TensorLoss } from '../problem/problem.js';

export interface Rotation {
  /** U [n, n] */
  readonly left: Matrix;
  /** V [m, m] */
  readonly right: Matrix;
  /** R [r, r] */
  readonly inner: Matrix;
}

/** f(U^T . V) of f: [batch, n, m] -> [batch]. */
export function rotatedLoss(loss: TensorLoss, { left, right }: Rotation): TensorLoss {
  const [uT, v] = [fromMatrix(left.transpose()), fromMatrix(right)];
  return (w) => {
    const [batch, n, m] = w.shape;
    const wV = tf.matMul(w.reshape([batch * n, m]), tensor2d(v)).reshape<Tensor3D>([batch, n, m]);
    return loss(matMul(tensor2d(uT), wV));
  };
}
