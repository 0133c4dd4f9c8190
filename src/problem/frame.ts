/**
 * The spectral frame of a matrix E = U diag(sigma) V^T: full orthogonal U [n, n] and V [m, m]. In it the Frobenius
 * flow is that of a diagonal target, which costs O((n + m) r^2) instead of O(n m r) per evaluation.
 */
import { Matrix, QrDecomposition, SingularValueDecomposition } from 'ml-matrix';
import { toMatrix, type Dense } from '../numbers/dense.js';
import { normals, type StreamName } from '../random/philox.js';

export interface Frame {
  /** U [n, n]: row coordinates of W are U times those of the frame. */
  readonly left: Matrix;
  /** V [m, m]: column coordinates of W are V times those of the frame. */
  readonly right: Matrix;
}

/** Singular values, largest first [min(n, m)], and full singular bases of E [n, m]. */
export function spectralFrame(error: Dense): { sigma: Float64Array; frame: Frame } {
  const svd = new SingularValueDecomposition(toMatrix(error), { autoTranspose: true });
  const count = Math.min(error.rows, error.cols);
  const left = svd.leftSingularVectors.subMatrix(0, error.rows - 1, 0, count - 1);
  const right = svd.rightSingularVectors.subMatrix(0, error.cols - 1, 0, count - 1);
  return {
    sigma: Float64Array.from(svd.diagonal.slice(0, count)),
    frame: { left: completeBasis(left), right: completeBasis(right) },
  };
}

/** A Haar-distributed random frame, by QR of Gaussian matrices with the signs of R's diagonal moved into Q. */
export function randomFrame(n: number, m: number, seed: number): Frame {
  const key = { seed, rank: 0, trial: 0 };
  const haar = (size: number, stream: StreamName) =>
    haarColumns(Matrix.from1DArray(size, size, normals(size * size, key, stream)));
  return { left: haar(n, 'leftVectors'), right: haar(m, 'rightVectors') };
}

/** Q of the QR decomposition of a Gaussian matrix, made Haar-distributed (Mezzadri 2007): [rows, cols]. */
export function haarColumns(gaussian: Matrix): Matrix {
  const qr = new QrDecomposition(gaussian);
  const q = qr.orthogonalMatrix;
  qr.upperTriangularMatrix.diagonal().forEach((d, j) => {
    if (d < 0) q.mulColumn(j, -1);
  });
  return q;
}

/** Orthonormal columns [size, k], k <= size, followed by a basis of what they leave: [size, size]. */
function completeBasis(columns: Matrix): Matrix {
  const missing = columns.rows - columns.columns;
  if (missing === 0) return columns;
  const seed = { seed: 0, rank: 0, trial: 0 };
  let rest = Matrix.from1DArray(columns.rows, missing, normals(columns.rows * missing, seed, 'mixing'));
  for (let pass = 0; pass < 2; pass++) {
    rest.sub(columns.mmul(columns.transpose().mmul(rest)));
    rest = new QrDecomposition(rest).orthogonalMatrix;
  }
  const full = new Matrix(columns.rows, columns.rows);
  full.setSubMatrix(columns, 0, 0);
  return full.setSubMatrix(rest, 0, columns.columns);
}
