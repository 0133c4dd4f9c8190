/** Products of matrices that all trajectories share with each of a batch, dense or of few directions. */
import * as tf from '@tensorflow/tfjs';
import type { Tensor2D, Tensor3D } from '@tensorflow/tfjs';
import { scaledColumns, transposed } from '../../../src/numbers/dense.js';
import { isLowRank, type Operator } from '../../../src/numbers/operator.js';
import { matMul } from '../matMul.js';
import { tensor2d } from '../tensor2d.js';

/** A matrix [p, q] by what it does, and what it holds on the device. */
export interface Product {
  /** a z [batch, p, r], z [batch, q, r]. */
  times(z: Tensor3D): Tensor3D;
  readonly constants: readonly Tensor2D[];
}

/** The product with a tensor, which it owns. */
export const productWith = (a: Tensor2D): Product => ({ times: (z) => matMul(a, z), constants: [a] });

/** The products with a matrix and with its transpose, which own them. */
export function bothProductsWith(a: Tensor2D): readonly [Product, Product] {
  return [productWith(a), productWith(a.transpose<Tensor2D>())];
}

/** The product with a matrix of the host. */
export function productOf(a: Operator): Product {
  if (!isLowRank(a)) return productWith(tensor2d(a));
  const onto = tensor2d(scaledColumns(a.left, a.weights));
  const from = tensor2d(transposed(a.right));
  return {
    times: (z) =>
      tf.tidy(() => {
        const along = matMul(onto, matMul(from, z));
        return a.shift === 0 ? along : tf.add<Tensor3D>(along, tf.mul(z, a.shift));
      }),
    constants: [onto, from],
  };
}

/** The products with a matrix of the host and with its transpose. */
export const bothProductsOf = (a: Operator): readonly [Product, Product] =>
  isLowRank(a)
    ? [productOf(a), productOf({ ...a, rows: a.cols, cols: a.rows, left: a.right, right: a.left })]
    : bothProductsWith(tensor2d(a));
