/** Row-orthonormal matrices [rank, m] that a spectral initialization is aligned with. */
import { dense, leadingColumns, transposed, type Dense } from '../numbers/dense.js';

/** e_1, ..., e_rank in R^m. */
export function unitRows(rank: number, m: number): Dense {
  const rows = dense(rank, m);
  for (let i = 0; i < rank; i++) rows.data[i * m + i] = 1;
  return rows;
}

/** The first `rank` columns of `vectors` [m, k], as rows. */
export const leadingRows = (vectors: Dense, rank: number): Dense => transposed(leadingColumns(vectors, rank));
