/** Aligned modes against 900 digits (reference/make_aligned.py), and closed forms at very late times. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { dense } from '../src/numbers/dense.js';
import { alignedPath, frobeniusFullLoss, frobeniusFullUpdate } from '../src/theory/frobenius.js';
import { regressionFullPath } from '../src/theory/linearRegression.js';
import { riccati } from '../src/theory/riccati.js';
import { traceSquaredFullTrace, traceSquaredPath } from '../src/theory/traceSquared.js';

interface Mode {
  sigma: number;
  c: number;
  x0: number;
  y0: number;
  rate: number;
  /** Time, c x y, sigma - c x y. */
  rows: [number, number, number][];
}

const modes = JSON.parse(
  readFileSync(new URL('./reference/aligned.json', import.meta.url), 'utf8'),
) as Mode[];

const LATE = [1e10, 1e30, 1e300, Infinity];

it.each(modes)(
  'a mode of sigma $sigma from $x0, $y0 has twelve digits',
  ({ sigma, c, x0, y0, rate, rows }) => {
    const path = alignedPath({ sigma: [sigma], c, x0: [x0], y0: [y0] });
    expect(path.rates[0]! / rate).toBeCloseTo(1, 13);
    expect(rows.length).toBeGreaterThan(0);
    for (const [t, product, residual] of rows) {
      // Exponents up to 600, each rounded to 2^-53 of itself, leave up to 1e-13.
      expect(Math.abs(path.residual(t)[0]! / residual - 1)).toBeLessThan(1e-12);
      expect(path.loss(t) / (residual ** 2 / 2 || 1)).toBeCloseTo(residual ** 2 === 0 ? 0 : 1, 11);
      expect(Math.abs(path.product(t)[0]! - product)).toBeLessThanOrEqual(
        1e-15 * sigma + 1e-12 * Math.abs(residual),
      );
    }
  },
);

describe('late times', () => {
  it('end aligned paths', () => {
    const path = alignedPath({
      sigma: [2, 1, 0.5, 0],
      c: 0.9,
      x0: [0, 0.3, 0, 0.2],
      y0: [0.7, -0.3, 0, 0.1],
    });
    for (const t of LATE.slice(1)) {
      const [first, dying, atRest, spare] = path.product(t);
      expect(first).toBeCloseTo(2, 15);
      expect(dying).toBeCloseTo(0, 300);
      expect(atRest).toBe(0);
      expect(spare).toBeCloseTo(0, 300);
      expect(path.loss(t)).toBe(0.625);
    }
    // Modes that move: 2 D c of the first, 2 c sigma of the one that dies out, c^2 |x0^2 - y0^2| of the one without sigma.
    const rates = [2 * 0.9 * Math.hypot(2, (0.9 * 0.49) / 2), 2 * 0.9 * 1, 0.9 * 0.9 * 0.03];
    expect(path.rate).toBeCloseTo(Math.min(...rates), 14);
    expect(alignedPath({ sigma: [1], c: 1, x0: [0], y0: [0] }).rate).toBe(0);
    expect(alignedPath({ sigma: [0], c: 1, x0: [0.5], y0: [0.5] }).rate).toBe(0);
  });

  it('end full fine-tuning', () => {
    const e = dense(2, 2, Float64Array.of(1, 2, 3, 4));
    const regression = regressionFullPath({ e, h: dense(2, 2, Float64Array.of(1, 0, 0, 0)) });
    for (const t of LATE) {
      expect(frobeniusFullLoss([3, 1], t)).toBe(0);
      expect([...frobeniusFullUpdate([3, 1], t)]).toEqual([3, 1]);
      expect(traceSquaredFullTrace(2, 5, t)).toBe(0);
      expect(regression.loss(t)).toBe(0);
      // A direction without input never learns.
      expect([...regression.update(t).data].map((w) => w + 0)).toEqual([1, 0, 3, 0]);
    }
    // (1 + 9) e^{-2t} / 2
    expect(regression.loss(150) / (5 * Math.exp(-300))).toBeCloseTo(1, 13);
  });

  it('end trace-squared paths', () => {
    const x0 = dense(2, 1, Float64Array.of(0.3, -0.1));
    const y0 = dense(2, 1, Float64Array.of(0.5, 0.2));
    for (const trace0 of [1.5, -1e-100, 1e100, 0]) {
      const path = traceSquaredPath({ trace0, c: 0.7, x0, y0 });
      for (const t of [1e300, Infinity]) {
        expect(path.trace(t)).toBeCloseTo(0, 290);
        expect(path.update(t).data.every(Number.isFinite)).toBe(true);
      }
    }
  });

  it('are times of the linear equation, where 2cD t underflows', () => {
    // z' = 2c beta, until z^2 is of the order of beta / gamma.
    const z = riccati({ c: 1e-170, q: 1e-170, beta: 1e-20, gamma: 0 });
    expect(z.at(1e180) / (1 + 2e-170 * 1e-20 * 1e180)).toBeCloseTo(1, 14);
  });
});
