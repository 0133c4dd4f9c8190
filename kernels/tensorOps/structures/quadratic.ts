/** The descent of f = 1/2 tr((X Y^T - E) H (X Y^T - E)^T) as tensor operations. */
import * as tf from '@tensorflow/tfjs';
import type { Tensor2D, Tensor3D } from '@tensorflow/tfjs';
import type { QuadraticStructure } from '../../../src/problem/structure.js';
import { gram, matMul } from '../matMul.js';
import { tensor2d } from '../tensor2d.js';
import type { Descent, DescentOf } from './structure.js';

/** With P = E H: dX = P Y - X (Y^T H Y), dY = P^T X - H Y (X^T X). */
export const quadratic: DescentOf<QuadraticStructure> = ({ error, covariance }) => {
  const e = tensor2d(error);
  const h = covariance && tensor2d(covariance);
  const p = h ? tf.matMul<Tensor2D>(e, h) : e.clone();
  e.dispose();
  return quadraticDescent(p, h);
};

/** The descent of P [n, m] and H [m, m] (null: the identity), which it owns. */
export function quadraticDescent(p: Tensor2D, h: Tensor2D | null): Descent {
  const pT = p.transpose<Tensor2D>();
  const weighted = (y: Tensor3D) => (h ? matMul(h, y) : y);
  const dX = (x: Tensor3D, y: Tensor3D, hy: Tensor3D) =>
    tf.sub<Tensor3D>(matMul(p, y), matMul(x, gram(y, hy)));
  const dY = (x: Tensor3D, hy: Tensor3D) => tf.sub<Tensor3D>(matMul(pT, x), matMul(hy, gram(x, x)));
  return {
    dX: (x, y) => tf.tidy(() => dX(x, y, weighted(y))),
    dY: (x, y) => tf.tidy(() => dY(x, weighted(y))),
    both: (x, y) =>
      tf.tidy(() => {
        const hy = weighted(y);
        return [dX(x, y, hy), dY(x, hy)];
      }),
    constants: h ? [p, pT, h] : [p, pT],
  };
}
