/**
 * A dense real matrix on the host: row-major float64. It is what files are read into, what tensors are made from,
 * and what crosses module borders; linear algebra on it is ml-matrix's.
 */
import { Matrix } from 'ml-matrix';

/** A [rows, cols] matrix, entry (i, j) at `data[i * cols + j]`. */
export interface Dense {
  readonly rows: number;
  readonly cols: number;
  readonly data: Float64Array;
}

export const dense = (
  rows: number,
  cols: number,
  data: Float64Array = new Float64Array(rows * cols),
): Dense => {
  if (data.length !== rows * cols) throw new Error(`${data.length} entries cannot fill [${rows}, ${cols}]`);
  return { rows, cols, data };
};

export const toMatrix = (a: Dense): Matrix => Matrix.from1DArray(a.rows, a.cols, a.data);

export const fromMatrix = (a: Matrix): Dense => dense(a.rows, a.columns, Float64Array.from(a.to1DArray()));

export function transposed(a: Dense): Dense {
  const out = dense(a.cols, a.rows);
  for (let i = 0; i < a.rows; i++)
    for (let j = 0; j < a.cols; j++) out.data[j * a.rows + i] = a.data[i * a.cols + j]!;
  return out;
}
