/** The truncated decomposition against matrices made of known triples, the whole decomposition, and its own promises. */
import { describe, expect, it } from 'vitest';
import { dense, leadingColumns, scaledColumns, transposed, type Dense } from '../src/numbers/dense.js';
import { orthonormalizedAgainst } from '../src/numbers/orthonormalizedAgainst.js';
import { multiply, multiplyTransposedLeft, multiplyTransposedRight } from '../src/numbers/products.js';
import { qr } from '../src/numbers/qr.js';
import { singularValues } from '../src/numbers/svd.js';
import {
  squaresMissed,
  truncatedSvd,
  type TruncatedSvd,
  type TruncatedSvdProgress,
} from '../src/numbers/truncatedSvd.js';
import { gaussian, norm } from './support.js';

/** U diag(sigma) V^T [n, m] with random orthonormal U and V. */
const withValues = (n: number, m: number, sigma: readonly number[], seed = 1): Dense => {
  const orthonormal = (rows: number, at: number) => qr(gaussian(rows, sigma.length, at)).q;
  return multiplyTransposedRight(scaledColumns(orthonormal(n, seed), sigma), orthonormal(m, seed + 1));
};

const sum = (values: Iterable<number>): number => [...values].reduce((total, value) => total + value, 0);
const squares = (values: ArrayLike<number>): number => sum(Array.from(values, (value) => value * value));

/** |A - U diag(sigma) V^T|_F^2 by plain loops. */
function leftOf(a: Dense, { left, sigma, right }: TruncatedSvd): number {
  let total = 0;
  const k = sigma.length;
  for (let i = 0; i < a.rows; i++)
    for (let j = 0; j < a.cols; j++) {
      let entry = a.data[i * a.cols + j]!;
      for (let l = 0; l < k; l++) entry -= left.data[i * k + l]! * sigma[l]! * right.data[j * k + l]!;
      total += entry * entry;
    }
  return total;
}

/** What rounding of A, (1e-15 |A| in the norm of the rest, 1e-14 |A| where nothing is left), may change in |A - U diag(sigma) V^T|^2. */
const roundingOf = (tailSquared: number, of: number): number =>
  2e-15 * Math.sqrt(tailSquared * of) + 1e-28 * of;

function expectSound(a: Dense, found: TruncatedSvd): void {
  const { left, sigma, right, tailSquared, residuals } = found;
  const k = sigma.length;
  const size = Math.sqrt(found.squares);
  expect(Math.abs(found.squares - squares(a.data))).toBeLessThanOrEqual(1e-13 * found.squares);
  for (const q of [left, right]) {
    const gram = multiplyTransposedLeft(q, q).data;
    gram.forEach((value, at) => expect(Math.abs(value - (at % (k + 1) === 0 ? 1 : 0))).toBeLessThan(1e-13));
  }
  for (let i = 1; i < k; i++) expect(sigma[i]!).toBeLessThanOrEqual(sigma[i - 1]!);
  const exact = leftOf(a, found);
  expect(Math.abs(tailSquared - exact)).toBeLessThanOrEqual(1e-10 * exact + roundingOf(exact, found.squares));
  expect(Math.abs(found.squares - squares(sigma) - tailSquared)).toBeLessThanOrEqual(1e-13 * found.squares);
  for (let l = 0; l < k; l++) {
    const column = (q: Dense) =>
      leadingColumns(
        dense(
          q.rows,
          1,
          q.data.filter((_, at) => at % k === l),
        ),
        1,
      );
    const below = multiply(a, column(right)).data.map(
      (value, i) => value - sigma[l]! * left.data[i * k + l]!,
    );
    const above = multiply(transposed(a), column(left)).data.map(
      (value, j) => value - sigma[l]! * right.data[j * k + l]!,
    );
    expect(Math.abs(residuals[l]! - Math.max(norm(below), norm(above)))).toBeLessThanOrEqual(1e-13 * size);
  }
}

const count = (of: (i: number) => number, n: number) => Array.from({ length: n }, (_, i) => of(i));

describe.each<{ name: string; n: number; m: number; sigma: number[]; k: number }>([
  { name: 'a power law', n: 300, m: 420, sigma: count((i) => 1 / (i + 1), 300), k: 20 },
  { name: 'an exponential', n: 420, m: 300, sigma: count((i) => Math.exp(-i), 40), k: 30 },
  {
    name: 'repeated values, more than a block',
    n: 300,
    m: 300,
    sigma: count((i) => (i < 50 ? 2 : 0.5), 120),
    k: 40,
  },
  { name: 'one value for all', n: 280, m: 300, sigma: count(() => 3, 280), k: 5 },
  { name: 'fewer values than asked', n: 300, m: 300, sigma: [5, 4, 3], k: 10 },
  { name: 'far apart', n: 300, m: 290, sigma: count((i) => 10 ** (-i / 2), 44), k: 20 },
])('$name', ({ n, m, sigma, k }) => {
  const a = withValues(n, m, sigma);
  const found = truncatedSvd(a, k);

  it('keeps its promises', () => {
    expect(found.converged).toBe(true);
    expect([found.left.rows, found.right.rows, found.sigma.length]).toEqual([n, m, k]);
    expectSound(a, found);
  });

  it('leaves what the best factors of that rank leave, and not less', () => {
    const best = sum(sigma.slice(k).map((s) => s * s));
    const rounding = roundingOf(best, found.squares);
    expect(found.tailSquared).toBeLessThanOrEqual(best * (1 + 1e-5) + rounding);
    expect(found.tailSquared).toBeGreaterThanOrEqual(best * (1 - 1e-10) - rounding);
    found.sigma.forEach((s, i) => expect(s).toBeLessThanOrEqual((sigma[i] ?? 0) + 1e-13 * sigma[0]!));
    const half = Math.floor(k / 2);
    const tail = found.tailSquared + squares(found.sigma.subarray(half));
    const bestHalf = sum(sigma.slice(half).map((s) => s * s));
    expect(Math.abs(tail - bestHalf)).toBeLessThanOrEqual(1e-5 * bestHalf + rounding);
  });
});

it('is as good where nothing decays', () => {
  const a = gaussian(400, 500, 3);
  const exact = singularValues(a);
  const found = truncatedSvd(a, 12);
  const best = squares(exact.subarray(12));
  expectSound(a, found);
  expect(found.tailSquared / best - 1).toBeGreaterThan(-1e-12);
  expect(found.tailSquared / best - 1).toBeLessThan(1e-4);
});

it.each<[string, Dense]>([
  ['ones', dense(300, 280, new Float64Array(300 * 280).fill(1))],
  ['zeros', dense(300, 280)],
  [
    'an identity',
    dense(
      300,
      300,
      new Float64Array(300 * 300).map((_, at) => (at % 301 === 0 ? 1 : 0)),
    ),
  ],
  [
    'a checkerboard',
    dense(
      300,
      300,
      new Float64Array(300 * 300).map((_, at) => (Math.floor(at / 300) + at) % 2),
    ),
  ],
  [
    'one entry',
    dense(
      300,
      300,
      new Float64Array(300 * 300).map((_, at) => (at === 77 ? -3 : 0)),
    ),
  ],
])('ends on %s', (_, a) => expectSound(a, truncatedSvd(a, 8)));

it.each([1e-200, 1e-300, 1e150, 1e200])('has no scale: %s', (unit) => {
  const a = withValues(300, 300, [3, 2, 1, 0.5]);
  const [was, is] = [
    truncatedSvd(a, 2),
    truncatedSvd(
      dense(
        300,
        300,
        a.data.map((value) => value * unit),
      ),
      2,
    ),
  ];
  was.sigma.forEach((s, i) => expect(is.sigma[i]! / unit / s).toBeCloseTo(1, 12));
  if (unit === 1e150) expect(is.tailSquared / unit / unit / was.tailSquared).toBeCloseTo(1, 9);
});

it('takes the whole decomposition where few are left out', () => {
  for (const [n, m, k] of [
    [1, 1, 1],
    [1, 9, 1],
    [40, 7, 3],
    [300, 300, 200],
  ] as const) {
    const a = gaussian(n, m, 5);
    const found = truncatedSvd(a, k);
    expectSound(a, found);
    singularValues(a)
      .subarray(0, k)
      .forEach((s, i) => expect(found.sigma[i]! / s).toBeCloseTo(1, 12));
  }
});

it('depends on its seed alone, and says how it goes', () => {
  const a = gaussian(300, 300, 8);
  const heard: TruncatedSvdProgress[] = [];
  const found = truncatedSvd(a, 10, { seed: 4, onProgress: (progress) => heard.push(progress) });
  expect(truncatedSvd(a, 10, { seed: 4 })).toEqual(found);
  expect(truncatedSvd(a, 10, { seed: 5 }).left.data).not.toEqual(found.left.data);
  expect(heard.map(({ iteration }) => iteration)).toEqual(count((i) => i + 1, found.iterations));
  heard.slice(1).forEach(({ tailShare }, i) => expect(tailShare).toBeLessThanOrEqual(heard[i]!.tailShare));
  expect(heard.at(-1)!.tailShare).toBeCloseTo(found.tailSquared / found.squares, 12);
  expect(truncatedSvd(a, 10, { maxIterations: 2 })).toMatchObject({ iterations: 2, converged: false });
});

it('goes on from its leading triples where a basis would become too large', () => {
  // 30 columns with each iteration, and 270 at the most here.
  const a = gaussian(300, 320, 9);
  const found = truncatedSvd(a, 60, { tolerance: 1e-13 });
  expect(found.iterations).toBeGreaterThan(9);
  expect(found.converged).toBe(true);
  expectSound(a, found);
  const best = squares(singularValues(a).subarray(60));
  expect(Math.abs(found.tailSquared / best - 1)).toBeLessThan(1e-11);
});

it('refuses what it cannot decompose', () => {
  const a = dense(3, 4);
  for (const k of [0, 4, 1.5, NaN]) expect(() => truncatedSvd(a, k)).toThrow(/singular triples of a 3 x 4/);
  for (const value of [NaN, Infinity])
    expect(() => truncatedSvd(dense(1, 2, Float64Array.of(1, value)), 1)).toThrow(`${value}`);
});

describe('orthonormalizedAgainst', () => {
  const basis = qr(gaussian(40, 10, 1)).q;
  const noRandom = () => {
    throw new Error('not needed');
  };
  const defect = (q: Dense) => norm(multiplyTransposedLeft(basis, q).data);

  it('splits a block, also one that is nearly within the basis', () => {
    const within = multiply(basis, gaussian(10, 4, 2));
    const off = gaussian(40, 4, 3, 1e-9);
    const x = dense(
      40,
      4,
      within.data.map((value, at) => value + off.data[at]!),
    );
    const { q, onto, r } = orthonormalizedAgainst(basis, x, noRandom);
    expect(defect(q)).toBeLessThan(1e-14);
    const again = multiply(basis, onto).data.map((value, at) => value + multiply(q, r).data[at]!);
    expect(norm(again.map((value, at) => value - x.data[at]!))).toBeLessThan(1e-14 * norm(x.data));
  });

  it('fills up a block that is within the basis', () => {
    const units = dense(
      40,
      2,
      new Float64Array(80).map((_, at) => (at === 0 || at === 3 ? 1 : 0)),
    );
    const { q, r } = orthonormalizedAgainst(units, units, (trial) => gaussian(40, 2, 10 + trial));
    expect(norm(multiplyTransposedLeft(units, q).data)).toBeLessThan(1e-14);
    const gram = multiplyTransposedLeft(q, q).data;
    expect(norm(gram.map((value, at) => value - (at % 3 === 0 ? 1 : 0)))).toBeLessThan(1e-14);
    expect(norm(r.data)).toBeLessThan(1e-14);
  });
});

it.each([2, 9, 13, 17, 100])('bounds what its triples miss after %i iterations', (maxIterations) => {
  const a = gaussian(400, 500, 3);
  const exact = singularValues(a);
  const found = truncatedSvd(a, 30, { maxIterations, tolerance: 1e-14 });
  const missed = count((i) => squares(exact.subarray(0, i)) - squares(found.sigma.subarray(0, i)), 30);
  const bounds = count((i) => squaresMissed(found, i), 30);
  const rounding = 1e-13 * squares(exact);
  for (let i = 1; i < 30; i++) expect(missed[i]!).toBeLessThanOrEqual(bounds[i]! + rounding);
  if (maxIterations === 13) {
    // More than rounding is missed, and the bound is below what there is at all.
    expect(missed[10]!).toBeGreaterThan(1e3 * rounding);
    expect(bounds[10]!).toBeLessThan(1e-2 * squares(exact));
  }
  if (maxIterations === 100) expect(bounds[20]!).toBeLessThan(rounding);
});

it('knows no bound of what it misses where no gap is behind', () => {
  const found = truncatedSvd(withValues(300, 300, [3, ...count(() => 1, 200)]), 8);
  expect(squaresMissed(found, 1)).toBeLessThan(1e-20);
  expect(squaresMissed(found, 2)).toBe(Infinity);
});
