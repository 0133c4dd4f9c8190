/**
 * The spectral frame of a matrix E = U diag(sigma) V^T: full orthogonal U [n, n] and V [m, m]. In it the Frobenius
 * flow is that of a diagonal target, which costs O((n + m) r^2) instead of O(n m r) per evaluation.
 */
import { dense, leadingColumns, scaledColumns, type Dense } from '../numbers/dense.js';
import { multiplyTransposedRight } from '../numbers/products.js';
import { qr } from '../numbers/qr.js';
import { svd } from '../numbers/svd.js';
import { normals, type StreamName } from '../numbers/philox.js';

export interface Frame {
  /** U [n, n]: row coordinates of W are U times those of the frame. */
  readonly left: Dense;
  /** V [m, m]: column coordinates of W are V times those of the frame. */
  readonly right: Dense;
}

/** Singular values, largest first [min(n, m)], and full singular bases of E [n, m]. */
export function spectralFrame(error: Dense): { sigma: Float64Array; frame: Frame } {
  const { left, sigma, right } = svd(error, 'full');
  return { sigma, frame: { left, right } };
}

/** U diag(d) V^T [n, m] of the first columns of both bases, as many as there are numbers d. */
export const assembled = ({ left, right }: Frame, diagonal: Float64Array): Dense =>
  multiplyTransposedRight(
    scaledColumns(leadingColumns(left, diagonal.length), diagonal),
    leadingColumns(right, diagonal.length),
  );

/** A Haar-distributed random frame, by QR of Gaussian matrices with the signs of R's diagonal moved into Q. */
export function randomFrame(n: number, m: number, seed: number): Frame {
  const key = { seed, rank: 0, trial: 0 };
  const haar = (size: number, stream: StreamName) =>
    haarColumns(dense(size, size, normals(size * size, key, stream)));
  return { left: haar(n, 'leftVectors'), right: haar(m, 'rightVectors') };
}

/** Q of the QR decomposition of a Gaussian matrix, made Haar-distributed (Mezzadri 2007): [rows, cols]. */
export function haarColumns(gaussian: Dense): Dense {
  const { q, r } = qr(gaussian);
  return scaledColumns(
    q,
    Array.from({ length: r.rows }, (_, j) => (r.data[j * r.cols + j]! < 0 ? -1 : 1)),
  );
}
