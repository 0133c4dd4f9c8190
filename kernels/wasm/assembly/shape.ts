/**
 * A state in vectors: [blocks][columns][LANES], a block of rows per group of vectors with the rows in lanes. First the
 * blocks of X, then those of Y. Rows are padded to an even number of blocks and ranks above 8 to multiples of 4; what
 * is padded is zero, and stays so.
 */
import { LANES, SIZE, VECTOR, zeros, Real } from './real';

export let n: i32 = 0;
export let m: i32 = 0;
export let rank: i32 = 0;
/** Columns: the rank, padded. */
export let columns: i32 = 0;
/** Blocks of X and of Y. */
export let xBlocks: i32 = 0;
export let yBlocks: i32 = 0;
/** Bytes of a block, of X and of a state. */
export let blockBytes: usize = 0;
export let xBytes: usize = 0;
export let stateBytes: usize = 0;

function blocksOf(rows: i32): i32 {
  return 2 * ((rows + 2 * LANES - 1) / (2 * LANES));
}

export function useShape(rowsX: i32, rowsY: i32, r: i32): void {
  n = rowsX;
  m = rowsY;
  rank = r;
  columns = r > 8 ? (r + 3) & ~3 : r;
  xBlocks = blocksOf(n);
  yBlocks = blocksOf(m);
  blockBytes = VECTOR * columns;
  xBytes = blockBytes * xBlocks;
  stateBytes = xBytes + blockBytes * yBlocks;
}

/** Bytes of a state of the shape in use. */
export function bytesOfState(): usize {
  return stateBytes;
}

/** Where entry [row, column] of a factor is. */
function entry(factor: usize, row: i32, column: i32): usize {
  return factor + VECTOR * ((row / LANES) * columns + column) + SIZE * (row % LANES);
}

/** Row-major X [n, rank] and Y [m, rank] into vectors. */
export function pack(state: usize, rows: usize): void {
  for (let at = state; at < state + stateBytes; at += VECTOR) v128.store(at, zeros());
  for (let i = 0; i < n; i++)
    for (let j = 0; j < rank; j++, rows += SIZE) store<Real>(entry(state, i, j), load<Real>(rows));
  for (let i = 0; i < m; i++)
    for (let j = 0; j < rank; j++, rows += SIZE) store<Real>(entry(state + xBytes, i, j), load<Real>(rows));
}

/** And back. */
export function unpack(rows: usize, state: usize): void {
  for (let i = 0; i < n; i++)
    for (let j = 0; j < rank; j++, rows += SIZE) store<Real>(rows, load<Real>(entry(state, i, j)));
  for (let i = 0; i < m; i++)
    for (let j = 0; j < rank; j++, rows += SIZE) store<Real>(rows, load<Real>(entry(state + xBytes, i, j)));
}
