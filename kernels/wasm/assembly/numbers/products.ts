/** Products of packed float64 matrices: tiles of 4 x 4 entries that stay in registers. */

const VECTOR: usize = 16;
/**
 * Terms that are added to each other before their sum is added to what there is: rounding grows with the longer of
 * both.
 */
const CHUNK: i32 = 32;
/** Bytes of 4 entries, and of a tile. */
const GROUP: usize = 32;
const TILE: usize = 128;

/**
 * C = A B, or C += A B if `adds`.
 * @param a [rowTiles, depth, 4]: A with 4 rows beside each other
 * @param b [colTiles, depth, 4]: B with 4 columns beside each other
 * @param c [rowTiles, colTiles, 4, 4]
 * @param depth a multiple of 2
 */
export function multiplyTiles(
  a: usize,
  b: usize,
  c: usize,
  rowTiles: i32,
  colTiles: i32,
  depth: i32,
  adds: bool,
): void {
  const panel = GROUP * depth;
  for (let j = 0; j < colTiles; j++)
    for (let i = 0; i < rowTiles; i++)
      for (let k = 0; k < depth; k += CHUNK)
        multiplyTile(
          a + i * panel + GROUP * k,
          b + j * panel + GROUP * k,
          c + TILE * (i * colTiles + j),
          min(CHUNK, depth - k),
          adds || k > 0,
        );
}

/** from + entry other. */
function step(from: v128, entry: v128, other: v128): v128 {
  return f64x2.add(from, f64x2.mul(entry, other));
}

function multiplyTile(a: usize, b: usize, c: usize, depth: i32, adds: bool): void {
  let c00 = f64x2.splat(0);
  let c01 = c00;
  let c10 = c00;
  let c11 = c00;
  let c20 = c00;
  let c21 = c00;
  let c30 = c00;
  let c31 = c00;
  for (const end = a + GROUP * depth; a < end; a += 2 * GROUP, b += 2 * GROUP) {
    let b0 = v128.load(b);
    let b1 = v128.load(b, VECTOR);
    let entry = v128.load64_splat(a);
    c00 = step(c00, entry, b0);
    c01 = step(c01, entry, b1);
    entry = v128.load64_splat(a, 8);
    c10 = step(c10, entry, b0);
    c11 = step(c11, entry, b1);
    entry = v128.load64_splat(a, 16);
    c20 = step(c20, entry, b0);
    c21 = step(c21, entry, b1);
    entry = v128.load64_splat(a, 24);
    c30 = step(c30, entry, b0);
    c31 = step(c31, entry, b1);
    b0 = v128.load(b, GROUP);
    b1 = v128.load(b, GROUP + VECTOR);
    entry = v128.load64_splat(a, GROUP);
    c00 = step(c00, entry, b0);
    c01 = step(c01, entry, b1);
    entry = v128.load64_splat(a, GROUP + 8);
    c10 = step(c10, entry, b0);
    c11 = step(c11, entry, b1);
    entry = v128.load64_splat(a, GROUP + 16);
    c20 = step(c20, entry, b0);
    c21 = step(c21, entry, b1);
    entry = v128.load64_splat(a, GROUP + 24);
    c30 = step(c30, entry, b0);
    c31 = step(c31, entry, b1);
  }
  if (adds) {
    c00 = f64x2.add(c00, v128.load(c));
    c01 = f64x2.add(c01, v128.load(c, 16));
    c10 = f64x2.add(c10, v128.load(c, 32));
    c11 = f64x2.add(c11, v128.load(c, 48));
    c20 = f64x2.add(c20, v128.load(c, 64));
    c21 = f64x2.add(c21, v128.load(c, 80));
    c30 = f64x2.add(c30, v128.load(c, 96));
    c31 = f64x2.add(c31, v128.load(c, 112));
  }
  v128.store(c, c00);
  v128.store(c, c01, 16);
  v128.store(c, c10, 32);
  v128.store(c, c11, 48);
  v128.store(c, c20, 64);
  v128.store(c, c21, 80);
  v128.store(c, c30, 96);
  v128.store(c, c31, 112);
}
