/** The descent of f = 1/2N sum |R_k - X Y^T x_k|^2 over samples as tensor operations, of all or of those of a minibatch. */
import * as tf from '@tensorflow/tfjs';
import type { Tensor2D, Tensor3D } from '@tensorflow/tfjs';
import type { Dense } from '../../../src/numbers/dense.js';
import type { SamplesStructure } from '../../../src/problem/structure.js';
import { product } from '../matMul.js';
import { tensor2d } from '../tensor2d.js';
import { curvedDescent } from './curved.js';
import { bothProductsWith, productWith } from './products.js';
import type { Descent, DescentOf } from './structure.js';

export const samples: DescentOf<SamplesStructure> = ({ weighted, covariance, inputs, residuals }) => {
  const all = curvedDescent(bothProductsWith(tensor2d(weighted)), null, productWith(tensor2d(covariance)));
  const constants = [...all.constants];
  // What minibatches are taken from is on the device once one is.
  const kept = (matrix: Dense): Tensor2D => {
    const tensor = tf.keep(tensor2d(matrix));
    constants.push(tensor);
    return tensor;
  };
  let rows: { readonly x: Tensor2D; readonly r: Tensor2D } | undefined;
  return {
    ...all,
    constants,
    over(indices) {
      rows ??= { x: kept(inputs), r: kept(residuals) };
      return minibatch(chosen(rows.x, indices), chosen(rows.r, indices));
    },
  };
};

/** Rows of a matrix [N, cols] by their indices [batch, B] -> [batch, B, cols]. */
const chosen = (matrix: Tensor2D, indices: Tensor2D): Tensor3D =>
  tf.gather(matrix, indices.flatten()).reshape([...indices.shape, matrix.shape[1]]);

/** With P = x Y and R~ = P X^T - R, x [batch, B, m] and R [batch, B, n]: dX = -R~^T P / B, dY = -x^T (R~ X) / B. */
function minibatch(x: Tensor3D, r: Tensor3D): Pick<Descent, 'dX' | 'dY' | 'both'> {
  const share = -1 / x.shape[1];
  const mean = (left: Tensor3D, right: Tensor3D) => tf.mul<Tensor3D>(product(left, right, true), share);
  const parts = (left: Tensor3D, right: Tensor3D) => {
    const p = product(x, right);
    return { p, rest: tf.sub<Tensor3D>(product(p, left, false, true), r) };
  };
  const dX = ({ p, rest }: ReturnType<typeof parts>) => mean(rest, p);
  const dY = ({ rest }: ReturnType<typeof parts>, left: Tensor3D) => mean(x, product(rest, left));
  return {
    dX: (left, right) => tf.tidy(() => dX(parts(left, right))),
    dY: (left, right) => tf.tidy(() => dY(parts(left, right), left)),
    both: (left, right) =>
      tf.tidy(() => {
        const shared = parts(left, right);
        return [dX(shared), dY(shared, left)];
      }),
  };
}
