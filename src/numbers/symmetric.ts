/** Eigenvalues and Cholesky factors of symmetric matrices. */
import { dense, difference, type Dense } from './dense.js';
import { multiply, multiplyTransposedRight } from './products.js';
import { svd } from './svd.js';

/**
 * H = V diag(values) V^T of a symmetric H [m, m]: values largest first [m], vectors V [m, m]. Of H + c I, which has no
 * negative eigenvalue, the singular vectors are V; the values are the Rayleigh quotients of these with H.
 * @throws SvdError if an entry is not finite
 */
export function symmetricEigen(h: Dense): { values: Float64Array; vectors: Dense } {
  const m = h.cols;
  let rowSumBound = 0;
  for (let i = 0; i < m; i++)
    rowSumBound = Math.max(
      rowSumBound,
      h.data.subarray(i * m, (i + 1) * m).reduce((sum, v) => sum + Math.abs(v), 0),
    );
  const shiftedMatrix = dense(m, m, h.data.slice());
  for (let i = 0; i < m; i++) shiftedMatrix.data[i * m + i]! += rowSumBound;
  const { left: vectors } = svd(shiftedMatrix);
  const values = new Float64Array(m);
  multiply(h, vectors).data.forEach((value, at) => (values[at % m]! += value * vectors.data[at]!));
  return { values, vectors };
}

/** Columns of a Cholesky factor that are found at a time. */
const BLOCK = 256;

/** L [m, m], lower triangular, of H = L L^T; null if H is not positive definite. Of H the lower triangle is read. */
export function cholesky(h: Dense): Dense | null {
  const m = h.cols;
  if (m <= BLOCK) return choleskyOfBlock(h);
  const l = dense(m, m);
  for (let i = 0; i < m; i++) l.data.set(h.data.subarray(i * m, i * m + i + 1), i * m);
  for (let start = 0; start < m; start += BLOCK) {
    const end = Math.min(m, start + BLOCK);
    const corner = choleskyOfBlock(part(l, start, end, start, end));
    if (!corner) return null;
    setPart(l, start, start, corner);
    if (end === m) break;
    const below = solveLowerTransposed(corner, part(l, end, m, start, end));
    setPart(l, end, start, below);
    for (let from = end; from < m; from += BLOCK) {
      const to = Math.min(m, from + BLOCK);
      const [rows, rest] = [part(below, from - end, to - end, 0, below.cols), part(l, from, to, end, to)];
      const others = part(below, 0, to - end, 0, below.cols);
      setPart(l, from, end, difference(rest, multiplyTransposedRight(rows, others)));
    }
  }
  for (let i = 0; i < m; i++) l.data.fill(0, i * m + i + 1, (i + 1) * m);
  return l;
}

/** Rows and columns of A, from the first up to the second. */
function part(a: Dense, firstRow: number, endRow: number, firstCol: number, endCol: number): Dense {
  const out = dense(endRow - firstRow, endCol - firstCol);
  for (let i = 0; i < out.rows; i++) {
    const row = (firstRow + i) * a.cols;
    out.data.set(a.data.subarray(row + firstCol, row + endCol), i * out.cols);
  }
  return out;
}

/** Puts a matrix in A, from a row and a column on. */
function setPart(a: Dense, row: number, col: number, { rows, cols, data }: Dense): void {
  for (let i = 0; i < rows; i++)
    a.data.set(data.subarray(i * cols, (i + 1) * cols), (row + i) * a.cols + col);
}

function choleskyOfBlock(h: Dense): Dense | null {
  const m = h.cols;
  const l = dense(m, m);
  for (let i = 0; i < m; i++)
    for (let j = 0; j <= i; j++) {
      let rest = h.data[i * m + j]!;
      for (let k = 0; k < j; k++) rest -= l.data[i * m + k]! * l.data[j * m + k]!;
      if (i !== j) l.data[i * m + j] = rest / l.data[j * m + j]!;
      else if (rest > 0) l.data[i * m + i] = Math.sqrt(rest);
      else return null;
    }
  return l;
}

/** X [n, m] of X L^T = B, for a lower triangular L [m, m] and B [n, m]: what a Cholesky factor normalizes rows by. */
export function solveLowerTransposed(l: Dense, b: Dense): Dense {
  const m = l.cols;
  const x = dense(b.rows, m);
  for (let row = 0; row < b.rows * m; row += m)
    for (let j = 0; j < m; j++) {
      let rest = b.data[row + j]!;
      for (let k = 0; k < j; k++) rest -= x.data[row + k]! * l.data[j * m + k]!;
      x.data[row + j] = rest / l.data[j * m + j]!;
    }
  return x;
}

/** X [n, m] of X L = B, for a lower triangular L [m, m] and B [n, m]. */
export function solveLower(l: Dense, b: Dense): Dense {
  const m = l.cols;
  const x = dense(b.rows, m);
  for (let row = 0; row < b.rows * m; row += m)
    for (let j = m - 1; j >= 0; j--) {
      let rest = b.data[row + j]!;
      for (let k = j + 1; k < m; k++) rest -= x.data[row + k]! * l.data[k * m + j]!;
      x.data[row + j] = rest / l.data[j * m + j]!;
    }
  return x;
}
