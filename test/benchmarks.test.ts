/** What the benchmarks rest on: their statistics, their judgement, and the lock-step batch, with nothing timed. */
import { describe, expect, it } from 'vitest';
import { flopsPerEvaluation, flopsPerStep } from '../benchmarks/flow.js';
import { lockStep, type Adaptive } from '../benchmarks/lockStep.js';
import { interleaved, pairedRatio, quantile, sample } from '../benchmarks/measure.js';
import { relativeError, updateOf } from '../benchmarks/numbers.js';
import { heading, notes, resultsTable } from '../benchmarks/report.js';
import { atLeast, atMost, judged, resultsOf, Skipped, type Bar } from '../benchmarks/workload.js';
import { operationsPerStep } from '../benchmarks/workloads/operations.js';
import { evaluator } from '../kernels/cpu/evaluate.js';
import { answered, fieldOf } from '../kernels/cpu/field.js';
import { twin } from '../kernels/cpu/twin.js';
import { dense } from '../src/numbers/dense.js';
import { rungeKutta } from '../src/method/schemes/rungeKutta.js';
import { tableaus } from '../src/method/tableaus.js';
import { gaussian, useBackend } from './support.js';

describe('measurement', () => {
  it('has medians and quartiles by interpolation', () => {
    expect(sample('a', [4, 1, 3, 2])).toMatchObject({ median: 2.5, quartiles: [1.75, 3.25] });
    expect(quantile([7], 0.25)).toBe(7);
  });

  it('takes ratios within a round, so that a slow round drops out', () => {
    expect(pairedRatio([2, 20, 2], [1, 10, 1])).toBe(2);
  });

  it('lets variants take turns, and leaves warm-ups out', async () => {
    const calls: string[] = [];
    const variant = (name: string, seconds: number) => () => {
      calls.push(name);
      return Promise.resolve(seconds);
    };
    const times = await interleaved({ a: variant('a', 1), b: variant('b', 2) }, 2);
    expect(calls.join('')).toBe('ababab');
    expect(times).toEqual({ a: [1, 1], b: [2, 2] });
  });
});

describe('results', () => {
  const run = () => Promise.resolve([]);
  const workload = { id: 'it', claim: '', unit: 'x', run };

  it('pass on the right side of the bar', () => {
    const passes = (bar: Bar, value: number, valid = true) =>
      judged({ ...workload, bar }, { value, valid }).pass;
    expect(passes(atLeast(2), 2)).toBe(true);
    expect(passes(atLeast(2.1), 2)).toBe(false);
    expect(passes(atMost(1.9), 2)).toBe(false);
    expect(passes(atMost(2), 2)).toBe(true);
    expect(passes(atMost(2), 2, false)).toBe(false);
    expect(passes(atMost(2), NaN)).toBe(false);
    expect(judged(workload, { value: 2 })).toMatchObject({ id: 'it', unit: 'x', bar: null, pass: null });
  });

  it('may have names and bars of their own', () => {
    const own = { id: 'it-too', value: 2, bar: atMost(3) };
    const result = judged({ ...workload, bar: atLeast(5) }, own);
    expect(result).toEqual({ id: 'it-too', value: 2, unit: '', bar: 3, sense: '<=', pass: true });
    expect(judged({ ...workload, bar: atLeast(5) }, { id: 'it-too', value: 2 }).pass).toBeNull();
  });

  it('say why there are none', async () => {
    const failing = (error: Error) =>
      resultsOf({ ...workload, bar: atLeast(2), run: () => Promise.reject(error) });
    const none = { id: 'it', value: null, bar: 2 };
    expect((await failing(new Skipped('no GPU')))[0]).toMatchObject({
      ...none,
      pass: null,
      skipped: 'no GPU',
    });
    expect((await failing(new Error('lost')))[0]).toMatchObject({ ...none, pass: false });
  });

  it('are printed', () => {
    const times = [sample('kernel', [0.002, 0.004]), sample('wall', [3])];
    const result = judged({ ...workload, bar: atLeast(3) }, { value: 2, times, note: 'on a slow day' });
    const text = resultsTable([result]);
    expect(text).toContain('kernel: 3.000 ms [2.500 ms, 3.500 ms]');
    expect(text).toContain('wall: 3.000 s');
    expect(text).toMatch(/it +│ 2\.000 x │ >= 3 │ FAIL/);
    expect(notes([result], 80)).toBe('it: on a slow day');
    const origin = {
      rankflow: '1',
      commit: null,
      tfjs: '4',
      runtime: 'Node.js v20',
      backend: 'wasm',
      device: 'CPU',
    };
    const rest = { precision: 'float32', startedAt: 'now', seed: 1, config: null };
    expect(heading({ ...origin, ...rest })).toBe(
      'rankflow 1 (no checkout), TensorFlow.js 4, Node.js v20, now\nCPU',
    );
  });
});

describe('numbers', () => {
  it('counts operations', () => {
    // Two rows of one column: Gram 2 each, sigma 1, product 2.
    expect(flopsPerEvaluation({ n: 1, m: 1, rank: 1 })).toBe(10);
    expect(flopsPerStep({ n: 1, m: 1, rank: 1 })).toBe(40 + 36);
  });

  it('counts operations that TensorFlow.js is given', async () => {
    const device = await useBackend('cpu');
    // The flow 8; of two components each, a product for every slope and a sum; squares and sums of the state and of its
    // slope, a sum for each of the two and their stack.
    const rk4 = 4 * 8 + 2 * (3 * 2 + 5) + 11;
    expect(Object.fromEntries(await operationsPerStep(device))).toMatchObject({ rk4 });
  });

  it('forms updates and their errors', () => {
    const factors = { x: dense(1, 2, Float64Array.of(1, 2)), y: dense(2, 2, Float64Array.of(3, 4, 5, 6)) };
    expect(Array.from(updateOf(factors))).toEqual([11, 17]);
    expect(relativeError([[3], [5]], [[3], [4]])).toBeCloseTo(0.2, 12);
  });
});

describe('lock step', () => {
  const [n, m, r] = [6, 4, 2];
  const field = fieldOf(evaluator({ kind: 'diagonal', sigma: Float64Array.of(2, 1, 0.5, 0.2) }), r);
  const method: Adaptive = {
    scheme: rungeKutta(tableaus.dopri5),
    control: { kind: 'error', rtol: 1e-6, atol: 1e-9 },
  };
  const starts = [1, 2].map((seed) => [gaussian(n, r, seed, 0.1).data, gaussian(m, r, seed + 9, 0.1).data]);
  const own = (i: number, clock: number) => {
    const stop = { saveTimes: [5], steadyTolerance: null, maxSteps: 1000 };
    return answered(twin(starts[i]!, clock, method, stop), field);
  };

  it('of one trajectory is that of the twin', () => {
    const { steps, states } = lockStep(field, [starts[0]!], [3], method, 5);
    const expected = own(0, 3);
    expect(steps).toBe(expected.acceptedSteps + expected.rejectedSteps);
    // The twin rounds its steps to float32.
    expect(relativeError(states[0]!, expected.state)).toBeLessThan(1e-9);
  });

  it('of two takes as many steps as the harder one, or more, to the same ends', () => {
    const { steps, states } = lockStep(field, starts, [1, 10], method, 5);
    const each = [own(0, 1), own(1, 10)];
    expect(steps).toBeGreaterThanOrEqual(Math.max(...each.map(({ acceptedSteps }) => acceptedSteps)));
    each.forEach(({ state }, i) => expect(relativeError(states[i]!, state)).toBeLessThan(1e-5));
  });
});
