/** RKC2: its published stability, its order, its spectral radius, and when it pays. */
import { beforeAll, describe, expect, it } from 'vitest';
import { evaluator } from '../kernels/cpu/evaluate.js';
import { answered, fieldOf, type HostField } from '../kernels/cpu/field.js';
import { chebyshev } from '../kernels/cpu/schemes/chebyshev.js';
import { twin, type TwinEnding } from '../kernels/cpu/twin.js';
import { toFactors } from '../src/ensemble/adapter.js';
import { method, methodFor, type MethodName } from '../src/method/methods.js';
import { chebyshevStages, mostStages, stableStep, stagesFor } from '../src/method/schemes/chebyshev.js';
import { frobeniusFromSpectrum } from '../src/problem/frobenius.js';
import type { Device } from '../src/solver/device.js';
import { solve } from '../src/solver/solve.js';
import { eachBackend, gaussian, memberOf, plain, relativeError, useBackend } from './support.js';

/** R(z) of a step for y' = lambda y, z = h lambda. */
function stabilityPolynomial(s: number, z: number): number {
  const { first, rest } = chebyshevStages(s);
  let [before, last] = [1, 1 + first * z];
  for (const { mu, nu, muTilde, gammaTilde } of rest)
    [before, last] = [last, 1 - mu - nu + mu * last + nu * before + muTilde * z * last + gammaTilde * z];
  return last;
}

describe('the coefficients', () => {
  it.each([2, 3, 4, 5, 8, 13, 30, 100])('of %i stages have order 2, and the published stability', (s) => {
    const error = (z: number) => stabilityPolynomial(s, -z) - Math.exp(-z);
    expect(Math.log2(error(0.02) / error(0.01))).toBeCloseTo(3, 1);
    // beta(s) = 2/3 (s^2 - 1) (1 - 2/15 epsilon), Verwer et al. 1990: where |R| passes 1,
    // at few stages a little farther out.
    const beta = (2 / 3) * (s * s - 1) * (1 - ((2 / 15) * 2) / 13);
    for (let z = 0; z < 0.999 * beta; z += beta / 4000)
      expect(Math.abs(stabilityPolynomial(s, -z))).toBeLessThan(1 + 1e-12);
    expect(Math.abs(stabilityPolynomial(s, -1.2 * beta))).toBeGreaterThan(1);
  });

  it('are taken as many as a step needs, and no step is longer than they reach', () => {
    for (const radius of [0.3, 1, 40])
      for (const stages of [2, 3, 7, 41]) {
        const h = stableStep(stages, radius);
        expect(stagesFor(h, radius)).toBe(stages);
        expect(stagesFor(1.01 * h, radius)).toBe(stages + 1);
        expect(Math.abs(stabilityPolynomial(stages, -h * radius))).toBeLessThan(1);
      }
    expect(stableStep(5, 0)).toBe(Infinity);
    expect([1e-5, 1e-4, 0.1].map(mostStages)).toEqual([12, 40, 100]);
  });
});

/** y' = -A y with eigenvalues 1, ..., 50: one row of two components. */
const rates = Float64Array.from({ length: 50 }, (_, i) => i + 1);
const linear: HostField = (states) => states.map(([y]) => [y!.map((value, i) => -rates[i]! * value)]);

it('a step is of order 2 and stable where its stages say', () => {
  const start = [rates.map(() => 1)];
  const [slope] = linear([start]);
  const after = (h: number, s: number) => answered(chebyshev(chebyshevStages(s), start, slope!, h), linear);
  const exact = (h: number) => rates.map((rate) => Math.exp(-rate * h));
  const error = (h: number) => relativeError(after(h, 4).next[0]![0]!, exact(h));
  expect(Math.log2(error(2e-3) / error(1e-3))).toBeCloseTo(3, 1);
  const estimate = (h: number) => Math.hypot(...after(h, 4).error![0]![0]!) * h;
  expect(Math.log2(estimate(2e-3) / estimate(1e-3))).toBeCloseTo(3, 1);
  for (const value of after(1, stagesFor(1, 50)).next[0]![0]!) expect(Math.abs(value)).toBeLessThan(1);
  expect(Math.max(...after(1, stagesFor(1, 50) - 2).next[0]![0]!.map(Math.abs))).toBeGreaterThan(1);
});

const [n, rank] = [24, 3];
const problem = frobeniusFromSpectrum(
  Float64Array.from({ length: n }, (_, i) => (i + 1) ** -0.5),
  n,
  n,
);
const adapter = (seed: number) => ({
  loraA: gaussian(rank, n, seed, 0.2),
  loraB: gaussian(n, rank, seed + 1, 0.1),
});

function solved64(name: MethodName, rtol: number, time: number): TwinEnding {
  if (problem.structure.kind !== 'diagonal') throw new Error('diagonal');
  const field = fieldOf(evaluator(problem.structure), rank);
  const { x, y } = toFactors(adapter(1), plain);
  const stop = { saveTimes: [time], steadyTolerance: null, maxSteps: 1e6 };
  const { scheme } = method(name);
  const control = { kind: 'error', rtol, atol: 0 } as const;
  return answered(twin([x.data, y.data], 1, { scheme, control }, stop), field);
}

describe('trajectories', () => {
  const update = ({ state: [x, y] }: TwinEnding) =>
    Float64Array.from({ length: n * n }, (_, k) => {
      const [i, j] = [Math.floor(k / n), k % n];
      let sum = 0;
      for (let c = 0; c < rank; c++) sum += x![i * rank + c]! * y![j * rank + c]!;
      return sum;
    });

  it('over a long horizon need far fewer evaluations than those of dopri5, as exact', () => {
    const exact = update(solved64('dopri5', 1e-11, 1000));
    const [pair, stabilized] = [solved64('dopri5', 1e-4, 1000), solved64('rkc2', 1e-4, 1000)];
    expect(pair.evaluations / stabilized.evaluations).toBeGreaterThan(4);
    for (const ending of [pair, stabilized]) expect(relativeError(update(ending), exact)).toBeLessThan(1e-4);
  });

  it('have errors that follow the tolerance', () => {
    const exact = update(solved64('dopri5', 1e-11, 20));
    const errors = [1e-4, 1e-5, 1e-6].map((rtol) => relativeError(update(solved64('rkc2', rtol, 20)), exact));
    // The error per step is of order 3, that at the end of order 2: rtol^(2/3).
    for (const [i, error] of errors.slice(1).entries()) {
      expect(errors[i]! / error).toBeGreaterThan(10 ** (1 / 3));
      expect(errors[i]! / error).toBeLessThan(10);
    }
  });

  eachBackend('on %s', (backend) => {
    let device: Device;
    beforeAll(async () => void (device = await useBackend(backend)));

    it('end where those of the twin do, the same alone as among others', async () => {
      const stop = { saveTimes: [5, 60], steadyTolerance: null, maxSteps: 1e6 };
      const options = {
        method: method('rkc2', { rtol: 1e-4, atol: 0 }),
        stop,
        kernel: 'tensor-ops',
      } as const;
      const members = [1, 3, 5].map((seed) => memberOf(adapter(seed), plain));
      const run = (chunk: number) => solve({ problem, members }, { ...options, chunk, device }).all();
      const [together, alone] = [await run(3), await run(1)];
      expect(together.map(({ factors }) => factors)).toEqual(alone.map(({ factors }) => factors));
      const expected = solved64('rkc2', 1e-4, 60);
      const { x, y } = together[0]!.factors;
      // Float32 roundings of some hundred evaluations of a flow that contracts.
      const found = { ...expected, state: [x.data, y.data] };
      expect(relativeError(update(found), update(expected))).toBeLessThan(1e-4);
    });
  });
});

it('is chosen for long horizons', () => {
  expect([1, 400, 600].map((horizon) => methodFor(horizon))).toEqual(['dopri5', 'dopri5', 'rkc2']);
});
