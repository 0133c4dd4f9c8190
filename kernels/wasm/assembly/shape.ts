/** The state in vectors, as kernels/wasm/layout.ts lays it out (StateLayout), and its way there and back. */
import { Part } from './generated/constants';
import { parameters } from './parameters';
import { LANES, Real, SIZE, VECTOR, zeros } from './real';

export let n: i32 = 0;
export let m: i32 = 0;
export let rank: i32 = 0;
/** The rank, padded. */
export let columns: i32 = 0;
/** Blocks of X and of Y. */
export let xBlocks: i32 = 0;
export let yBlocks: i32 = 0;
/** Bytes of a block, of X and of a state. */
export let blockBytes: usize = 0;
export let xBytes: usize = 0;
export let stateBytes: usize = 0;
/** Where the part that moves begins, and its bytes: of the whole state, but for a frozen factor. */
export let movingAt: usize = 0;
export let movingBytes: usize = 0;

export function useShape(): void {
  n = parameters.n;
  m = parameters.m;
  rank = parameters.rank;
  columns = parameters.columns;
  xBlocks = parameters.xBlocks;
  yBlocks = parameters.yBlocks;
  blockBytes = VECTOR * columns;
  xBytes = blockBytes * xBlocks;
  stateBytes = xBytes + blockBytes * yBlocks;
  movingAt = parameters.moving & Part.X ? 0 : xBytes;
  movingBytes = (parameters.moving & Part.Y ? stateBytes : xBytes) - movingAt;
}

/** Address of the entry [row, column] of a factor. */
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

/** A state in vectors into row-major X [n, rank] and Y [m, rank]. */
export function unpack(rows: usize, state: usize): void {
  for (let i = 0; i < n; i++)
    for (let j = 0; j < rank; j++, rows += SIZE) store<Real>(rows, load<Real>(entry(state, i, j)));
  for (let i = 0; i < m; i++)
    for (let j = 0; j < rank; j++, rows += SIZE) store<Real>(rows, load<Real>(entry(state + xBytes, i, j)));
}
