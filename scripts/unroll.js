/**
 * Writes the inner loops of the wasm kernel (kernels/wasm/assembly), unrolled so that sums stay in registers: exactly
 * for each rank up to 8, and in tiles of 4 columns above. A Gram matrix of rank r <= 8 is stored as its upper triangle
 * in the order in which its entries are summed, of higher ranks in full.
 */

/** Highest rank with loops of its own. */
const EXACT = 8;
const TILE = 4;
/** Most terms of a linear combination: a state and the slopes of dopri5. */
const TERMS = 8;

const range = (from, to) => Array.from({ length: Math.max(0, to - from) }, (_, i) => from + i);
const lines = (items, line) => items.map(line).join('\n');
const bytes = (vectors) => 16 * vectors;

/** @param lanes real numbers in a vector: 4 (float32) or 2 (float64) */
export function unrolled(lanes) {
  const size = 16 / lanes;
  const ranks = range(1, EXACT + 1);
  return `
import { madd, mul, nmadd, splat, sums${lanes}, zeros, Real } from './real';

function spread(at: usize, offset: usize = 0): v128 {
  return v128.load${8 * size}_splat(at + offset);
}

/** The Gram matrix a^T b [columns, columns], which must be symmetric, of vectors [blocks][columns][LANES]. */
export function gram(g: usize, a: usize, b: usize, blocks: i32, columns: i32): void {
  if (columns > ${EXACT}) return gramTiled(g, a, b, blocks, columns);
  switch (columns) {
${lines(ranks, (r) => `    case ${r}: if (a == b) gram${r}(g, a, blocks); else gramOf${r}(g, a, b, blocks); break;`)}
  }
}

/** out = scales z - a g: a scale for every block; z, a and out [blocks][columns][LANES]. */
export function product(out: usize, z: usize, scales: usize, a: usize, g: usize, blocks: i32, columns: i32): void {
  if (columns > ${EXACT}) return productTiled(out, z, scales, a, g, blocks, columns);
  switch (columns) {
${lines(ranks, (r) => `    case ${r}: product${r}(out, z, scales, a, g, blocks); break;`)}
  }
}

/** out = a z: a [blocks][LANES inBlocks][LANES], z [inBlocks][columns][LANES], out [blocks][columns][LANES]. */
export function dense(out: usize, a: usize, z: usize, blocks: i32, inBlocks: i32, columns: i32): void {
  for (let column = 0; column < columns; column += ${TILE}) {
    const at = 16 * column;
    switch (min(${TILE}, columns - column)) {
${lines(range(1, TILE + 1), (w) => `      case ${w}: dense${w}(out + at, a, z + at, blocks, inBlocks, 16 * columns); break;`)}
    }
  }
}

/** The sum of terms at an offset in their states; an even number of vectors. */
export function combined(out: usize, offset: usize, bytes: usize, list: usize, terms: i32): void {
  switch (terms) {
${lines(range(1, TERMS + 1), (k) => `    case ${k}: combined${k}(out, offset, bytes, list); break;`)}
  }
}
${lines(ranks, (r) => gramExact(r, lanes, false) + gramExact(r, lanes, true) + productExact(r, lanes))}
${gramTiled(lanes)}
${productTiled(lanes)}
${lines(range(1, TILE + 1), (w) => denseTile(w, lanes))}
${lines(range(1, TERMS + 1), combinedOf)}`;
}

/** Entries [i, j] of a Gram matrix that are summed together: at most 10. */
const triangle = (from, to) => range(from, to).flatMap((i) => range(i, to).map((j) => [i, j]));
const rectangle = (rows, columns) => rows.flatMap((i) => columns.map((j) => [i, j]));
function gramTiles(r) {
  if (r <= TILE) return [triangle(0, r)];
  const right = range(TILE, r);
  return [triangle(0, TILE), rectangle([0, 1], right), rectangle([2, 3], right), triangle(TILE, r)];
}

/** Where entry [i, j] of a Gram matrix of rank r <= 8 is stored: its index among the real numbers. */
function place(r, lanes, i, j) {
  const [row, column] = [Math.min(i, j), Math.max(i, j)];
  let before = 0;
  for (const tile of gramTiles(r)) {
    const index = tile.findIndex(([a, b]) => a === row && b === column);
    if (index >= 0) return before + index;
    before += lanes * Math.ceil(tile.length / lanes);
  }
}

/** Sums over all blocks the products of columns of a and b; two blocks at a time. */
function sumsOfProducts(tile, { a, b, step }) {
  const [is, js] = [0, 1].map((side) => [...new Set(tile.map((entry) => entry[side]))]);
  const same = a === b;
  const columns = same ? [...new Set([...is, ...js])] : is;
  const block = (half) => `{
${lines(columns, (i) => `const x${i} = v128.load(p${half ? ` + ${step}` : ''}, ${bytes(i)});`)}
${same ? '' : lines(js, (j) => `const y${j} = v128.load(q${half ? ` + ${step}` : ''}, ${bytes(j)});`)}
${lines(tile, ([i, j]) => `s${i}_${j} = madd(x${i}, ${same ? 'x' : 'y'}${j}, s${i}_${j});`)}
}`;
  return `
${lines(tile, ([i, j]) => `let s${i}_${j} = zeros();`)}
let p: usize = ${a};
${same ? '' : `let q: usize = ${b};`}
for (let k = blocks; k > 0; k -= 2) {
${block(0)}
${block(1)}
p += 2 * ${step};
${same ? '' : `q += 2 * ${step};`}
}`;
}

/** Pairs or fours of entries, whose sums fill a vector. */
const groups = (tile, lanes) =>
  range(0, Math.ceil(tile.length / lanes)).map((k) => tile.slice(k * lanes, (k + 1) * lanes));
const sumsOf = (group, lanes) =>
  `sums${lanes}(${range(0, lanes)
    .map((k) => (group[k] ? `s${group[k].join('_')}` : 'zeros()'))
    .join(', ')})`;

function gramExact(r, lanes, crossed) {
  const [name, b] = crossed ? [`gramOf${r}`, 'b'] : [`gram${r}`, 'a'];
  const tile = (entries) => `{
${sumsOfProducts(entries, { a: 'a', b, step: bytes(r) })}
${lines(groups(entries, lanes), (group) => `v128.store(g, ${sumsOf(group, lanes)}, ${(16 / lanes) * place(r, lanes, ...group[0])});`)}
}`;
  return `
function ${name}(g: usize, a: usize, ${crossed ? 'b: usize, ' : ''}blocks: i32): void {
${lines(gramTiles(r), tile)}
}`;
}

/** Tiles of 4 by 4 entries, those below the diagonal by symmetry. */
function gramTiled(lanes) {
  const size = 16 / lanes;
  const entry = (row, column) => `store<Real>(g + ${size} * (${row} * columns + ${column}), value);`;
  const put = (group) => `{
const sums = ${sumsOf(group, lanes)};
${lines(
  range(0, lanes).filter((k) => group[k]),
  (k) => `{
const value = v128.extract_lane<Real>(sums, ${k});
${entry(`(row + ${group[k][0]})`, `(column + ${group[k][1]})`)}
${entry(`(column + ${group[k][1]})`, `(row + ${group[k][0]})`)}
}`,
)}
}`;
  const tile = (entries) => `{
${sumsOfProducts(entries, { a: '(a + 16 * row)', b: '(b + 16 * column)', step: 'step' })}
${lines(groups(entries, lanes), put)}
}`;
  return `
function gramTiled(g: usize, a: usize, b: usize, blocks: i32, columns: i32): void {
const step: usize = 16 * columns;
for (let row = 0; row < columns; row += ${TILE}) {
for (let column = row; column < columns; column += ${TILE}) {
if (row == column) ${tile(triangle(0, TILE))}
else {
${tile(rectangle([0, 1], range(0, TILE)))}
${tile(rectangle([2, 3], range(0, TILE)))}
}
}
}
}`;
}

/** Two blocks of rows by up to 4 columns of out = scales z - a g, of r columns. */
const startOf = (columns, at, stride) =>
  lines(
    rectangle([0, 1], columns),
    ([b, j]) => `let o${b}_${j} = mul(scale${b}, v128.load(z + ${b} * ${stride}${at}, ${bytes(j)}));`,
  );
const endOf = (columns, at, stride) =>
  lines(
    rectangle([0, 1], columns),
    ([b, j]) => `v128.store(out + ${b} * ${stride}${at}, o${b}_${j}, ${bytes(j)});`,
  );

function productExact(r, lanes) {
  const size = 16 / lanes;
  const tile = (columns) => `{
${startOf(columns, '', bytes(r))}
${lines(
  range(0, r),
  (i) => `{
const x0 = v128.load(a, ${bytes(i)});
const x1 = v128.load(a, ${bytes(r + i)});
${lines(
  columns,
  (j) => `{
const c = spread(g, ${size * place(r, lanes, i, j)});
o0_${j} = nmadd(x0, c, o0_${j});
o1_${j} = nmadd(x1, c, o1_${j});
}`,
)}
}`,
)}
${endOf(columns, '', bytes(r))}
}`;
  return `
function product${r}(out: usize, z: usize, scales: usize, a: usize, g: usize, blocks: i32): void {
for (; blocks > 0; blocks -= 2) {
const scale0 = v128.load(scales);
const scale1 = v128.load(scales, 16);
${tile(range(0, Math.min(r, TILE)))}
${r > TILE ? tile(range(TILE, r)) : ''}
out += ${2 * bytes(r)};
z += ${2 * bytes(r)};
a += ${2 * bytes(r)};
scales += 32;
}
}`;
}

function productTiled(lanes) {
  const size = 16 / lanes;
  const columns = range(0, TILE);
  return `
function productTiled(out: usize, z: usize, scales: usize, a: usize, g: usize, blocks: i32, columns: i32): void {
const step: usize = 16 * columns;
for (; blocks > 0; blocks -= 2) {
const scale0 = v128.load(scales);
const scale1 = v128.load(scales, 16);
for (let column = 0; column < columns; column += ${TILE}) {
const at: usize = 16 * column;
${startOf(columns, ' + at', 'step')}
let entry = g + ${size} * column;
for (let x = a; x < a + step; x += 16) {
const x0 = v128.load(x);
const x1 = v128.load(x + step);
${lines(
  columns,
  (j) => `{
const c = spread(entry, ${size * j});
o0_${j} = nmadd(x0, c, o0_${j});
o1_${j} = nmadd(x1, c, o1_${j});
}`,
)}
entry += ${size} * columns;
}
${endOf(columns, ' + at', 'step')}
}
out += 2 * step;
z += 2 * step;
a += 2 * step;
scales += 32;
}
}`;
}

/** Some columns of a z, `step` bytes from one block of z or out to the next. */
function denseTile(width, lanes) {
  const size = 16 / lanes;
  const columns = range(0, width);
  const sums = rectangle([0, 1], columns);
  return `
function dense${width}(out: usize, a: usize, z: usize, blocks: i32, inBlocks: i32, step: usize): void {
const row: usize = ${16 * lanes} * inBlocks;
for (; blocks > 0; blocks -= 2) {
${lines(sums, ([b, j]) => `let o${b}_${j} = zeros();`)}
let from = z;
for (const end = a + row; a < end; a += ${16 * lanes}) {
${lines(
  range(0, lanes),
  (k) => `{
const a0 = v128.load(a, ${bytes(k)});
const a1 = v128.load(a + row, ${bytes(k)});
${lines(
  columns,
  (j) => `{
const c = spread(from, ${bytes(j) + size * k});
o0_${j} = madd(a0, c, o0_${j});
o1_${j} = madd(a1, c, o1_${j});
}`,
)}
}`,
)}
from += step;
}
a += row;
${lines(sums, ([b, j]) => `v128.store(out + ${b} * step, o${b}_${j}, ${bytes(j)});`)}
out += 2 * step;
}
}`;
}

function combinedOf(terms) {
  const rest = range(1, terms);
  const half = (at) =>
    `v128.store(out, ${rest.reduce((sum, k) => `madd(c${k}, v128.load(z${k} + i, ${at}), ${sum})`, `mul(c0, v128.load(z0 + i, ${at}))`)}, ${at});`;
  return `
function combined${terms}(out: usize, offset: usize, bytes: usize, list: usize): void {
${lines(
  range(0, terms),
  (k) => `const c${k} = splat(load<f64>(list, ${16 * k}));
const z${k} = load<usize>(list, ${16 * k + 8}) + offset;`,
)}
for (let i: usize = 0; i < bytes; i += 32, out += 32) {
${half(0)}
${half(16)}
}
}`;
}
