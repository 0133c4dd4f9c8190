/** The descent of f = 1/2 |X Y^T - diag(sigma)|^2 as tensor operations. */
import * as tf from '@tensorflow/tfjs';
import type { Tensor3D } from '@tensorflow/tfjs';
import type { DiagonalStructure } from '../../../src/problem/structure.js';
import { gram, matMul } from '../matMul.js';
import type { DescentOf } from './structure.js';

/** E = diag(sigma): dX = E Y - X (Y^T Y), dY = E^T X - Y (X^T X), two Gram matrices and no [n, m] matrix. */
export const diagonal: DescentOf<DiagonalStructure> = ({ sigma }, { n, m, width }) => {
  const k = sigma.length;
  const tiled = new Float32Array(k * width).map((_, i) => sigma[Math.floor(i / width)] as number);
  const sigmas = tf.tensor2d(tiled, [k, width]);
  /** diag(sigma) z with `rows` rows, whatever rows z has. */
  const scaled = (z: Tensor3D, rows: number): Tensor3D => {
    const [batch, have] = z.shape;
    const product = tf.mul<Tensor3D>(have > k ? z.slice([0, 0, 0], [batch, k, width]) : z, sigmas);
    return rows > k ? tf.concat([product, tf.zeros([batch, rows - k, width])], 1) : product;
  };
  return {
    dX: (x, y) => tf.tidy(() => tf.sub(scaled(y, n), matMul(x, gram(y, y)))),
    dY: (x, y) => tf.tidy(() => tf.sub(scaled(x, m), matMul(y, gram(x, x)))),
    constants: [sigmas],
  };
};
