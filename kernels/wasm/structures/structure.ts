/** The words of a structure in the wasm kernel: what each of the files beside this one gives for its kind. */
import type { Dense } from '../../../src/numbers/dense.js';
import { blocksOf, type Lanes, type StateLayout } from '../layout.js';

/** Real numbers of either precision. */
export type Reals = Float32Array | Float64Array;

/** What the kernel reads of a structure; what is left out it does not need. */
export interface StructureTable {
  readonly trace0?: number;
  readonly scales?: Reals;
  readonly p?: Reals;
  readonly pTransposed?: Reals;
  readonly covariance?: Reals;
}

/** Makes the table of a structure of one kind, in the precision and for the padded rows of a layout. */
export type TableOf<S> = (structure: S, layout: StateLayout) => StructureTable;

/** Zeros of the precision of a layout. */
const reals = ({ precision }: Lanes, length: number): Reals =>
  precision === 'float32' ? new Float32Array(length) : new Float64Array(length);

/** Zeros for the rows of either factor. */
export const rowNumbers = (layout: StateLayout): Reals =>
  reals(layout, layout.lanes * Math.max(layout.xBlocks, layout.yBlocks));

/** A matrix [blocks][columns][lanes], rows in lanes; rows and columns padded with zeros to whole blocks. */
export function packed(matrix: Dense, layout: Lanes): Reals {
  const { lanes } = layout;
  const [rows, columns] = [matrix.rows, matrix.cols].map((count) => lanes * blocksOf(count, layout));
  const out = reals(layout, rows! * columns!);
  for (let i = 0; i < matrix.rows; i++) {
    const block = Math.floor(i / lanes) * columns!;
    for (let j = 0; j < matrix.cols; j++)
      out[(block + j) * lanes + (i % lanes)] = matrix.data[i * matrix.cols + j]!;
  }
  return out;
}
