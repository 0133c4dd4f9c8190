/** Trajectories against closed-form paths: every save time of random, aligned and lambda-balanced starts. */
import { beforeAll, expect, it } from 'vitest';
import { dense } from '../../src/numbers/dense.js';
import type { Adapter } from '../../src/ensemble/adapter.js';
import type { Coefficients } from '../../src/flow/coefficients.js';
import { initialization } from '../../src/ensemble/initialization.js';
import { frobeniusFromSpectrum } from '../../src/problem/frobenius.js';
import { namedSpectrum } from '../../src/problem/spectrum.js';
import { traceSquared } from '../../src/problem/traceSquared.js';
import { balancedPath } from '../../src/theory/balanced.js';
import { alignedPath } from '../../src/theory/frobenius.js';
import { traceSquaredPath } from '../../src/theory/traceSquared.js';
import { eachBackend, coefficients, gaussian, useBackend } from '../support.js';
import { pathTolerance, adaptive, linspace, updates, worstError, n, r } from './support.js';

/** X = B / sqrt(kB), Y = A^T / sqrt(kA) and c, as the closed forms take them. */
function scaledFactors({ loraA, loraB }: Adapter, { scale, lrRatioA, lrRatioB }: Coefficients) {
  return {
    c: scale * Math.sqrt(lrRatioA * lrRatioB),
    x0: dense(
      loraB.rows,
      loraB.cols,
      loraB.data.map((b) => b / Math.sqrt(lrRatioB)),
    ),
    y0: dense(
      loraA.cols,
      loraA.rows,
      Float64Array.from(loraA.data, (_, at) => {
        const [i, j] = [Math.floor(at / loraA.rows), at % loraA.rows];
        return loraA.data[j * loraA.cols + i]! / Math.sqrt(lrRatioA);
      }),
    ),
  };
}

const withoutRatio: Coefficients = { ...coefficients, lrRatioA: 1 };

eachBackend('closed-form paths on %s', (backend) => {
  beforeAll(() => useBackend(backend));

  it('trace-squared from a random initialization', async () => {
    const adapter = { loraA: gaussian(r, n, 1, 1 / r), loraB: gaussian(n, r, 2, 1 / r) };
    const times = linspace(0.05, 1, 20);
    const actual = await updates(traceSquared(n, 3), adapter, coefficients, adaptive, times);
    const path = (k: Coefficients) => {
      const { update } = traceSquaredPath({ trace0: 3, ...scaledFactors(adapter, k) });
      return times.map((t) => update(t).data);
    };
    expect(worstError(actual, path(coefficients))).toBeLessThan(pathTolerance);
    expect(worstError(actual, path(withoutRatio))).toBeGreaterThan(100 * pathTolerance);
  });

  const sigma = namedSpectrum('power:1', n).map(Math.fround);
  const problem = frobeniusFromSpectrum(sigma, n, n);

  it('Frobenius from an aligned initialization', async () => {
    const [a, b] = [gaussian(1, r, 3, 0.5).data.map(Math.abs), gaussian(1, r, 4, 0.2).data];
    const adapter = { loraA: dense(r, n), loraB: dense(n, r) };
    for (let i = 0; i < r; i++) {
      adapter.loraA.data[i * n + i] = a[i]!;
      adapter.loraB.data[i * r + i] = b[i]!;
    }
    const times = linspace(1, 20, 20);
    const actual = await updates(problem, adapter, coefficients, adaptive, times);
    const path = ({ scale, lrRatioA, lrRatioB }: Coefficients) => {
      const modes = (of: Float64Array, k: number) =>
        Float64Array.from(sigma, (_, i) => (of[i] ?? 0) / Math.sqrt(k));
      const c = scale * Math.sqrt(lrRatioA * lrRatioB);
      const { product: diagonal } = alignedPath({ sigma, c, x0: modes(b, lrRatioB), y0: modes(a, lrRatioA) });
      return times.map((t) => {
        const update = new Float64Array(n * n);
        diagonal(t).forEach((value, i) => (update[i * n + i] = value));
        return update;
      });
    };
    expect(worstError(actual, path(coefficients))).toBeLessThan(pathTolerance);
    expect(worstError(actual, path(withoutRatio))).toBeGreaterThan(100 * pathTolerance);
  });

  it.each([
    ['square', n, n],
    ['tall', 64, 48],
    ['wide', 48, 64],
  ])('Frobenius from a lambda-balanced initialization, %s', async (_, rows, cols) => {
    const lambda = 0.4;
    const values = sigma.slice(0, Math.min(rows, cols));
    const target = frobeniusFromSpectrum(values, rows, cols);
    const drawn = initialization(`balanced:${lambda}`).draw({
      n: rows,
      m: cols,
      lrRatioA: coefficients.lrRatioA,
      key: { seed: 6, rank: r, trial: 0 },
      lrRatioB: coefficients.lrRatioB,
      spectralDirections: target.spectralDirections.bind(target),
      descentTriples: (rank) => target.descentTriples(rank),
    });
    const times = linspace(1, 20, 20);
    const actual = await updates(target, drawn, coefficients, adaptive, times);
    const path = (k: Coefficients) => {
      const scaled = scaledFactors(drawn, k);
      const { update } = balancedPath({
        sigma: values,
        n: rows,
        m: cols,
        lambda: (lambda * coefficients.lrRatioA) / k.lrRatioA,
        ...scaled,
      });
      return times.map((t) => update(t).data);
    };
    expect(worstError(actual, path(coefficients))).toBeLessThan(pathTolerance);
    expect(worstError(actual, path(withoutRatio))).toBeGreaterThan(100 * pathTolerance);
  });
});
