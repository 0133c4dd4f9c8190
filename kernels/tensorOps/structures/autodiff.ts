/** The descent of a loss that is a TensorFlow.js function of W, by automatic differentiation. */
import * as tf from '@tensorflow/tfjs';
import type { Tensor3D } from '@tensorflow/tfjs';
import type { AutodiffStructure, TensorLoss } from '../../../src/problem/structure.js';
import { matMul, product } from '../matMul.js';
import { tensor2d } from '../tensor2d.js';
import type { DescentOf } from './structure.js';

/** Gradient [batch, n, m] of a custom loss at W [batch, n, m]. */
export const autodiffGradient = (loss: TensorLoss, w: Tensor3D): Tensor3D =>
  tf.grad((v: tf.Tensor) => tf.sum(loss(v as Tensor3D)))(w) as Tensor3D;

/** G = grad loss(W0 + X Y^T) by reverse-mode differentiation. */
export const autodiff: DescentOf<AutodiffStructure> = ({ base, loss }) => {
  const w0 = tensor2d(base);
  const gradient = (x: Tensor3D, y: Tensor3D) =>
    autodiffGradient(loss, tf.add(w0, product(x, y, false, true)));
  const dX = (g: Tensor3D, y: Tensor3D) => tf.neg<Tensor3D>(matMul(g, y));
  const dY = (g: Tensor3D, x: Tensor3D) => tf.neg<Tensor3D>(product(g, x, true));
  return {
    dX: (x, y) => tf.tidy(() => dX(gradient(x, y), y)),
    dY: (x, y) => tf.tidy(() => dY(gradient(x, y), x)),
    both: (x, y) =>
      tf.tidy(() => {
        const g = gradient(x, y);
        return [dX(g, y), dY(g, x)];
      }),
    constants: [w0],
  };
};
