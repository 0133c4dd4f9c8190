/**
 * A dense real matrix on the host: row-major float64. It is what files are read into, what tensors are made from,
 * and what crosses module borders. Here is what is done entry by entry; products and decompositions are beside it.
 */

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

export function transposed(a: Dense): Dense {
  const out = dense(a.cols, a.rows);
  for (let i = 0; i < a.rows; i++)
    for (let j = 0; j < a.cols; j++) out.data[j * a.rows + i] = a.data[i * a.cols + j]!;
  return out;
}

/** The identity [n, n]. */
export function identity(n: number): Dense {
  const out = dense(n, n);
  for (let i = 0; i < n; i++) out.data[i * n + i] = 1;
  return out;
}

/** factor A. */
export function scaled({ rows, cols, data }: Dense, factor: number): Dense {
  const out = dense(rows, cols);
  for (let i = 0; i < data.length; i++) out.data[i] = factor * data[i]!;
  return out;
}

/** A with column j times factors[j]; columns beyond the factors stay. */
export const scaledColumns = (a: Dense, factors: ArrayLike<number>): Dense =>
  dense(
    a.rows,
    a.cols,
    a.data.map((value, at) => value * (factors[at % a.cols] ?? 1)),
  );

/** A + B, of one shape. */
export const sum = (a: Dense, b: Dense): Dense => entrywise(a, b, (x, y) => x + y);

/** A - B, of one shape. */
export const difference = (a: Dense, b: Dense): Dense => entrywise(a, b, (x, y) => x - y);

function entrywise(a: Dense, b: Dense, of: (x: number, y: number) => number): Dense {
  if (a.rows !== b.rows || a.cols !== b.cols)
    throw new Error(`[${a.rows}, ${a.cols}] and [${b.rows}, ${b.cols}] are not of one shape`);
  return dense(
    a.rows,
    a.cols,
    a.data.map((value, at) => of(value, b.data[at]!)),
  );
}

/** The first `count` columns of A. */
export function leadingColumns(a: Dense, count: number): Dense {
  const out = dense(a.rows, count);
  for (let i = 0; i < a.rows; i++) out.data.set(a.data.subarray(i * a.cols, i * a.cols + count), i * count);
  return out;
}

/** The columns of A with these indices, in their order. */
export function columns(a: Dense, indices: readonly number[]): Dense {
  const out = dense(a.rows, indices.length);
  for (let i = 0; i < a.rows; i++)
    indices.forEach((j, k) => (out.data[i * indices.length + k] = a.data[i * a.cols + j]!));
  return out;
}

/** [A B]. */
export function beside(a: Dense, b: Dense): Dense {
  const out = dense(a.rows, a.cols + b.cols);
  for (let i = 0; i < a.rows; i++) {
    out.data.set(a.data.subarray(i * a.cols, (i + 1) * a.cols), i * out.cols);
    out.data.set(b.data.subarray(i * b.cols, (i + 1) * b.cols), i * out.cols + a.cols);
  }
  return out;
}

/** [[A, B], [0, C]]. */
export function grown(a: Dense, b: Dense, c: Dense): Dense {
  const top = beside(a, b);
  const out = dense(a.rows + c.rows, top.cols);
  out.data.set(top.data);
  for (let i = 0; i < c.rows; i++)
    out.data.set(c.data.subarray(i * c.cols, (i + 1) * c.cols), (a.rows + i) * out.cols + a.cols);
  return out;
}

/** The sum of the products of the entries of A and B, tr(A^T B). */
export const inner = (a: Dense, b: Dense): number =>
  a.data.reduce((total, value, at) => total + value * b.data[at]!, 0);

/** |A|_F, summed by rows; its squares must not leave the range of float64. */
export function frobeniusNorm({ rows, cols, data }: Dense): number {
  let total = 0;
  for (let i = 0; i < rows; i++) {
    let row = 0;
    for (let at = i * cols; at < (i + 1) * cols; at++) row += data[at]! ** 2;
    total += row;
  }
  return Math.sqrt(total);
}
