/**
 * Writes the inner loops of the assembly, unrolled so that sums stay in registers: exactly for each rank up to EXACT,
 * and in tiles of TILE columns above. V8 moves the loads of a loop's body to its start: a body may hold no more loads
 * and sums than there are registers, of which V8 has 15, and so most of these loops stay loops.
 */
import { EXACT, MOST_TERMS, TILE } from '../layout.js';
import { lines, range } from './text.js';

type Lanes = 2 | 4;
/** Row and column of an entry of a Gram matrix. */
type Entry = readonly [number, number];

const pairs = (rows: readonly number[], columns: readonly number[]): Entry[] =>
  rows.flatMap((i) => columns.map((j) => [i, j] as const));
const bytes = (vectors: number): number => 16 * vectors;

/** @param lanes real numbers in a vector: 4 (float32) or 2 (float64) */
export function unrolledText(lanes: Lanes): string {
  const ranks = range(1, EXACT + 1);
  const widths = range(1, TILE + 1);
  return `
import { inOneLane, madd, mul, nmadd, splat, sums${lanes}, zeros } from '../real';

/** a^T b + ridge I [columns, columns], which must be symmetric, of vectors [blocks][columns][LANES]. */
export function gram(g: usize, a: usize, b: usize, blocks: i32, columns: i32, ridge: f64): void {
  if (columns > ${EXACT}) return gramTiled(g, a, b, blocks, columns, ridge);
  switch (columns) {
${lines(ranks, (r) => `case ${r}: if (a == b) gram${r}(g, a, blocks, ridge); else gramOf${r}(g, a, b, blocks, ridge); break;`)}
  }
}

/** out = scales z - a g: a scale for every block; z, a and out [blocks][columns][LANES]. */
export function product(out: usize, z: usize, scales: usize, a: usize, g: usize, blocks: i32, columns: i32): void {
  if (columns > ${EXACT}) return productTiled(out, z, scales, a, g, blocks, columns);
  switch (columns) {
${lines(ranks, (r) => `case ${r}: product${r}(out, z, scales, a, g, blocks); break;`)}
  }
}

/** out = a z: a [blocks][LANES inBlocks][LANES], z [inBlocks][columns][LANES], out [blocks][columns][LANES]. */
export function dense(out: usize, a: usize, z: usize, blocks: i32, inBlocks: i32, columns: i32): void {
  for (let column = 0; column < columns; column += ${TILE}) {
    const at = 16 * column;
    switch (min(${TILE}, columns - column)) {
${lines(widths, (w) => `case ${w}: dense${w}(out + at, a, z + at, blocks, inBlocks, 16 * columns); break;`)}
    }
  }
}

/** The sum of terms at an offset in their states, of an even number of vectors. */
export function combined(out: usize, offset: usize, bytes: usize, list: usize, terms: i32): void {
  switch (terms) {
${lines(range(1, MOST_TERMS + 1), (k) => `case ${k}: combined${k}(out, offset, bytes, list); break;`)}
  }
}
${lines(ranks, (r) => gramExact(r, lanes, false) + gramExact(r, lanes, true) + productExact(r, lanes))}
${gramTiled(lanes)}
${productTiled(lanes)}
${lines(widths, (w) => denseTile(w, lanes))}
${lines(range(1, MOST_TERMS + 1), combinedOf)}`;
}

/** Entries [i, j] of a Gram matrix that are summed together: at most 10, of at most 4 columns of either factor. */
const triangle = (from: number, to: number): Entry[] =>
  range(from, to).flatMap((i) => range(i, to).map((j) => [i, j] as const));
function gramTiles(r: number): Entry[][] {
  if (r <= TILE) return [triangle(0, r)];
  const right = range(TILE, r);
  return [triangle(0, TILE), pairs([0, 1], right), pairs([2, 3], right), triangle(TILE, r)];
}

/**
 * Sums the products of columns of a and b over all blocks, then over lanes, and stores them by `put`. Sums of the diagonal
 * begin with the ridge.
 */
function gramTile(
  tile: readonly Entry[],
  lanes: Lanes,
  { a, b, step }: { readonly a: string; readonly b: string; readonly step: number | string },
  put: (lane: number, entry: Entry) => string,
  onDiagonal = true,
): string {
  const [is, js] = [[...new Set(tile.map(([i]) => i))], [...new Set(tile.map(([, j]) => j))]];
  const same = a === b;
  const groups = range(0, Math.ceil(tile.length / lanes)).map((k) => tile.slice(k * lanes, (k + 1) * lanes));
  const summands = (group: readonly Entry[]) =>
    range(0, lanes).map((k) => (group[k] ? `s${group[k].join('_')}` : 'zeros()'));
  return `{
${lines(tile, ([i, j]) => `let s${i}_${j} = ${onDiagonal && i === j ? 'inOneLane(ridge)' : 'zeros()'};`)}
let p: usize = ${a};
${same ? '' : `let q: usize = ${b};`}
for (let k = blocks; k > 0; k--) {
${lines(same ? [...new Set([...is, ...js])] : is, (i) => `const x${i} = v128.load(p, ${bytes(i)});`)}
${same ? '' : lines(js, (j) => `const y${j} = v128.load(q, ${bytes(j)});`)}
${lines(tile, ([i, j]) => `s${i}_${j} = madd(x${i}, ${same ? 'x' : 'y'}${j}, s${i}_${j});`)}
p += ${step};
${same ? '' : `q += ${step};`}
}
${lines(
  groups,
  (group) => `{
const sums = sums${lanes}(${summands(group).join(', ')});
${lines([...group.entries()], ([k, entry]) => put(k, entry))}
}`,
)}
}`;
}

/** Stores lane k of the sums. */
const storeLane = (lanes: Lanes, k: number, at: string, offset = 0): string =>
  `v128.store${128 / lanes}_lane(${at}, sums, ${k}, ${offset});`;

function gramExact(r: number, lanes: Lanes, crossed: boolean): string {
  const b = crossed ? 'b' : 'a';
  const put = (k: number, [i, j]: Entry) => {
    const places = i === j ? [i * r + i] : [i * r + j, j * r + i];
    return lines(places, (place) => storeLane(lanes, k, 'g', (16 / lanes) * place));
  };
  return `
function gram${crossed ? 'Of' : ''}${r}(g: usize, a: usize, ${crossed ? 'b: usize, ' : ''}blocks: i32, ridge: f64): void {
${lines(gramTiles(r), (tile) => gramTile(tile, lanes, { a: 'a', b, step: bytes(r) }, put))}
}`;
}

/** Tiles of 4 by 4 entries, those below the diagonal by symmetry. */
function gramTiled(lanes: Lanes): string {
  const entry = (row: string, column: string) => `g + ${16 / lanes} * (${row} * columns + ${column})`;
  const put = (k: number, [i, j]: Entry) => `
${storeLane(lanes, k, entry(`(row + ${i})`, `column + ${j}`))}
${storeLane(lanes, k, entry(`(column + ${j})`, `row + ${i}`))}`;
  const tile = (entries: readonly Entry[], onDiagonal = false) =>
    gramTile(entries, lanes, { a: 'a + 16 * row', b: 'b + 16 * column', step: 'step' }, put, onDiagonal);
  const all = range(0, TILE);
  return `
function gramTiled(g: usize, a: usize, b: usize, blocks: i32, columns: i32, ridge: f64): void {
const step: usize = 16 * columns;
for (let row = 0; row < columns; row += ${TILE}) {
let column = row;
${tile(triangle(0, TILE), true)}
for (column += ${TILE}; column < columns; column += ${TILE}) {
${tile(pairs([0, 1], all))}
${tile(pairs([2, 3], all))}
}
}
}`;
}

/** Where a tile starts in a row, and the bytes from a block or a row of the Gram matrix to the next. */
interface Strides {
  readonly at: string;
  readonly step: number | string;
  readonly gStep: number | string;
}

/** Some columns of two blocks of rows of out = scales z - a g, of columns that start at `at`. */
function productTile(columns: readonly number[], lanes: Lanes, { at, step, gStep }: Strides): string {
  const size = 16 / lanes;
  const sums = pairs([0, 1], columns);
  return `{
${lines(sums, ([b, j]) => `let o${b}_${j} = mul(scale${b}, v128.load(z + ${b} * ${step}${at}, ${bytes(j)}));`)}
let entry: usize = g${at && ' + column * ' + size};
for (let x = a; x < a + ${step}; x += 16) {
const x0 = v128.load(x);
const x1 = v128.load(x + ${step});
${lines(columns, (j) => `const c${j} = v128.load${8 * size}_splat(entry, ${size * j});`)}
${lines(sums, ([b, j]) => `o${b}_${j} = nmadd(x${b}, c${j}, o${b}_${j});`)}
entry += ${gStep};
}
${lines(sums, ([b, j]) => `v128.store(out + ${b} * ${step}${at}, o${b}_${j}, ${bytes(j)});`)}
}`;
}

/** All blocks of rows, two at a time. */
const productRows = (step: number | string, tiles: string): string => `
for (; blocks > 0; blocks -= 2) {
const scale0 = v128.load(scales);
const scale1 = v128.load(scales, 16);
${tiles}
out += 2 * ${step};
z += 2 * ${step};
a += 2 * ${step};
scales += 32;
}`;

function productExact(r: number, lanes: Lanes): string {
  const half = r > TILE ? Math.ceil(r / 2) : r;
  const tiles = [range(0, half), range(half, r)].filter((columns) => columns.length > 0);
  const where = { at: '', step: bytes(r), gStep: (16 / lanes) * r };
  return `
function product${r}(out: usize, z: usize, scales: usize, a: usize, g: usize, blocks: i32): void {
${productRows(
  bytes(r),
  lines(tiles, (columns) => productTile(columns, lanes, where)),
)}
}`;
}

function productTiled(lanes: Lanes): string {
  const where = { at: ' + 16 * column', step: 'step', gStep: `${16 / lanes} * columns` };
  return `
function productTiled(out: usize, z: usize, scales: usize, a: usize, g: usize, blocks: i32, columns: i32): void {
const step: usize = 16 * columns;
${productRows(
  'step',
  `for (let column: usize = 0; column < <usize>columns; column += ${TILE}) ${productTile(range(0, TILE), lanes, where)}`,
)}
}`;
}

/** Some columns of a z, `step` bytes from one block of z or out to the next. */
function denseTile(width: number, lanes: Lanes): string {
  const size = 16 / lanes;
  const columns = range(0, width);
  const sums = pairs([0, 1], columns);
  return `
function dense${width}(out: usize, a: usize, z: usize, blocks: i32, inBlocks: i32, step: usize): void {
const row: usize = ${16 * lanes} * inBlocks;
for (; blocks > 0; blocks -= 2) {
${lines(sums, ([b, j]) => `let o${b}_${j} = zeros();`)}
let from = z;
for (const end = a + row; a < end; from += step) {
for (const block = from + 16; from < block; from += ${size}, a += 16) {
const a0 = v128.load(a);
const a1 = v128.load(a + row);
${lines(columns, (j) => `const c${j} = v128.load${8 * size}_splat(from, ${bytes(j)});`)}
${lines(sums, ([b, j]) => `o${b}_${j} = madd(a${b}, c${j}, o${b}_${j});`)}
}
from -= 16;
}
a += row;
${lines(sums, ([b, j]) => `v128.store(out + ${b} * step, o${b}_${j}, ${bytes(j)});`)}
out += 2 * step;
}
}`;
}

/** One or two vectors at a time, as coefficients and loads fit the registers. */
function combinedOf(terms: number): string {
  const unrolls = terms <= 5 ? 2 : 1;
  const sum = (at: number) =>
    range(1, terms).reduce(
      (before, k) => `madd(c${k}, v128.load(z${k} + i, ${at}), ${before})`,
      `mul(c0, v128.load(z0 + i, ${at}))`,
    );
  return `
function combined${terms}(out: usize, offset: usize, bytes: usize, list: usize): void {
${lines(
  range(0, terms),
  (k) => `const c${k} = splat(load<f64>(list, ${16 * k}));
const z${k} = load<usize>(list, ${16 * k + 8}) + offset;`,
)}
for (let i: usize = 0; i < bytes; i += ${bytes(unrolls)}) {
${lines(range(0, unrolls), (k) => `const sum${k} = ${sum(bytes(k))};`)}
${lines(range(0, unrolls), (k) => `v128.store(out + i, sum${k}, ${bytes(k)});`)}
}
}`;
}
