/** Row-orthonormal matrices [rank, m] that a spectral initialization is aligned with. */
import type { Matrix } from 'ml-matrix';
import { dense, fromMatrix, type Dense } from '../numbers/dense.js';

/** e_1, ..., e_rank in R^m. */
export function unitRows(rank: number, m: number): Dense {
  const rows = dense(rank, m);
  for (let i = 0; i < rank; i++) rows.data[i * m + i] = 1;
  return rows;
}

/** The first `rank` columns of `vectors` [m, k], as rows. */
export const leadingRows = (vectors: Matrix, rank: number): Dense =>
  fromMatrix(vectors.subMatrix(0, vectors.rows - 1, 0, rank - 1).transpose());
