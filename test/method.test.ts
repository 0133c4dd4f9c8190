/** Methods: the step-size controller by its formulas, gradient-descent steps against dense matrices, names and options. */
import * as tf from '@tensorflow/tfjs';
import { Matrix } from 'ml-matrix';
import { beforeAll, describe, expect, it } from 'vitest';
import { loraSystem } from '../kernels/tensorOps/loraSystem.js';
import { tensor2d } from '../kernels/tensorOps/tensor2d.js';
import type { Dense } from '../src/numbers/dense.js';
import { fromFactors, toFactors, type Adapter } from '../src/ensemble/adapter.js';
import { clock } from '../src/flow/normalization.js';
import { InputError } from '../src/host/inputError.js';
import { decide, firstGuess, scaledError, startingStep } from '../src/method/control.js';
import { isAdaptive, method, methodNames } from '../src/method/methods.js';
import { gradientDescent, type UpdateOrder } from '../src/method/schemes/gradientDescent.js';
import { rungeKutta } from '../src/method/schemes/rungeKutta.js';
import { outcomes } from '../src/method/outcome.js';
import { gradientDescent as gradientDescentStep } from '../kernels/tensorOps/schemes/gradientDescent.js';
import { tableaus } from '../src/method/tableaus.js';
import { linearRegression } from '../src/problem/linearRegression.js';
import {
  eachBackend,
  coefficients,
  covariance,
  gaussian,
  norm,
  relativeError,
  useBackend,
  fromMatrix,
  toMatrix,
} from './support.js';

describe('the step-size controller', () => {
  const judge = (error: number, afterRejection = false, lastError = 1e-2) =>
    decide(0.1, error, lastError, 5, afterRejection);

  it('accepts errors up to 1, and no others', () => {
    for (const error of [0, 1e-9, 0.5, 1]) expect(judge(error).accepted).toBe(true);
    for (const error of [1 + 1e-12, 10, 1e30, Infinity, NaN]) expect(judge(error).accepted).toBe(false);
  });

  it('shrinks after a rejection, by at most 5', () => {
    for (const error of [1.0001, 2, 1e3, 1e30, Infinity, NaN]) {
      expect(judge(error).next).toBeLessThan(0.1);
      expect(judge(error).next).toBeGreaterThanOrEqual(0.02 * (1 - 1e-15));
    }
    expect(judge(NaN).next).toBeCloseTo(0.02, 15);
  });

  it('grows after small errors, by at most 5, and not right after a rejection', () => {
    for (const error of [0, 1e-30, 1e-3, 0.3]) {
      expect(judge(error).next).toBeLessThanOrEqual(0.5 * (1 + 1e-15));
      expect(judge(error, true).next).toBeLessThanOrEqual(0.1);
    }
    expect(judge(0).next).toBeCloseTo(0.5, 15);
    expect(judge(1e-5).next).toBeGreaterThan(0.1);
  });

  it('asks for smaller steps the larger the error', () => {
    // Apart for accepted and rejected tries: only the former know the last error.
    for (const errors of [
      [0, 1e-6, 1e-3, 0.1, 0.9, 1],
      [1.1, 5, 1e3, 1e9],
    ]) {
      const next = errors.map((error) => judge(error).next);
      expect(next).toEqual(next.slice().sort((a, b) => b - a));
    }
  });

  it('remembers the error of accepted steps, and keeps it over rejected ones', () => {
    expect(judge(0.3).lastError).toBe(0.3);
    expect(judge(0).lastError).toBe(1e-4);
    expect(judge(7, false, 0.2).lastError).toBe(0.2);
    expect(judge(NaN, false, 0.2).lastError).toBe(0.2);
    // A rising error is answered with a smaller step than a falling one.
    expect(judge(0.3, false, 1e-3).next).toBeLessThan(judge(0.3, false, 0.9).next);
  });

  it('is asymptotically right: an error C h^5 settles at the tolerance', () => {
    let [h, lastError] = [1e-3, 1e-4];
    for (let i = 0; i < 60; i++) ({ next: h, lastError } = decide(h, (h / 0.05) ** 5, lastError, 5, false));
    // At the fixed point 0.9 e^-(1/5 - 0.03) e^0.04 = 1: e = 0.9^(1 / 0.13), h = 0.05 e^(1/5).
    expect(h).toBeCloseTo(0.05 * 0.9 ** (1 / 0.13 / 5), 4);
  });

  it('scales errors by the tolerances', () => {
    expect(scaledError(2, 10, 0.1, 1)).toBe(1);
    expect(scaledError(0, 0, 0.1, 0)).toBe(0);
    expect(scaledError(1e-3, 0, 1e-5, 0)).toBe(Infinity);
  });

  it('starts with a positive step, however the start looks', () => {
    expect(firstGuess(2, 4)).toBe(0.005);
    for (const [state, rate] of [
      [0, 1],
      [1, 0],
      [0, 0],
      [1, NaN],
    ] as const)
      expect(firstGuess(state, rate)).toBe(1e-6);
    for (const [rate, curvature] of [
      [1, 1],
      [0, 0],
      [1e20, 1],
      [NaN, 1],
      [1, Infinity],
    ] as const) {
      const h = startingStep(0.01, rate, curvature, 1e-5, 5);
      expect(h).toBeGreaterThan(0);
      expect(h).toBeLessThanOrEqual(1);
    }
    // The estimated error of the starting step is 1 % of the tolerance: (rate / scale) h^(order + 1) = 0.01.
    expect(startingStep(0.01, 3, 5, 1e-2, 5)).toBeCloseTo((0.01 / 500) ** (1 / 6), 14);
  });
});

eachBackend('gradient descent on %s', (backend) => {
  beforeAll(() => useBackend(backend));

  const [n, m, r] = [9, 6, 4];
  const [e, h] = [gaussian(n, m, 1), covariance(m, 2)];
  const structure = linearRegression(e, h).structure;
  const adapter: Adapter = { loraA: gaussian(r, m, 3, 0.5), loraB: gaussian(n, r, 4, 0.5) };
  const { scale: s, lrRatioA: kA, lrRatioB: kB } = coefficients;

  /** The step as it is written: plain B and A, the dense gradient, float64. */
  function expected(order: UpdateOrder, lr: number): Adapter {
    const [a, b] = [toMatrix(adapter.loraA), toMatrix(adapter.loraB)];
    const gradient = (aNow: Matrix, bNow: Matrix) =>
      bNow.mmul(aNow).mul(s).sub(toMatrix(e)).mmul(toMatrix(h));
    const stepA = (bNow: Matrix) =>
      Matrix.sub(
        a,
        bNow
          .transpose()
          .mmul(gradient(a, bNow))
          .mul(lr * kA * s),
      );
    const stepB = (aNow: Matrix) =>
      Matrix.sub(
        b,
        gradient(aNow, b)
          .mmul(aNow.transpose())
          .mul(lr * kB * s),
      );
    const [newA, newB] = [
      stepA(order === 'b-then-a' ? stepB(a) : b),
      stepB(order === 'a-then-b' ? stepA(b) : a),
    ];
    return { loraA: fromMatrix(newA), loraB: fromMatrix(newB) };
  }

  async function taken(order: UpdateOrder, lr: number): Promise<Adapter> {
    const { x, y } = toFactors(adapter, coefficients);
    const system = loraSystem(structure, { n, m, width: r });
    const next = tf.tidy(() => {
      const state = [x, y].map((z) => tensor2d(z).expandDims<tf.Tensor3D>(0));
      const h = [lr * clock(coefficients)];
      return gradientDescentStep(system, gradientDescent(order), { state }, { h }).next;
    });
    const [dataX, dataY] = await Promise.all(next.map((z) => z.data()));
    tf.dispose(next);
    system.dispose();
    const host = (like: Dense, data: ArrayLike<number>): Dense => ({
      ...like,
      data: Float64Array.from(data),
    });
    return fromFactors({ x: host(x, dataX!), y: host(y, dataY!) }, coefficients);
  }

  const gap = (a: Adapter, b: Adapter) =>
    Math.max(relativeError(a.loraA.data, b.loraA.data), relativeError(a.loraB.data, b.loraB.data));

  // Sums of some tens of float32 products of one size: 1e-7 times a root of that.
  const tolerance = 1e-6;

  it.each(['simultaneous', 'a-then-b', 'b-then-a'] as const)('%s is its formula', async (order) => {
    for (const lr of [0.2, 0.02])
      expect(gap(await taken(order, lr), expected(order, lr))).toBeLessThan(tolerance);
  });

  it('no order passes for another', async () => {
    const orders = ['simultaneous', 'a-then-b', 'b-then-a'] as const;
    for (const one of orders)
      for (const other of orders)
        if (one !== other)
          expect(gap(await taken(one, 0.02), expected(other, 0.02))).toBeGreaterThan(10 * tolerance);
  });

  it('sequential and simultaneous steps differ in the second factor alone, by O(h^2)', async () => {
    const difference = async (lr: number, order: UpdateOrder) => {
      const [one, other] = [await taken('simultaneous', lr), await taken(order, lr)];
      const of = (which: keyof Adapter) =>
        norm(one[which].data.map((value, i) => value - other[which].data[i]!));
      return order === 'a-then-b' ? [of('loraA'), of('loraB')] : [of('loraB'), of('loraA')];
    };
    for (const order of ['a-then-b', 'b-then-a'] as const) {
      const [firstCoarse, secondCoarse] = await difference(0.04, order);
      const [firstFine, secondFine] = await difference(0.02, order);
      expect([firstCoarse, firstFine]).toEqual([0, 0]);
      // The next order's part is some 5 % at these steps, float32 noise 1e-4.
      expect(Math.abs(Math.log2(secondCoarse! / secondFine!) - 2)).toBeLessThan(0.2);
    }
  });
});

describe('method()', () => {
  it('knows every name, its scheme and its control', () => {
    for (const name of methodNames) {
      const { control } = isAdaptive(name) ? method(name) : method(name, { step: 0.1 });
      expect(control.kind).toBe(isAdaptive(name) ? 'error' : 'fixed');
    }
    expect(method('dopri5')).toEqual({
      scheme: rungeKutta(tableaus.dopri5),
      control: { kind: 'error', rtol: 1e-5, atol: 1e-9 },
    });
    expect(method('bosh3', { rtol: 1e-3, atol: 0 })).toEqual({
      scheme: rungeKutta(tableaus.bosh3),
      control: { kind: 'error', rtol: 1e-3, atol: 0 },
    });
    expect(method('rk4', { step: 2 })).toEqual({
      scheme: rungeKutta(tableaus.rk4),
      control: { kind: 'fixed', step: 2 },
    });
    for (const order of ['simultaneous', 'a-then-b', 'b-then-a'] as const)
      expect(method(`gd-${order}`, { step: 2 }).scheme).toEqual(gradientDescent(order));
  });

  it('gives methods that go to other threads as they are', () => {
    for (const name of methodNames) {
      const made = isAdaptive(name) ? method(name) : method(name, { step: 0.1 });
      expect(structuredClone(made)).toEqual(made);
    }
  });

  it.each([
    ['dopri5', { step: 0.1 }],
    ['bosh3', { step: 0.1 }],
    ['dopri5', { rtol: 1e-8 }],
    ['dopri5', { rtol: 0.2 }],
    ['dopri5', { rtol: NaN }],
    ['dopri5', { atol: -1 }],
    ['dopri5', { atol: Infinity }],
    ['rk4', {}],
    ['rk4', { step: 0 }],
    ['rk4', { step: -1 }],
    ['rk4', { step: NaN }],
    ['rk4', { step: Infinity }],
    ['rk4', { step: 0.1, rtol: 1e-5 }],
    ['gd-a-then-b', { step: 0.1, atol: 1e-5 }],
    ['gd-simultaneous', {}],
  ] as const)('%s refuses %j', (name, options) => {
    expect(() => method(name, options)).toThrow(InputError);
  });

  it('every outcome carries its message', () => {
    expect(Object.keys(outcomes)).toEqual([
      'end-time',
      'stationary',
      'diverged',
      'step-too-small',
      'step-budget',
      'loss-not-finite',
    ]);
  });
});
