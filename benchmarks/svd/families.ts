/**
 * Families of matrices that singular value decompositions are tried on: random, of chosen spectra, structured, and of
 * extreme scales. Each gives a matrix of any shape, the same one every time.
 */
import { dense, scaled, sum, type Dense } from '../../src/numbers/dense.js';
import { assembled, haarColumns } from '../../src/problem/frame.js';
import { normals, uniforms } from '../../src/numbers/philox.js';

export type Family = (n: number, m: number) => Dense;

/** From a formula for entry (i, j). */
const entries =
  (of: (i: number, j: number, n: number, m: number) => number): Family =>
  (n, m) =>
    dense(
      n,
      m,
      Float64Array.from({ length: n * m }, (_, at) => of(Math.floor(at / m), at % m, n, m)),
    );

const key = (trial: number) => ({ seed: 16, rank: 0, trial });

const gaussian =
  (trial: number): Family =>
  (n, m) =>
    dense(n, m, normals(n * m, key(trial), 'mixing'));

const uniform =
  (of: (u: number) => number): Family =>
  (n, m) =>
    dense(n, m, uniforms(n * m, key(0), 'mixing').map(of));

/** A Gaussian matrix, its entries weighted. */
const weighted =
  (weight: (i: number, j: number, n: number, m: number) => number): Family =>
  (n, m) => {
    const g = gaussian(1)(n, m);
    const w = entries(weight)(n, m);
    return dense(
      n,
      m,
      g.data.map((value, at) => value * w.data[at]!),
    );
  };

/** Random singular vectors, and this spectrum of p values. */
const spectrum =
  (of: (i: number, p: number) => number): Family =>
  (n, m) => {
    const p = Math.min(n, m);
    const sigma = Float64Array.from({ length: p }, (_, i) => of(i, p));
    const columns = (rows: number, trial: number) => haarColumns(gaussian(trial)(rows, p));
    return assembled({ left: columns(n, 2), right: columns(m, 3) }, sigma);
  };

/** From 1 to 10^-22 over `count` steps. */
const decades = (i: number, count: number) => 10 ** ((-22 * i) / Math.max(1, count - 1));
const bits = (i: number): number => (i === 0 ? 0 : (i & 1) + bits(i >> 1));

export const families: Readonly<Record<string, Family>> = {
  gaussian: gaussian(0),
  uniform: uniform((u) => u),
  'random signs': uniform((u) => (u < 0.5 ? -1 : 1)),
  'small integers': uniform((u) => Math.floor(5 * u) - 2),
  'sparse, 5 %': uniform((u) => (u < 0.05 ? 20 * u : 0)),
  'random float32': (n, m) => dense(n, m, gaussian(4)(n, m).data.map(Math.fround)),

  'equal singular values': spectrum(() => 1),
  'three singular values': spectrum((i) => [3, 2, 1][i % 3]!),
  'power spectrum': spectrum((i) => 1 / (i + 1)),
  '22 decades of singular values': spectrum(decades),
  'cluster at 1 and at 1e-8': spectrum((i, p) => (2 * i < p ? 1 + 1e-12 * i : 1e-8)),
  'rank 1': spectrum((i) => (i === 0 ? 1 : 0)),
  'half rank': spectrum((i, p) => (2 * i < p ? 1 : 0)),
  'half rank and 1e-15': spectrum((i, p) => (2 * i < p ? 1 : 1e-15)),
  'one large, the others 1e-12': spectrum((i) => (i === 0 ? 1 : 1e-12)),

  ones: entries(() => 1),
  'equal rows': (n, m) => {
    const row = gaussian(5)(1, m).data;
    return entries((_, j) => row[j]!)(n, m);
  },
  'equal columns': (n, m) => {
    const column = gaussian(6)(n, 1).data;
    return entries((i) => column[i]!)(n, m);
  },
  checkerboard: entries((i, j) => (i + j) % 2),
  'tiles of 4 x 4': entries((i, j) => ((i >> 2) + (j >> 2)) % 2),
  'Hadamard signs': entries((i, j) => (bits(i & j) % 2 === 0 ? 1 : -1)),
  'two blocks of ones': entries((i, j, n, m) => Number(2 * i < n === 2 * j < m)),
  'stripes of three': entries((i) => i % 3),
  zeros: entries(() => 0),
  identity: entries((i, j) => Number(i === j)),
  exchange: entries((i, j, _, m) => Number(i + j === m - 1)),
  'one entry': entries((i, j, n, m) => (i === n - 1 && j === m - 1 ? -3 : 0)),
  'one column': entries((i, j, _, m) => (j === m - 1 ? i + 1 : 0)),
  arrow: entries((i, j) => (i === j ? i + 1 : Number(i === 0 || j === 0))),
  'triangle of ones': entries((i, j) => Number(j >= i)),
  Kahan: entries((i, j) => (j < i ? 0 : 0.8 ** i * (i === j ? 1 : -0.6))),
  Hilbert: entries((i, j) => 1 / (i + j + 1)),
  Vandermonde: entries((i, j, n) => ((i + 1) / n) ** j),
  'second differences': entries((i, j) => (i === j ? 2 : Math.abs(i - j) === 1 ? -1 : 0)),
  'Jordan block': entries((i, j) => (j === i ? 1e-8 : Number(j === i + 1))),

  'rows over 22 decades': weighted((i, _, n) => decades(i, n)),
  'columns over 22 decades, rising': weighted((_, j, __, m) => decades(m - 1 - j, m)),
  'scale 1e-150': (n, m) => scaled(gaussian(7)(n, m), 1e-150),
  'scale 1e150': (n, m) => scaled(sum(gaussian(8)(n, m), entries(() => 1)(n, m)), 1e150),
  subnormal: entries((i, j) => 1e-309 * (((i * j + i) % 7) - 1.5)),
};
