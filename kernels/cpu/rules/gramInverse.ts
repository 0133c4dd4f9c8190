/** Division by Gram matrices of factors, by Cholesky's factors, in float64. */
import { gram } from '../../../src/numbers/gram.js';
import { dense } from '../../../src/numbers/dense.js';
import { cholesky, solveLower, solveLowerTransposed } from '../../../src/numbers/symmetric.js';

/** Share of a column's square that is left of it beside the others, below which it depends on them. */
const dependent = (rank: number): number => rank * Number.EPSILON;

/**
 * D (Z^T Z + damping I)^-1 [rows, rank] of D [rows, rank], over the columns that one of both factors has; NaN
 * throughout where the columns of Z are linearly dependent and nothing is damped.
 */
export function overGram(
  d: Float64Array,
  z: Float64Array,
  other: Float64Array,
  rank: number,
  damping: number,
): Float64Array {
  const [squares, others] = [gram(z, z, rank), gram(other, other, rank)];
  const lengths = new Float64Array(rank);
  for (let j = 0; j < rank; j++) {
    const at = j * (rank + 1);
    if (squares[at] === 0 && others[at] === 0) squares[at] = 1;
    else squares[at]! += damping;
    lengths[j] = Math.sqrt(squares[at]!);
  }
  // Columns of length 1, so that how large a pivot is says how far a column is from the others.
  for (let i = 0; i < rank; i++)
    for (let j = 0; j < rank; j++) squares[i * rank + j]! /= lengths[i]! * lengths[j]!;
  const l = cholesky(dense(rank, rank, squares));
  const isSingular = !l || lengths.some((_, j) => !(l.data[j * (rank + 1)]! ** 2 > dependent(rank)));
  if (isSingular) return new Float64Array(d.length).fill(NaN);
  const scaled = (values: Float64Array) => values.map((value, at) => value / lengths[at % rank]!);
  const rows = dense(d.length / rank, rank, scaled(d));
  return scaled(solveLower(l, solveLowerTransposed(l, rows)).data);
}
