/**
 * Householder bidiagonalization A = U B V^T of a tall matrix (Golub & Kahan 1965), in two passes over A for each of
 * its columns.
 */
import { reflector } from './householder.js';
import type { Block, Loops } from './workspace.js';

export interface Bidiagonal {
  /** Diagonal [m] and superdiagonal [m - 1] of B. */
  readonly d: Float64Array;
  readonly e: Float64Array;
}

/** Memory of a bidiagonalization of A [n, m], n >= m. */
export interface BidiagonalRoom {
  /** A [n, m] before; after it, row k holds the k-th reflection of V^T from its entry k + 1 on. */
  readonly a: Block;
  /** The reflections of U as rows [m, n], the k-th from its entry k on. */
  readonly left: Block;
  /** Factors tau of the reflections [m], of either side. */
  readonly leftTaus: Block;
  readonly rightTaus: Block;
  /** Scratch [n] and [m]. */
  readonly x: Block;
  readonly y: Block;
}

export const bidiagonalLengths = (n: number, m: number): Record<keyof BidiagonalRoom, number> => ({
  a: n * m,
  left: m * n,
  leftTaus: m,
  rightTaus: m,
  x: n,
  y: m,
});

export function bidiagonalize(
  n: number,
  m: number,
  { a, left, leftTaus, rightTaus, x, y }: BidiagonalRoom,
  loops: Loops,
): Bidiagonal {
  const d = new Float64Array(m);
  const e = new Float64Array(m - 1);
  // Of the update A -= x v^T that is due; v is a row of A.
  let v = 0;
  for (let k = 0; k < m; k++) {
    const column = left.data.subarray(k * n, (k + 1) * n);
    const due = k === 0 ? 0 : a.data[v + k]!;
    for (let i = k; i < n; i++) column[i] = a.data[i * m + k]! - x.data[i]! * due;
    const { tau, beta } = reflector(column, k, n);
    d[k] = beta;
    leftTaus.data[k] = tau;
    const cols = m - 1 - k;
    if (cols === 0) break;
    y.data.fill(0);
    const at = (block: Block, index: number) => block.address + 8 * index;
    const u = k * n + k;
    const [first, inY] = [k * m + k + 1, at(y, k + 1)];
    loops.updateAndGather(at(a, first), n - k, cols, m, at(x, k), at(a, v + k + 1), at(left, u), inY);
    for (let j = k + 1; j < m; j++) {
      y.data[j]! *= tau;
      a.data[k * m + j]! -= y.data[j]!;
    }
    const right = reflector(a.data, first, (k + 1) * m);
    e[k] = right.beta;
    rightTaus.data[k] = right.tau;
    loops.updateAndMultiply(
      at(a, first + m),
      n - k - 1,
      cols,
      m,
      at(left, u + 1),
      inY,
      at(a, first),
      at(x, k + 1),
    );
    for (let i = k + 1; i < n; i++) x.data[i]! *= right.tau;
    v = k * m;
  }
  return { d, e };
}
