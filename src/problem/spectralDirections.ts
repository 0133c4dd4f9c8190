/** Row-orthonormal matrices [rank, m] that a spectral initialization is aligned with. */
import { dense, leadingColumns, transposed, type Dense } from '../numbers/dense.js';
import { svd } from '../numbers/svd.js';

/** e_1, ..., e_rank in R^m. */
export function unitRows(rank: number, m: number): Dense {
  const rows = dense(rank, m);
  for (let i = 0; i < rank; i++) rows.data[i * m + i] = 1;
  return rows;
}

/** The leading right singular vectors of a matrix [n, m], as rows [rank, m]; computed when first asked for. */
export function rightDirections(a: Dense): (rank: number) => Dense {
  let right: Dense | null = null;
  return (rank) => transposed(leadingColumns((right ??= svd(a).right), rank));
}
