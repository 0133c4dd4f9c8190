/**
 * Products of row-major matrices, and what is left of a loss once its terms cancel,
 * in float64: by plain loops, those with large matrices by blocks.
 */
import { dense, type Dense } from '../../../src/numbers/dense.js';
import { dot } from '../../../src/numbers/gram.js';
import { isLowRank, type LowRank, type Operator } from '../../../src/numbers/operator.js';
import { multiply, multiplyTransposedLeft } from '../../../src/numbers/products.js';

/** Share of its terms at which a difference has lost half of its digits: below it the residual is formed. */
export const LOST = 1e-8;

/** 1/2 tr(R H R^T) of the residual R = X Y^T - E [n, m], which is formed. */
export function halfResidual(
  error: Dense,
  covariance: Dense | null,
  x: Float64Array,
  y: Float64Array,
  r: number,
): number {
  const { rows: n, cols: m, data } = error;
  // Its transpose [m, n], of which H takes products.
  const residual = new Float64Array(m * n);
  for (let i = 0; i < n; i++)
    for (let k = 0; k < m; k++) {
      let entry = -data[i * m + k]!;
      for (let j = 0; j < r; j++) entry += x[i * r + j]! * y[k * r + j]!;
      residual[k * n + i] = entry;
    }
  return dot(residual, covariance ? product(covariance, residual, n) : residual) / 2;
}

/** z - a g, in place of z: z and a [rows, r], g [r, r]. */
export function subtractProduct(z: Float64Array, a: Float64Array, g: Float64Array, r: number): Float64Array {
  for (let row = 0; row < a.length; row += r)
    for (let i = 0; i < r; i++) {
      const ai = a[row + i]!;
      for (let j = 0; j < r; j++) z[row + j]! -= ai * g[i * r + j]!;
    }
  return z;
}

/** Entries of a matrix from which its products are made by blocks in WebAssembly, in another order of sums. */
const BLOCKED_FROM = 2 ** 20;

/** a z [rows, r] of a [rows, cols] and z [cols, r]. */
export function product(a: Operator, z: Float64Array, r: number): Float64Array {
  if (isLowRank(a)) return lowRankProduct(a.left, a, a.right, z, r);
  const { rows, cols, data } = a;
  if (data.length >= BLOCKED_FROM) return multiply(a, dense(cols, r, z)).data;
  const out = new Float64Array(rows * r);
  for (let i = 0; i < rows; i++)
    for (let k = 0; k < cols; k++) {
      const entry = data[i * cols + k]!;
      for (let j = 0; j < r; j++) out[i * r + j]! += entry * z[k * r + j]!;
    }
  return out;
}

/** a^T z [cols, r] of a [rows, cols] and z [rows, r]. */
export function productTransposed(a: Operator, z: Float64Array, r: number): Float64Array {
  if (isLowRank(a)) return lowRankProduct(a.right, a, a.left, z, r);
  const { rows, cols, data } = a;
  if (data.length >= BLOCKED_FROM) return multiplyTransposedLeft(a, dense(rows, r, z)).data;
  const out = new Float64Array(cols * r);
  for (let i = 0; i < rows; i++)
    for (let k = 0; k < cols; k++) {
      const entry = data[i * cols + k]!;
      for (let j = 0; j < r; j++) out[k * r + j]! += entry * z[i * r + j]!;
    }
  return out;
}

/** shift z + onto diag(weights) from^T z. */
function lowRankProduct(
  onto: Dense,
  { weights, shift }: LowRank,
  from: Dense,
  z: Float64Array,
  r: number,
): Float64Array {
  const along = productTransposed(from, z, r);
  for (let i = 0; i < along.length; i++) along[i]! *= weights[Math.floor(i / r)]!;
  const out = product(onto, along, r);
  if (shift !== 0) for (let i = 0; i < out.length; i++) out[i]! += shift * z[i]!;
  return out;
}
