/**
 * The pairs of order 6 and 8: what their estimates, their first and their last steps are made of, and that at the same
 * tolerance they err as dopri5 does with fewer evaluations.
 */
import { describe, expect, it } from 'vitest';
import { answered, fieldOf, type HostField } from '../kernels/cpu/field.js';
import { evaluator } from '../kernels/cpu/evaluate.js';
import { rungeKutta as stepOf } from '../kernels/cpu/schemes/rungeKutta.js';
import { twin } from '../kernels/cpu/twin.js';
import { errorOfTwo, evened, startingStep } from '../src/method/control.js';
import { method, methodFor, type MethodName } from '../src/method/methods.js';
import { rungeKutta } from '../src/method/schemes/rungeKutta.js';
import { tableaus } from '../src/method/tableaus.js';
import { judge, newTrack, plan } from '../src/method/track.js';
import { gaussian, integrate64, relativeError } from './support.js';
import { until } from './solver/support.js';

/** A nonlinear problem in two dimensions. */
const curved = ([y = 0, x = 0]: Float64Array) =>
  Float64Array.of(1 - y * y * x - Math.sin(y), y * x - x * x * x + 0.5 * Math.cos(y));
const field: HostField = (states) => states.map(([z]) => [curved(z!)]);
const start = [Float64Array.of(1, 0.2)];

const pairs = ['bosh3', 'dopri5', 'tsit5', 'sharpverner6', 'dop853'] as const;

describe.each(pairs)('%s', (name) => {
  const tableau = tableaus[name];
  const tried = (h: number) => answered(stepOf(tableau, [start], [field([start])[0]!], [h]), field);
  const normOf = (state: readonly Float64Array[]) => Math.hypot(...state[0]!);
  const estimate = (h: number) => {
    const { error, lowError } = tried(h);
    const first = normOf(error![0]!);
    return h * (lowError ? errorOfTwo(first, normOf(lowError[0]!)) : first);
  };

  it('estimates an error that falls as its scheme says', () => {
    const h = tableau.order < 6 ? 0.01 : 0.03;
    const { errorOrder } = rungeKutta(tableau);
    expect(Math.abs(Math.log2(estimate(2 * h) / estimate(h)) - errorOrder!)).toBeLessThan(0.5);
  });

  it.runIf(tableau.order > 5)('overestimates the error that it makes', () => {
    const h = 0.2;
    const exact = integrate64(tableaus.rk4, curved, start[0]!, h, 2000);
    const error = normOf([exact.map((value, i) => value - tried(h).next[0]![0]![i]!)]);
    expect(error).toBeLessThan(estimate(h));
  });
});

describe('the estimate from two', () => {
  it('is that of DOP853', () => {
    // SciPy has it as |h| e5^2 / sqrt((e5^2 + 0.01 e3^2) n), of norms that are sums.
    for (const [e5, e3] of [
      [3, 4],
      [1e-9, 1e-4],
      [2, 0],
    ] as const)
      expect(errorOfTwo(e5, e3)).toBeCloseTo(e5 ** 2 / Math.sqrt(e5 ** 2 + 0.01 * e3 ** 2), 14);
  });

  it('is finite where squares are not', () => {
    expect(errorOfTwo(0, 0)).toBe(0);
    expect(errorOfTwo(0, 1)).toBe(0);
    expect(errorOfTwo(1e-200, 1e-200) / 1e-200).toBeCloseTo(1 / Math.sqrt(1.01), 12);
    expect(errorOfTwo(1e200, 1e200) / 1e200).toBeCloseTo(1 / Math.sqrt(1.01), 12);
    expect(errorOfTwo(NaN, 1)).toBeNaN();
  });
});

describe('steps of high order', () => {
  it('begin at an estimated error of the tolerance, not of 1 % of it', () => {
    const [rate, curvature, scale] = [3, 5, 1e-2];
    expect(startingStep(1, rate, curvature, scale, 5)).toBeCloseTo((0.01 / 500) ** (1 / 6), 14);
    for (const order of [6, 8])
      expect(startingStep(1, rate, curvature, scale, order)).toBeCloseTo((1 / 500) ** (1 / (order + 1)), 14);
  });

  it('leave no less than themselves before a save point', () => {
    expect([3, 2, 1.5].map((remaining) => evened(1, remaining, 6))).toEqual([1, 1, 0.75]);
    expect(evened(1, 1.5, 5)).toBe(1);
    const sizes = (name: MethodName) => {
      const how = method(name, { rtol: 1e-4 });
      const stop = until([1.25]);
      const track = newTrack<null>(0, 1, how);
      track.proposal = 1;
      const taken: number[] = [];
      for (let hit = false; !hit; hit = taken.length > 5 || track.tau === 1.25) {
        const step = plan(track, how, stop);
        taken.push(step.h);
        // An error at which the next step is of about the same size.
        judge(track, step, { size: 1, rate: 1, errorRate: 3e-5 / step.h, radius: NaN }, how, stop);
      }
      return taken;
    };
    expect(sizes('dopri5')).toEqual([1, 0.25]);
    expect(sizes('sharpverner6')).toEqual([0.625, 0.625]);
  });
});

describe('at the same tolerance', () => {
  const [n, rank, end] = [12, 3, 10];
  const flow = fieldOf(
    evaluator({ kind: 'diagonal', sigma: Float64Array.from({ length: n }, (_, i) => (i + 1) ** -0.5) }),
    rank,
  );
  const starts = [
    [0, 0.3],
    [0.3, 0.3],
    [0.01, 0.01],
  ].map(([b, a], seed) => [gaussian(n, rank, seed, b!).data, gaussian(n, rank, seed + 9, a!).data]);
  const ends = (name: MethodName, rtol: number) =>
    starts.map((from) =>
      answered(twin(from, 1, method(name, { rtol, precision: 'float64' }), until([end])), flow),
    );
  const exact = ends('tsit5', 1e-12);
  const flat = (state: readonly Float64Array[]) => state.flatMap((factor) => [...factor]);

  it.each([
    ['sharpverner6', 1e-5, 0.9],
    ['sharpverner6', 1e-7, 0.75],
    ['dop853', 1e-7, 0.7],
    ['dop853', 1e-9, 0.55],
  ] as const)('%s at %s has errors of dopri5 with so many of its evaluations', (name, rtol, share) => {
    const [tried, known] = [ends(name, rtol), ends('dopri5', rtol)];
    const errors = (endings: typeof tried) =>
      endings.map(({ state }, i) => relativeError(flat(state), flat(exact[i]!.state)));
    const mean = (values: number[]) => Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / 3);
    const evaluations = (endings: typeof tried) =>
      endings.reduce((sum, ending) => sum + ending.evaluations, 0);
    // Other errors than theirs are within what one start differs from another.
    expect(mean(errors(tried))).toBeLessThan(4 * mean(errors(known)));
    expect(evaluations(tried)).toBeLessThan(share * evaluations(known));
  });
});

it('are what auto takes for tight tolerances', () => {
  const chosen = (...at: Parameters<typeof methodFor>) => methodFor(...at);
  expect([1e-4, 1e-5, 9e-6, 1e-7, 9e-8].map((rtol) => chosen(100, rtol))).toEqual([
    ...['dopri5', 'dopri5', 'sharpverner6', 'sharpverner6', 'dop853'],
  ]);
  // In float32 rounding keeps rkc2 from 1e-7; in float64 it pays from a horizon on that grows.
  expect(chosen(1000, 1e-6)).toBe('rkc2');
  expect(chosen(1000, 1e-7)).toBe('sharpverner6');
  expect(chosen(1000, 1e-7, 'float64')).toBe('rkc2');
  expect([1000, 2000].map((horizon) => chosen(horizon, 1e-8, 'float64'))).toEqual(['dop853', 'rkc2']);
});
