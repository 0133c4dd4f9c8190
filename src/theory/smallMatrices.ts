/** Row-major float64 arrays as small matrices: the few operations that the balanced closed form is made of. */
import { dot } from '../numbers/gram.js';

/**
 * A^T A [cols, cols] of A [rows, cols], symmetric to the last bit. Rows are added one by one, as closed forms were
 * measured with; numbers/gram.ts adds four at a time, which rounds otherwise.
 */
export function gramByRows(a: Float64Array, cols: number): Float64Array {
  const out = new Float64Array(cols * cols);
  for (let row = 0; row < a.length; row += cols)
    for (let i = 0; i < cols; i++) {
      const value = a[row + i]!;
      if (value === 0) continue;
      for (let j = 0; j <= i; j++) out[i * cols + j]! += value * a[row + j]!;
    }
  for (let i = 0; i < cols; i++) for (let j = 0; j < i; j++) out[j * cols + i] = out[i * cols + j]!;
  return out;
}

/** A B^T [rows, rows of B], of A [rows, cols] and B [others, cols]. */
export function productWithTransposed(a: Float64Array, b: Float64Array, cols: number): Float64Array {
  const [rows, others] = [a.length / cols, b.length / cols];
  const out = new Float64Array(rows * others);
  for (let i = 0; i < rows; i++)
    for (let j = 0; j < others; j++)
      out[i * others + j] = dot(a.subarray(i * cols, (i + 1) * cols), b.subarray(j * cols, (j + 1) * cols));
  return out;
}

/**
 * The orthonormal factor of well-conditioned columns [rows, cols]. By Gram-Schmidt, twice: it never mixes rows, so that
 * small ones keep their digits.
 */
export function orthonormalized(columns: Float64Array, cols: number): Float64Array {
  const q = columns.slice();
  const project = (j: number, onto: number) => {
    let overlap = 0;
    for (let at = 0; at < q.length; at += cols) overlap += q[at + onto]! * q[at + j]!;
    for (let at = 0; at < q.length; at += cols) q[at + j]! -= overlap * q[at + onto]!;
  };
  for (let j = 0; j < cols; j++) {
    for (let pass = 0; pass < 2; pass++) for (let onto = 0; onto < j; onto++) project(j, onto);
    let square = 0;
    for (let at = j; at < q.length; at += cols) square += q[at]! ** 2;
    for (let at = j; at < q.length; at += cols) q[at]! /= Math.sqrt(square);
  }
  return q;
}

/** Takes from A [rows, cols] its part in the span of orthonormal columns Q [rows, width]. */
export function subtractProjection(a: Float64Array, q: Float64Array, cols: number, width: number): void {
  for (let k = 0; k < width; k++)
    for (let j = 0; j < cols; j++) {
      let overlap = 0;
      for (let i = 0; i * cols < a.length; i++) overlap += q[i * width + k]! * a[i * cols + j]!;
      for (let i = 0; i * cols < a.length; i++) a[i * cols + j]! -= overlap * q[i * width + k]!;
    }
}

/** L^{-1}, lower triangular, of L L^T = I + H, for H [size, size] symmetric and positive semidefinite. */
export function inverseRootOfOnePlus(h: Float64Array, size: number): Float64Array {
  const lower = new Float64Array(size * size);
  const inverse = new Float64Array(size * size);
  for (let i = 0; i < size; i++)
    for (let j = 0; j <= i; j++) {
      let sum = h[i * size + j]! + (i === j ? 1 : 0);
      for (let k = 0; k < j; k++) sum -= lower[i * size + k]! * lower[j * size + k]!;
      lower[i * size + j] = i === j ? Math.sqrt(sum) : sum / lower[j * size + j]!;
    }
  for (let j = 0; j < size; j++)
    for (let i = j; i < size; i++) {
      let sum = i === j ? 1 : 0;
      for (let k = j; k < i; k++) sum -= lower[i * size + k]! * inverse[k * size + j]!;
      inverse[i * size + j] = sum / lower[i * size + i]!;
    }
  return inverse;
}
