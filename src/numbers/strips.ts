/** Matrices in strips of 8 columns, [strips, rows, 8]: the form that the compiled loops reflect and rotate. */
import { dense, type Dense } from './dense.js';

const WIDTH = 8;

export const stripCount = (cols: number): number => Math.ceil(cols / WIDTH);

/** Entries of a matrix in strips. */
export const stripLength = (rows: number, cols: number): number => stripCount(cols) * rows * WIDTH;

/** Index at which column j begins; its entries are 8 apart. */
export const columnStart = (rows: number, j: number): number =>
  Math.floor(j / WIDTH) * rows * WIDTH + (j % WIDTH);

/** Row i of column j. */
export const stripIndex = (rows: number, i: number, j: number): number => columnStart(rows, j) + i * WIDTH;

/** Writes entry (i, j) = `entry`(i, j) for all rows and columns. */
export function fillStrips(
  strips: Float64Array,
  rows: number,
  cols: number,
  entry: (i: number, j: number) => number,
): void {
  for (let j = 0; j < cols; j++) {
    let at = columnStart(rows, j);
    for (let i = 0; i < rows; i++, at += WIDTH) strips[at] = entry(i, j);
  }
}

/** The matrix [rows, cols] in strips, by rows. */
export function fromStrips(strips: Float64Array, rows: number, cols: number): Dense {
  const out = dense(rows, cols);
  for (let i = 0; i < rows; i++)
    for (let j = 0; j < cols; j++) out.data[i * cols + j] = strips[stripIndex(rows, i, j)]!;
  return out;
}
