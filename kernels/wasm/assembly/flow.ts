/**
 * The flow of each built-in structure: dX = -G Y and dY = -G^T X at X [n, r] and Y [m, r] (src/method/system.ts), as
 * src/problem/problem.ts describes the structures.
 */
import { VECTOR } from './real';
import { blockBytes, columns, stateBytes, xBlocks, xBytes, yBlocks } from './shape';
import { dense, gram, product } from './unrolled';
import { dot, scale } from './vectors';

/** Parts of a state. */
export const X: i32 = 1;
export const Y: i32 = 2;
export const BOTH: i32 = 3;

/** Kinds of structures; the third is trace. */
const DIAGONAL: i32 = 0;
const QUADRATIC: i32 = 1;

let kind: i32 = DIAGONAL;
let trace0: f64 = 0;
/** Diagonal: sigma in vectors, then zeros up to the larger factor's blocks. Quadratic: as many ones. */
let scales: usize = 0;
/** Quadratic: P = E H, its transpose, and H or 0, each [blocks][columns][LANES] and padded to whole blocks. */
let p: usize = 0;
let pT: usize = 0;
let h: usize = 0;
/** Room for a Gram matrix [columns, columns], and for H Y. */
let g: usize = 0;
let hY: usize = 0;

export function useStructure(
  structure: i32,
  initialTrace: f64,
  vectors: usize,
  matrix: usize,
  transposed: usize,
  covariance: usize,
  scratchGram: usize,
  scratchY: usize,
): void {
  kind = structure;
  trace0 = initialTrace;
  scales = vectors;
  p = matrix;
  pT = transposed;
  h = covariance;
  g = scratchGram;
  hY = scratchY;
}

/** Writes the derivative at a state, or only a part of it, to `out`. */
export function flow(out: usize, state: usize, parts: i32): void {
  const x = state;
  const y = state + xBytes;
  if (kind == DIAGONAL) {
    if (parts & X) diagonal(out, x, y, xBlocks, yBlocks);
    if (parts & Y) diagonal(out + xBytes, y, x, yBlocks, xBlocks);
  } else if (kind == QUADRATIC) quadratic(out, x, y, parts);
  else {
    const slope = -(trace0 + dot(x, y, xBytes));
    if (parts & X) scale(out, slope, y, xBytes);
    if (parts & Y) scale(out + xBytes, slope, x, stateBytes - xBytes);
  }
}

/** sigma other - own (other^T other): the same for either factor. */
function diagonal(out: usize, own: usize, other: usize, ownBlocks: i32, otherBlocks: i32): void {
  gram(g, other, other, otherBlocks, columns);
  const common = min(ownBlocks, otherBlocks);
  product(out, other, scales, own, g, common, columns);
  // Below the other's last row sigma is zero; what it multiplies does not matter.
  const rest = blockBytes * common;
  product(out + rest, own + rest, scales + VECTOR * common, own + rest, g, ownBlocks - common, columns);
}

/** P Y - X (Y^T H Y) and P^T X - H Y (X^T X). */
function quadratic(out: usize, x: usize, y: usize, parts: i32): void {
  let weighted = y;
  if (h != 0) {
    dense(hY, h, y, yBlocks, yBlocks, columns);
    weighted = hY;
  }
  if (parts & X) {
    dense(out, p, y, xBlocks, yBlocks, columns);
    gram(g, y, weighted, yBlocks, columns);
    product(out, out, scales, x, g, xBlocks, columns);
  }
  if (parts & Y) {
    const dY = out + xBytes;
    dense(dY, pT, x, yBlocks, xBlocks, columns);
    gram(g, x, x, xBlocks, columns);
    product(dY, dY, scales, weighted, g, yBlocks, columns);
  }
}
