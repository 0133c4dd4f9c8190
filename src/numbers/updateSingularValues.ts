/** Singular values of an update from its factors, without forming it. */
import { dense, type Dense } from './dense.js';
import { multiplyTransposedRight } from './products.js';
import { qr } from './qr.js';
import { singularValues } from './svd.js';

/** Singular values of X Y^T, X [n, r] and Y [m, r], largest first [r]: those of R_x R_y^T from both QRs. */
export function updateSingularValues({ x, y }: { readonly x: Dense; readonly y: Dense }): number[] {
  return [...singularValues(multiplyTransposedRight(triangle(x), triangle(y)))];
}

function triangle(z: Dense): Dense {
  if (z.rows >= z.cols) return qr(z).r;
  // A wide factor has no thin QR; rows of zeros change nothing.
  const tall = dense(z.cols, z.cols);
  tall.data.set(z.data);
  return triangle(tall);
}
