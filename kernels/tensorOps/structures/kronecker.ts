/** The descent of f = 1/2 tr((X Y^T - E)^T S (X Y^T - E) H) as tensor operations. */
import * as tf from '@tensorflow/tfjs';
import type { Tensor2D, Tensor3D } from '@tensorflow/tfjs';
import type { KroneckerStructure } from '../../../src/problem/structure.js';
import { gram, matMul } from '../matMul.js';
import { tensor2d } from '../tensor2d.js';
import type { Descent, DescentOf } from './structure.js';

/** With P = S E H: dX = P Y - S X (Y^T H Y), dY = P^T X - H Y (X^T S X). */
export const kronecker: DescentOf<KroneckerStructure> = ({ error, outputCovariance, covariance }) => {
  const [e, s, h] = [tensor2d(error), tensor2d(outputCovariance), tensor2d(covariance)];
  const p = tf.tidy(() => tf.matMul<Tensor2D>(tf.matMul(s, e), h));
  e.dispose();
  return kroneckerDescent(p, s, h);
};

/** The descent of P [n, m], S [n, n] and H [m, m], which it owns. */
export function kroneckerDescent(p: Tensor2D, s: Tensor2D, h: Tensor2D): Descent {
  const pT = p.transpose<Tensor2D>();
  const dX = (y: Tensor3D, sx: Tensor3D, hy: Tensor3D) =>
    tf.sub<Tensor3D>(matMul(p, y), matMul(sx, gram(y, hy)));
  const dY = (x: Tensor3D, sx: Tensor3D, hy: Tensor3D) =>
    tf.sub<Tensor3D>(matMul(pT, x), matMul(hy, gram(x, sx)));
  return {
    dX: (x, y) => tf.tidy(() => dX(y, matMul(s, x), matMul(h, y))),
    dY: (x, y) => tf.tidy(() => dY(x, matMul(s, x), matMul(h, y))),
    both: (x, y) =>
      tf.tidy(() => {
        const [sx, hy] = [matMul(s, x), matMul(h, y)];
        return [dX(y, sx, hy), dY(x, sx, hy)];
      }),
    constants: [p, pT, s, h],
  };
}
