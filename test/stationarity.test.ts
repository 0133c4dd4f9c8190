/**
 * What a stationary end is said to be: at every stationary point of small problems, which are written down, near them,
 * and at the ends of simulated sweeps; and the bound of what is left to go, against the law.
 */
import { beforeAll, describe, expect, it } from 'vitest';
import { useBackend } from '../src/backend/useBackend.js';
import type { Factors } from '../src/problem/factors.js';
import { dense } from '../src/numbers/dense.js';
import { frobeniusFromSpectrum } from '../src/problem/frobenius.js';
import { linearRegression } from '../src/problem/linearRegression.js';
import type { Problem } from '../src/problem/problem.js';
import { traceSquared } from '../src/problem/traceSquared.js';
import { sweepTable } from '../src/report/table.js';
import { sweep } from '../src/run/sweep.js';
import { stationarityOf, type Stationarity } from '../src/sweep/stationarity.js';

beforeAll(async () => void (await useBackend('cpu')));

/** Balanced factors of the update that keeps a share of some directions of diag(sigma). */
function keeping(sigma: readonly number[], rank: number, kept: readonly number[], share = 1): Factors {
  const [x, y] = [dense(sigma.length, rank), dense(sigma.length, rank)];
  kept.forEach((mode, k) => {
    const root = Math.sqrt(share * sigma[mode]!);
    [x, y].forEach(({ data }) => (data[mode * rank + k] = root));
  });
  return { x, y };
}

const endOf = (problem: Problem, rank: number, factors: Factors): Stationarity =>
  stationarityOf(problem, rank, 'float32', { loss: lossAt(problem, factors), factors });

function lossAt(problem: Problem, { x, y }: Factors): number {
  const update = dense(x.rows, y.rows);
  for (let i = 0; i < x.rows; i++)
    for (let j = 0; j < y.rows; j++)
      for (let k = 0; k < x.cols; k++)
        update.data[i * y.rows + j]! += x.data[i * x.cols + k]! * y.data[j * y.cols + k]!;
  return problem.valueAndGradient(update)!.value;
}

/** All sets of at most `rank` of the numbers 0, ..., count - 1. */
const choices = (count: number, rank: number): number[][] =>
  Array.from({ length: 2 ** count }, (_, bits) =>
    Array.from({ length: count }, (_, i) => i).filter((i) => (bits >> i) & 1),
  ).filter((chosen) => chosen.length <= rank);

const spectra = {
  distinct: [3, 2, 1.5, 1, 0.5],
  repeated: [3, 2, 1, 1, 1],
  'all the same': [1, 1, 1, 1, 1],
  'of small rank': [2, 1, 0, 0, 0],
  'of rounding below rank 2': [2, 1, 1e-16, 1e-17, 0],
  'with a small direction': [1, 0.01, 0, 0, 0],
} as const;

describe('stationary points', () => {
  const cases = Object.entries(spectra).flatMap(([name, sigma]) =>
    [1, 2, 3, 5].flatMap((rank) => [1, 1e-30, 1e12].map((scale) => ({ name, sigma, rank, scale }))),
  );
  it.each(cases)('of a spectrum $name, rank $rank, times $scale', ({ sigma, rank, scale }) => {
    const scaled = sigma.map((s) => scale * s);
    const problem = frobeniusFromSpectrum(Float64Array.from(scaled), 5, 5);
    for (const chosen of choices(5, rank)) {
      const factors = keeping(scaled, rank, chosen);
      const lost = scaled.reduce((sum, s, i) => (chosen.includes(i) ? sum : sum + s * s), 0) / 2;
      const isOptimum = lost - problem.optimum(rank)! <= 1e-12 * problem.initialLoss!;
      const name = `keeping ${chosen.join()}`;
      expect([name, endOf(problem, rank, factors)]).toEqual([name, isOptimum ? 'floor' : 'saddle']);
    }
  });

  it('of linear regression are told apart in the norm of its covariance', () => {
    // E H^(1/2) = diag(sigma), of which E alone would take the fourth direction for the greatest.
    const [sigma, roots] = [
      [2, 1, 0.5, 0.25],
      [1, 1, 2, 0.1],
    ];
    const n = sigma.length;
    const diagonal = (of: (i: number) => number) =>
      dense(
        n,
        n,
        Float64Array.from({ length: n * n }, (_, at) => (at % (n + 1) ? 0 : of(at / (n + 1)))),
      );
    const e = sigma.map((s, i) => s / roots[i]!);
    const problem = linearRegression(
      diagonal((i) => e[i]!),
      diagonal((i) => roots[i]! ** 2),
    );
    for (const chosen of choices(n, 2)) {
      const isOptimum = chosen.join() === '0,1';
      expect([chosen, endOf(problem, 2, keeping(e, 2, chosen))]).toEqual([
        chosen,
        isOptimum ? 'floor' : 'saddle',
      ]);
    }
  });

  it('of the trace-squared loss are the zero adapter, a saddle, and traces of zero', () => {
    const problem = traceSquared(4, 3);
    const with_ = (trace: number): Factors => ({
      x: dense(4, 1, Float64Array.of(1, 1, 0, 0)),
      y: dense(4, 1, Float64Array.of(trace, 0, 5, 0)),
    });
    expect(endOf(problem, 1, { x: dense(4, 1), y: dense(4, 1) })).toBe('saddle');
    expect(endOf(problem, 1, with_(-1e-9))).toBe('saddle');
    expect(endOf(problem, 1, with_(-2.9))).toBe('short');
    expect(endOf(problem, 1, with_(-2.999))).toBe('optimum');
    expect(endOf(problem, 1, with_(-3))).toBe('floor');
  });
});

describe('ends near stationary points', () => {
  it('with the last direction grown past its middle are on the way, before it at the saddle', () => {
    const sigma = [1, 0.5, 0, 0];
    const problem = frobeniusFromSpectrum(Float64Array.from(sigma), 4, 4);
    const grown = (share: number): Factors => {
      const { x, y } = keeping(sigma, 2, [0, 1]);
      [x, y].forEach(({ data }) => (data[3]! *= Math.sqrt(share)));
      return { x, y };
    };
    expect([1e-6, 0.4, 0.6, 0.9, 0.9999].map((share) => endOf(problem, 2, grown(share)))).toEqual([
      ...['saddle', 'saddle', 'short', 'short', 'optimum'],
    ]);
  });

  it('are saddles within 0.1 % of the optimum too, if a direction is missing that counts', () => {
    // 1000 directions of 0.1 are lost at any rank: without the second, the relative error is 0.05 % above the law.
    const sigma = [1, ...Array.from({ length: 1000 }, (_, i) => 0.1 - 1e-5 * i)];
    const problem = frobeniusFromSpectrum(Float64Array.from(sigma), 1001, 1001);
    const factors = keeping(sigma, 2, [0]);
    const loss = sigma.slice(1).reduce((sum, s) => sum + s * s, 0) / 2;
    expect(Math.sqrt(loss / problem.optimum(2)!)).toBeLessThan(1.001);
    expect(stationarityOf(problem, 2, 'float32', { loss, factors })).toBe('saddle');
  });
});

describe('the ends of sweeps', () => {
  const base = { backend: 'wasm', workers: 1, trials: 8 } as const;

  it('at a saddle are named where the law is 0', async () => {
    const input = { ...base, spectrum: [1, 0.1], shape: ['8x8'], ranks: [1, 2], init: ['small:1e-6'] };
    const [one, two] = await sweep(input);
    expect(one?.stationarity).toMatchObject({ saddle: 0, short: 0 });
    expect(two).toMatchObject({ stationarity: { saddle: 8 }, nearSaddles: 0, law: { value: 0 } });
    expect(sweepTable([one!, two!])).toContain('saddle: 8 of 16 stationary trajectories');
    // They leave where they are let.
    const [left] = await sweep({ ...input, ranks: [2], steady: 1e-9, precision: 'float64', time: 2000 });
    expect(left?.stationarity.saddle).toBe(0);
  });

  it.each([
    { spectrum: 'power:1', shape: ['16x12'], ranks: [1, 3, 12] },
    { spectrum: 'exp:0.5', shape: ['12x16'], ranks: [1, 2, 4] },
    { spectrum: 'step:3', shape: ['12x12'], ranks: [1, 2, 3, 4, 12] },
    { spectrum: 'power:1', shape: ['12x12'], ranks: [2, 4, 12], init: ['orthogonal'] },
    { spectrum: 'power:1', shape: ['12x12'], ranks: [1, 3, 12], init: ['spectral'] },
    { spectrum: 'power:1', shape: ['12x12'], ranks: [1, 3, 12], init: ['balanced:0.1'] },
    { spectrum: 'power:1', shape: ['12x12'], ranks: [1, 4, 12], init: ['gaussian'], loss: ['trace-squared'] },
    { spectrum: 'power:1', shape: ['12x12'], ranks: [1, 4], scaling: ['lora'] as const, lrRatioB: 4 },
  ])('of healthy problems are no saddles: %j', async (input) => {
    // To the end, so that all come to rest.
    const cells = await sweep({
      ...base,
      ...input,
      scaling: [...(input.scaling ?? ['none'])],
      time: 1e4,
      steady: 1e-4,
    });
    for (const { stationarity, trials, law, accuracy, accuracyBias, metric } of cells) {
      expect(stationarity).toMatchObject({ saddle: 0, short: 0, unknown: 0 });
      expect(stationarity.optimum + stationarity.floor).toBe(trials);
      // The mean of the ends lies in the interval widened by the bias; where all end alike, so does the law.
      if (metric !== 'relative error') continue;
      const low = Number.isFinite(accuracy.ciLow) ? accuracy.ciLow : accuracy.mean;
      expect(law!.value).toBeGreaterThanOrEqual(low - accuracyBias! - 1e-15);
      expect(law!.value).toBeLessThanOrEqual(accuracy.mean + 1e-9);
    }
  });

  it('have a bias where their interval alone excludes the law, and it is no wild guess', async () => {
    const [cell] = await sweep({ ...base, spectrum: 'power:1', shape: ['12x12'], ranks: [3], trials: 64 });
    const { law, accuracy, accuracyBias } = cell!;
    expect(law!.value).toBeLessThan(accuracy.ciLow);
    expect(law!.value).toBeGreaterThan(accuracy.ciLow - accuracyBias!);
    expect(accuracyBias!).toBeLessThan(3 * (accuracy.mean - law!.value));
  });
});
