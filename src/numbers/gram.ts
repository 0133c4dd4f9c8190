/** Inner products and Gram matrices of row-major float64 arrays, by plain loops. */

/** Sum of a_i b_i. */
export function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

/**
 * a^T b [r, r] of two [rows, r] matrices whose product is symmetric, as a^T a and a^T H a are. Rows are taken four at a
 * time, so that a sum is loaded and stored once for four products.
 */
export function gram(a: Float64Array, b: Float64Array, r: number): Float64Array {
  const out = new Float64Array(r * r);
  let row = 0;
  for (; row + 4 * r <= a.length; row += 4 * r) {
    const [second, third, fourth] = [row + r, row + 2 * r, row + 3 * r];
    for (let i = 0; i < r; i++) {
      const [a0, a1, a2, a3] = [a[row + i]!, a[second + i]!, a[third + i]!, a[fourth + i]!];
      for (let j = i; j < r; j++)
        out[i * r + j]! += a0 * b[row + j]! + a1 * b[second + j]! + a2 * b[third + j]! + a3 * b[fourth + j]!;
    }
  }
  for (; row < a.length; row += r)
    for (let i = 0; i < r; i++) for (let j = i; j < r; j++) out[i * r + j]! += a[row + i]! * b[row + j]!;
  for (let i = 0; i < r; i++) for (let j = 0; j < i; j++) out[i * r + j] = out[j * r + i]!;
  return out;
}
