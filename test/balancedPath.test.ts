/** The lambda-balanced closed form against 1200 digits (reference/make_balanced.py), at any time and any scale. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { dense } from '../src/numbers/dense.js';
import { balancedPath } from '../src/theory/balanced.js';
import { eckartYoungMirsky } from '../src/theory/frobenius.js';
import { norm } from './support.js';

interface Case {
  name: string;
  sigma: number[];
  n: number;
  m: number;
  r: number;
  c: number;
  lambda: number;
  x0: number[];
  y0: number[];
  times: number[];
  losses: number[];
}

const cases = JSON.parse(
  readFileSync(new URL('./reference/balanced.json', import.meta.url), 'utf8'),
) as Case[];

/** With E times `unit`, the flow is the same in time / unit, with factors times its root and losses times its square. */
const inputOf = ({ sigma, n, m, r, c, lambda, x0, y0 }: Case, unit = 1) => ({
  ...{ n, m, c, lambda: unit * lambda },
  sigma: Float64Array.from(sigma, (s) => unit * s),
  x0: dense(
    n,
    r,
    Float64Array.from(x0, (x) => Math.sqrt(unit) * x),
  ),
  y0: dense(
    m,
    r,
    Float64Array.from(y0, (y) => Math.sqrt(unit) * y),
  ),
});

const LATE = [1e10, 1e30, 1e300, Infinity];

describe.each(cases)('lambda-balanced path, $name', (flow) => {
  const path = balancedPath(inputOf(flow));
  const best = eckartYoungMirsky(Float64Array.from(flow.sigma), flow.r).loss;

  it('has the loss to twelve digits, however small it is', () => {
    // Exponents up to 600, each rounded to 2^-53 of itself, leave up to 1e-13.
    flow.times.forEach((t, i) => {
      const exact = flow.losses[i]!;
      if (exact > 1e-300) expect(Math.abs(path.loss(t) / exact - 1)).toBeLessThan(1e-12);
      else expect(path.loss(t)).toBeLessThan(1e-300);
    });
  });

  it('has factors of that loss', () => {
    const { sigma, n, m, r, c } = flow;
    for (const t of flow.times) {
      const update = path.update(t).data;
      const left = update.map((w, at) => w - (Math.floor(at / m) === at % m ? sigma[at % m]! : 0));
      expect(norm(left) ** 2 / 2).toBeCloseTo(path.loss(t), 13);
      const { x, y } = path.factors(t);
      expect([x.rows, x.cols, y.rows, y.cols]).toEqual([n, r, m, r]);
      // X^T X - Y^T Y = -lambda I is conserved.
      const scale = norm(x.data) ** 2 + norm(y.data) ** 2;
      for (let i = 0; i < r; i++)
        for (let j = 0; j < r; j++) {
          let difference = i === j ? flow.lambda : 0;
          for (let k = 0; k < n; k++) difference += x.data[k * r + i]! * x.data[k * r + j]!;
          for (let k = 0; k < m; k++) difference -= y.data[k * r + i]! * y.data[k * r + j]!;
          expect(Math.abs(difference)).toBeLessThan(1e-14 * scale);
        }
      expect(c).toBeGreaterThan(0);
    }
  });

  it('ends, at any time however late', () => {
    for (const t of LATE) {
      const { x, y } = path.factors(t);
      expect([...x.data, ...y.data].every(Number.isFinite)).toBe(true);
      expect(Math.abs(path.loss(t) - best)).toBeLessThanOrEqual(1e-14 * best);
    }
  });

  it('has the rate that its last losses show', () => {
    const excess = flow.losses.map((loss) => loss - best);
    const late = flow.times
      .map((_, i) => i)
      .filter((i) => excess[i]! > (best > 0 ? 1e-12 : 1e-300) && excess[i]! < 1e-3);
    const [from, to] = [late.at(-2), late.at(-1)];
    if (from === undefined || to === undefined) return;
    const fall = Math.log(excess[from]! / excess[to]!) / (flow.times[to]! - flow.times[from]!);
    // The next exponential is still in the first of the two.
    expect(Math.abs(fall / (2 * path.rate) - 1)).toBeLessThan(2e-2);
  });

  it.each([1e-100, 1e120])('is the same in units of %s', (unit) => {
    const other = balancedPath(inputOf(flow, unit));
    expect(other.rate / unit / path.rate).toBeCloseTo(1, 13);
    for (const t of [0.1, 1, 5, 20]) {
      const [was, is] = [path.loss(t), other.loss(t / unit) / unit / unit];
      expect(Math.abs(is / was - 1)).toBeLessThan(1e-12);
    }
    for (const t of [1e300, Infinity])
      expect(Math.abs(other.loss(t) / unit / unit - best)).toBeLessThanOrEqual(1e-14 * best);
  });
});

it('knows which rows of a start move, and so its rate', () => {
  const sigma = Float64Array.of(3, 2, 1);
  const columns = (rows: number, length: number) => {
    const z = dense(rows, 3);
    // Rows of an orthogonal matrix, so that columns are orthogonal and of one length.
    const q = [2 / 3, -2 / 3, 1 / 3, 1 / 3, 2 / 3, 2 / 3, -2 / 3, -1 / 3, 2 / 3];
    q.forEach((value, at) => (z.data[at] = length * value));
    return z;
  };
  const rate = (n: number, m: number, x: number, y: number) =>
    balancedPath({ sigma, n, m, c: 1, lambda: y * y - x * x, x0: columns(n, x), y0: columns(m, y) }).rate;
  const mu = (lambda: number) => Math.hypot(1, lambda / 2);
  // Rows beyond min(n, m) that start at zero stay there: what is left are the modes themselves.
  expect(rate(5, 3, 0, 0.5)).toBeCloseTo(2 * mu(0.25), 14);
  expect(rate(3, 5, 0.5, 0)).toBeCloseTo(2 * mu(0.25), 14);
  expect(rate(3, 3, 0, 0.5)).toBeCloseTo(2 * mu(0.25), 14);
  // Long columns, which leave only the difference of nearly equal numbers.
  const long = balancedPath({
    ...{ sigma: Float64Array.of(2, 1), n: 2, m: 2, c: 1, lambda: 1e12 },
    ...{ x0: dense(2, 1), y0: dense(2, 1, Float64Array.of(6e5, 8e5)) },
  });
  expect(long.rate / 3e-12).toBeCloseTo(1, 11);
});
