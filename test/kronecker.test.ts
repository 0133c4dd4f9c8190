/**
 * The loss with curvature on both sides from plan to row: ends against the law, late approach in float64 against the rate
 * that bounds it, the way that it is computed, and what is refused.
 */
import { beforeAll, describe, expect, it } from 'vitest';
import { evaluator } from '../kernels/cpu/evaluate.js';
import { answered, fieldOf } from '../kernels/cpu/field.js';
import { twin } from '../kernels/cpu/twin.js';
import { method } from '../src/method/methods.js';
import { dense, identity } from '../src/numbers/dense.js';
import { kroneckerQuadratic } from '../src/problem/kronecker.js';
import { linearRegression } from '../src/problem/linearRegression.js';
import { optimumOf } from '../src/problem/optimumOf.js';
import type { HostStructure } from '../src/problem/structure.js';
import { sweep } from '../src/run/sweep.js';
import { openDevice } from '../src/solver/device.js';
import { wayOf } from '../src/solver/path.js';
import type { SweepInput } from '../src/sweep/config.js';
import { covariance, gaussian, relativeError } from './support.js';

const input: SweepInput = {
  loss: ['kronecker-quadratic'],
  covariance: 'power:0.5',
  outputCovariance: 'power:0.3',
  spectrum: 'exp:0.5',
  vectors: 'random',
  shape: ['7x5'],
  ranks: [1, 2],
  trials: 3,
  backend: 'cpu',
  precision: 'float64',
  workers: 1,
};

describe('a sweep with curvature on both sides', () => {
  let result: Awaited<ReturnType<typeof sweep>>;
  beforeAll(async () => void (result = await sweep(input)));

  it('ends at the law of each rank, and knows its ends', () => {
    expect(result).toHaveLength(2);
    for (const { law, accuracy, metric, stationarity } of result) {
      expect(metric).toBe('relative error');
      expect(Math.abs(accuracy.mean / law!.value - 1)).toBeLessThan(1e-6);
      expect(stationarity.saddle).toBe(0);
    }
    const [one, two] = result.map(({ law }) => law!.value);
    expect(one! / two!).toBeGreaterThan(1.1);
  });

  it('has other ends without the curvature of outputs', async () => {
    const { outputCovariance, ...rest } = input;
    expect(outputCovariance).toBeDefined();
    const plain = await sweep({ ...rest, loss: ['linear-regression'] });
    const [law, other] = [result, plain].map((summaries) => summaries[0]!.law!.value);
    expect(Math.abs(law! / other! - 1)).toBeGreaterThan(1e-3);
  });
});

describe('near the optimum', () => {
  const [n, m, rank] = [6, 5, 2];
  const problem = kroneckerQuadratic(gaussian(n, m, 4), covariance(n, 5), covariance(m, 6));
  const evaluate = evaluator(problem.structure as HostStructure);
  const flow = (x: Float64Array, y: Float64Array, times: readonly number[]) => {
    const stop = { saveTimes: [...times], steadyTolerance: null, maxSteps: 100_000 };
    const by = method('dopri5', { rtol: 1e-11, atol: 1e-13, precision: 'float64' });
    return answered(twin([x, y], 1, by, stop), fieldOf(evaluate, rank)).saved.map((state) => state!);
  };

  it('an approach is not slower than its rate, and not ten times as fast', () => {
    const [start] = flow(gaussian(n, rank, 7, 0.5).data, gaussian(m, rank, 8, 0.5).data, [60]);
    const [x, y] = start as [Float64Array, Float64Array];
    const factors = { x: dense(n, rank, x), y: dense(m, rank, y) };
    const rate = problem.loss.rateNearOptimum(problem, factors)!;
    const best = optimumOf(problem, rank)!;
    const moved = (z: Float64Array, seed: number) =>
      z.map((value, i) => value + 1e-3 * gaussian(z.length, 1, seed).data[i]!);
    const excess = flow(moved(x, 9), moved(y, 10), [8, 12]).map(
      ([a, b]) => evaluate(a!, b!, rank).loss - best,
    ) as [number, number];
    const measured = Math.log(excess[0] / excess[1]) / (2 * 4);
    expect(measured / rate).toBeGreaterThan(0.99);
    expect(measured / rate).toBeLessThan(10);
  });

  it('weighted singular values of the optimum are those that it keeps', () => {
    const [end] = flow(gaussian(n, rank, 7, 0.5).data, gaussian(m, rank, 8, 0.5).data, [200]);
    const [x, y] = end as [Float64Array, Float64Array];
    const values = problem.loss.weightedSingularValues(problem, {
      x: dense(n, rank, x),
      y: dense(m, rank, y),
    });
    const kept = [0, 1].map((i) => Math.sqrt(2 * (problem.optimum(i)! - problem.optimum(i + 1)!)));
    expect(relativeError(values, kept)).toBeLessThan(1e-4);
  });

  it('the rate is that of linear regression where S = I', () => {
    const [e, h] = [gaussian(n, m, 4), covariance(m, 6)];
    const factors = { x: gaussian(n, rank, 11), y: gaussian(m, rank, 12) };
    const rates = [kroneckerQuadratic(e, identity(n), h), linearRegression(e, h)].map((each) =>
      each.loss.rateNearOptimum(each, factors),
    );
    expect(rates[0]! / rates[1]!).toBeCloseTo(1, 6);
  });
});

describe('a curvature of outputs is refused', () => {
  const e = gaussian(3, 2, 1);
  it.each([
    ['that is not symmetric', dense(3, 3, Float64Array.of(1, 0.1, 0, 0, 1, 0, 0, 0, 1)), 'asymmetry'],
    [
      'that is not positive definite',
      dense(3, 3, Float64Array.of(1, 0, 0, 0, 0, 0, 0, 0, 1)),
      'positive definite',
    ],
    ['of another size', identity(2), '3 x 3, as tall as the target'],
  ])('%s', (_, s, words) => {
    expect(() => kroneckerQuadratic(e, s, identity(2))).toThrow(
      expect.objectContaining({
        name: 'InputError',
        field: 'outputCovariance',
        message: expect.stringContaining(words),
      }),
    );
    expect(() => kroneckerQuadratic(e, identity(3), identity(2))).not.toThrow();
  });

  it.each<[string, Partial<SweepInput>, string, string]>([
    [
      'with another loss',
      { loss: ['linear-regression'] },
      'outputCovariance',
      'only kronecker-quadratic uses it',
    ],
    ['that is left out', { outputCovariance: undefined }, 'outputCovariance', 'a matrix file or a spectrum'],
    ['without that of inputs', { covariance: undefined }, 'covariance', 'a matrix file or a spectrum'],
    ['with a zero eigenvalue', { outputCovariance: 'step:3' }, 'outputCovariance', 'positive definite'],
    ['that is no spectrum', { outputCovariance: 'power:x' }, 'outputCovariance', 'power:P'],
  ])('%s', async (_, wrong, field, words) => {
    await expect(sweep({ ...input, ...wrong })).rejects.toMatchObject({
      name: 'InputError',
      field,
      message: expect.stringContaining(words) as string,
    });
  });
});

describe('the way it is computed', () => {
  it('is said, and no fused kernel stands in for it', async () => {
    const problem = kroneckerQuadratic(gaussian(3, 2, 1), identity(3), identity(2));
    const stop = { saveTimes: [1], steadyTolerance: null, maxSteps: 9 };
    const wasm = { method: method('dopri5'), stop, device: await openDevice('wasm', { workers: 1 }) };
    expect(wayOf(problem, 2, wasm)).toEqual({
      path: 'tensor-ops',
      reason: 'wasm has no fused kernel for kronecker-quadratic',
    });
    expect(() => wayOf(problem, 2, { ...wasm, kernel: 'fused' })).toThrow('no fused kernel for kronecker');
    const cpu = { method: method('dopri5'), stop, device: await openDevice('cpu', { workers: 1 }) };
    expect(wayOf(problem, 2, { ...cpu, precision: 'float64' })).toEqual({ path: 'fused', reason: null });
  });
});
