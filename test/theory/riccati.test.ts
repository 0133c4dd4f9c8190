/** The scalar Riccati solution against its formula where that is safe, and its limits where it is not. */
import { describe, expect, it } from 'vitest';
import { riccati } from '../../src/theory/riccati.js';

describe('riccati', () => {
  const sizes = [0, 1e-300, 1e-20, 1e-9, 1, 1e6];
  const qs = [0, 1e-300, -1e-300, 1e-9, -1e-9, 1, -1, 1e3, -1e3];
  const times = [0, 1e-9, 1, 1e3, 1e6, Infinity];

  it('is finite and signed right for every beta, gamma and time', () => {
    for (const beta of sizes)
      for (const gamma of sizes)
        for (const q of qs) {
          const solution = riccati({ c: 0.7, q, beta, gamma });
          expect(solution.limit).toBeGreaterThanOrEqual(0);
          for (const t of times) {
            const z = solution.at(t);
            expect(z > 0 && Number.isFinite(z)).toBe(true);
            expect(Number.isFinite(solution.residual(t))).toBe(true);
            expect(solution.residual(t) * Math.sign(q + beta - gamma)).toBeGreaterThanOrEqual(0);
          }
        }
  });

  it('is the formula in z+, z- and K where that formula is safe', () => {
    const [c, q, beta, gamma] = [0.7, -0.4, 0.3, 0.9];
    const { at, limit, rate } = riccati({ c, q, beta, gamma });
    const d = Math.sqrt(q * q + 4 * beta * gamma);
    const [high, low] = [(q + d) / (2 * gamma), (q - d) / (2 * gamma)];
    const k = (1 - high) / (1 - low);
    for (const t of [0, 0.3, 2, 9]) {
      const e = k * Math.exp(-2 * c * d * t);
      expect(at(t)).toBeCloseTo((high - low * e) / (1 - e), 14);
    }
    expect(limit).toBeCloseTo(high, 14);
    expect(rate).toBeCloseTo(2 * c * d, 14);
  });

  it('has the linear, exponential and algebraic limits', () => {
    expect(riccati({ c: 0.5, q: 0, beta: 2, gamma: 0 }).at(3)).toBeCloseTo(1 + 2 * 3, 14);
    expect(riccati({ c: 0.5, q: 2, beta: 0, gamma: 0 }).at(3) / Math.exp(6)).toBeCloseTo(1, 14);
    expect(riccati({ c: 0.5, q: 0, beta: 0, gamma: 2 }).at(3)).toBeCloseTo(1 / (1 + 2 * 3), 14);
    expect(riccati({ c: 0.5, q: 2, beta: 0, gamma: 0 }).limit).toBe(Infinity);
    expect(riccati({ c: 0.5, q: 0, beta: 0, gamma: 2 })).toMatchObject({ limit: 0, rate: 0 });
  });

  it('keeps the residual q + beta/z - gamma z consistent with z', () => {
    const [q, beta, gamma] = [0.8, 0.2, 0.5];
    const { at, residual } = riccati({ c: 1.3, q, beta, gamma });
    for (const t of [0, 0.1, 1]) expect(residual(t)).toBeCloseTo(q + beta / at(t) - gamma * at(t), 14);
  });

  it('refuses what is not its equation', () => {
    expect(() => riccati({ c: 0, q: 1, beta: 1, gamma: 1 })).toThrow('c=0');
    expect(() => riccati({ c: 1, q: 1, beta: -1, gamma: 1 })).toThrow('beta=-1');
    expect(() => riccati({ c: 1, q: NaN, beta: 1, gamma: 1 })).toThrow('q=NaN');
  });
});
