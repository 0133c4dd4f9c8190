/** The descent of f = constant - <P, X Y^T> + 1/2 tr((X Y^T)^T S X Y^T H) as tensor operations. */
import * as tf from '@tensorflow/tfjs';
import type { Tensor3D } from '@tensorflow/tfjs';
import { gram, matMul } from '../matMul.js';
import type { Product } from './products.js';
import type { Descent } from './structure.js';

/**
 * dX = P Y - S X (Y^T H Y), dY = P^T X - H Y (X^T S X), of products with P [n, m] and P^T, S [n, n] and H [m, m] (null:
 * the identity), which it owns.
 */
export function curvedDescent(
  [p, pT]: readonly [Product, Product],
  s: Product | null,
  h: Product | null,
): Descent {
  const sided = (x: Tensor3D) => s?.times(x) ?? x;
  const weighted = (y: Tensor3D) => h?.times(y) ?? y;
  const dX = (y: Tensor3D, sx: Tensor3D, hy: Tensor3D) =>
    tf.sub<Tensor3D>(p.times(y), matMul(sx, gram(y, hy)));
  const dY = (x: Tensor3D, sx: Tensor3D, hy: Tensor3D) =>
    tf.sub<Tensor3D>(pT.times(x), matMul(hy, gram(x, sx)));
  return {
    dX: (x, y) => tf.tidy(() => dX(y, sided(x), weighted(y))),
    dY: (x, y) => tf.tidy(() => dY(x, sided(x), weighted(y))),
    both: (x, y) =>
      tf.tidy(() => {
        const [sx, hy] = [sided(x), weighted(y)];
        return [dX(y, sx, hy), dY(x, sx, hy)];
      }),
    constants: [p, pT, s, h].flatMap((product) => product?.constants ?? []),
  };
}
