/**
 * Products of dense matrices in float64, by blocks that fit the cache. Sums are taken in an order that depends on the
 * shapes alone. Operands are packed block by block, so that large ones need no second copy.
 */
import { dense, type Dense } from './dense.js';
import { workspace } from './workspace.js';

/** Rows, columns and depth of a block; multiples of 4. */
const BLOCK = 256;
const TILE = 4;

/** A B [n, m], for A [n, k] and B [k, m]. @throws Error if the shapes do not fit */
export const multiply = (a: Dense, b: Dense): Dense => product(rowsOf(a), columnsOf(b));

/** A^T B [n, m], for A [k, n] and B [k, m]. @throws Error if the shapes do not fit */
export const multiplyTransposedLeft = (a: Dense, b: Dense): Dense => product(columnsOf(a), columnsOf(b));

/** A B^T [n, m], for A [n, k] and B [m, k]. @throws Error if the shapes do not fit */
export const multiplyTransposedRight = (a: Dense, b: Dense): Dense => product(rowsOf(a), rowsOf(b));

/** Vectors of one depth: the rows or the columns of a matrix. Entry k of vector i is at i * next + k * deeper. */
interface Vectors {
  readonly data: Float64Array;
  readonly count: number;
  readonly depth: number;
  readonly next: number;
  readonly deeper: number;
}

const rowsOf = ({ rows, cols, data }: Dense): Vectors => ({
  data,
  count: rows,
  depth: cols,
  next: cols,
  deeper: 1,
});

const columnsOf = ({ rows, cols, data }: Dense): Vectors => ({
  data,
  count: cols,
  depth: rows,
  next: 1,
  deeper: cols,
});

/** All inner products of the vectors of two sets [left.count, right.count]. */
function product(left: Vectors, right: Vectors): Dense {
  if (left.depth !== right.depth)
    throw new Error(`no product of vectors of ${left.depth} with vectors of ${right.depth}`);
  const out = dense(left.count, right.count);
  const most = (size: number) => Math.min(BLOCK, padded(size, TILE));
  const depths = most(left.depth);
  const { loops, blocks } = workspace({
    a: most(left.count) * depths,
    b: most(right.count) * depths,
    c: most(left.count) * most(right.count),
  });
  const { a, b, c } = blocks;
  for (let j = 0; j < right.count; j += BLOCK)
    for (let i = 0; i < left.count; i += BLOCK) {
      const [rows, cols] = [Math.min(BLOCK, left.count - i), Math.min(BLOCK, right.count - j)];
      const [rowTiles, colTiles] = [Math.ceil(rows / TILE), Math.ceil(cols / TILE)];
      for (let k = 0; k < left.depth; k += BLOCK) {
        const depth = Math.min(BLOCK, left.depth - k);
        pack(left, i, rows, k, depth, a.data);
        pack(right, j, cols, k, depth, b.data);
        loops.multiplyTiles(a.address, b.address, c.address, rowTiles, colTiles, padded(depth, 2), k > 0);
      }
      unpack(c.data, out, i, rows, j, cols);
    }
  return out;
}

const padded = (size: number, unit: number) => unit * Math.ceil(size / unit);

/** Copies part of the vectors to [tiles, depth, 4], filled up with zeros. */
function pack(
  { data, next, deeper }: Vectors,
  first: number,
  count: number,
  from: number,
  depth: number,
  out: Float64Array,
): void {
  let at = 0;
  for (let tile = 0; tile < count; tile += TILE) {
    let source = (first + tile) * next + from * deeper;
    const lanes = Math.min(TILE, count - tile);
    for (let k = 0; k < depth; k++, source += deeper, at += TILE)
      if (lanes === TILE) {
        out[at] = data[source]!;
        out[at + 1] = data[source + next]!;
        out[at + 2] = data[source + 2 * next]!;
        out[at + 3] = data[source + 3 * next]!;
      } else {
        for (let lane = 0; lane < TILE; lane++)
          out[at + lane] = lane < lanes ? data[source + lane * next]! : 0;
      }
    if (depth % 2 === 1) {
      out.fill(0, at, at + TILE);
      at += TILE;
    }
  }
}

/** Copies [row tiles, column tiles, 4, 4] to a part of a matrix. */
function unpack(
  tiles: Float64Array,
  { cols: stride, data }: Dense,
  firstRow: number,
  rows: number,
  firstCol: number,
  cols: number,
): void {
  const tileRow = TILE * padded(cols, TILE);
  for (let i = 0; i < rows; i++) {
    let from = Math.floor(i / TILE) * tileRow + TILE * (i % TILE);
    let to = (firstRow + i) * stride + firstCol;
    for (let j = 0; j < cols; j += TILE, from += TILE * TILE)
      for (let lane = 0; lane < TILE && j + lane < cols; lane++) data[to++] = tiles[from + lane]!;
  }
}
