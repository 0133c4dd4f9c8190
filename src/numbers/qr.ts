/** The QR decomposition A = Q R by Householder reflections, a strip of columns after another. */
import { dense, type Dense } from './dense.js';
import { reflector } from './householder.js';
import { columnStart, fillStrips, fromStrips, stripCount, stripIndex, stripLength } from './strips.js';
import { workspace } from './workspace.js';

const STRIP = 8;

/** Q [n, p] with orthonormal columns and upper triangular R [p, m] of A [n, m], p = min(n, m). */
export function qr(a: Dense): { q: Dense; r: Dense } {
  const { rows: n, cols: m } = a;
  const p = Math.min(n, m);
  const { loops, blocks } = workspace({
    strips: stripLength(n, m),
    vectors: p * n,
    taus: p,
    q: stripLength(n, p),
  });
  const { strips, vectors, taus, q } = blocks;
  fillStrips(strips.data, n, m, (i, j) => a.data[i * m + j]!);
  const reflect = (address: number, count: number, first: number, step: 1 | -1, reflections: number) =>
    loops.reflect(address, count, n, vectors.address, n, taus.address, 0, first, step, reflections);
  for (let start = 0; start < m; start += STRIP) {
    const strip = strips.address + 8 * columnStart(n, start);
    reflect(strip, 1, 0, 1, Math.min(start, p));
    for (let j = start; j < Math.min(start + STRIP, p); j++) {
      const vector = vectors.data.subarray(j * n, (j + 1) * n);
      for (let i = j; i < n; i++) vector[i] = strips.data[stripIndex(n, i, j)]!;
      const { tau, beta } = reflector(vector, j, n);
      taus.data[j] = tau;
      // Columns before this one are zero where it reflects.
      reflect(strip, 1, j, 1, 1);
      for (let i = j; i < n; i++) strips.data[stripIndex(n, i, j)] = i === j ? beta : 0;
    }
  }
  const r = dense(p, m);
  for (let i = 0; i < p; i++)
    for (let j = i; j < m; j++) r.data[i * m + j] = strips.data[stripIndex(n, i, j)]!;
  fillStrips(q.data, n, p, (i, j) => (i === j ? 1 : 0));
  reflect(q.address, stripCount(p), p - 1, -1, p);
  return { q: fromStrips(q.data, n, p), r };
}
