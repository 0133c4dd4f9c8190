/** Singular values of an update from its factors, without forming it. */
import { Matrix, QrDecomposition, SingularValueDecomposition } from 'ml-matrix';
import { dense, toMatrix, type Dense } from '../numbers/dense.js';

/** Singular values of X Y^T, X [n, r] and Y [m, r], largest first [r]: those of R_x R_y^T from both QRs. */
export function updateSingularValues({ x, y }: { readonly x: Dense; readonly y: Dense }): number[] {
  return new SingularValueDecomposition(triangle(x).mmul(triangle(y).transpose())).diagonal;
}

function triangle(z: Dense): Matrix {
  if (z.rows >= z.cols) return new QrDecomposition(toMatrix(z)).upperTriangularMatrix;
  // A wide factor has no thin QR; rows of zeros change nothing.
  const tall = dense(z.cols, z.cols);
  tall.data.set(z.data);
  return triangle(tall);
}
