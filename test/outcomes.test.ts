/** Outcomes of trajectories whose loss, gradient or norms are not finite: what is not a number is never a success. */
import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { customProblem } from '../src/input/customLoss.js';
import { dense } from '../src/numbers/dense.js';
import { method } from '../src/method/methods.js';
import type { StopRule } from '../src/method/track.js';
import { custom } from '../src/problem/custom.js';
import { frobeniusFromSpectrum } from '../src/problem/frobenius.js';
import type { TensorLoss } from '../src/problem/structure.js';
import { openDevice, type Device } from '../src/solver/device.js';
import { solve } from '../src/solver/solve.js';
import { eachBackend, memberOf, plain, useBackend } from './support.js';

let device: Device;

/** A target of ones: trajectories from the member below come closer and closer. */
const towardsOnes = (w: tf.Tensor3D) => tf.sum<tf.Tensor1D>(tf.square(tf.sub(w, 1)), [1, 2]);
const start = memberOf(
  {
    loraA: dense(2, 4, new Float64Array(8).fill(0.2)),
    loraB: dense(5, 2, new Float64Array(10).fill(0.2)),
  },
  plain,
);
const until = (saveTimes: readonly number[], rule: Partial<StopRule> = {}): StopRule => ({
  ...{ saveTimes, steadyTolerance: null, maxSteps: 10_000 },
  ...rule,
});
const dopri5 = method('dopri5');
const sumOf = (w: tf.Tensor3D) => tf.sum<tf.Tensor1D>(w, [1, 2]);

eachBackend('a custom loss that is not finite, on %s', (backend) => {
  beforeAll(async () => void (device = await useBackend(backend)));
  const solved = async (loss: TensorLoss, stop: StopRule, how = dopri5) => {
    const problem = await customProblem('mine', dense(5, 4), loss);
    return (await solve({ problem, members: [start] }, { method: how, stop, chunk: 8, device }).all())[0]!;
  };
  /** Distance from ones, plus a value where the weights are so; its gradient is that of the distance. */
  const plus = (value: number, where: (w: tf.Tensor3D) => tf.Tensor): TensorLoss => {
    const piece = tf.customGrad((given) => {
      const w = given as tf.Tensor3D;
      const batch = [w.shape[0]];
      return {
        value: tf.where(where(w).cast('bool'), tf.fill(batch, value), tf.zeros(batch)),
        gradFunc: () => tf.zerosLike(w),
      };
    });
    return (w) => tf.add<tf.Tensor1D>(towardsOnes(w), piece(w));
  };

  it.each([NaN, Infinity, -Infinity])('at the end, %d: neither end-time nor stationary', async (value) => {
    const late = plus(value, (w) => tf.greater(sumOf(w), 10));
    const ended = await solved(late, until([0, 20]));
    expect(ended.outcome).toBe('loss-not-finite');
    expect(ended.last.loss).toBe(value);
    expect(ended.last.gradientNorm).toBeLessThan(1);
    expect(ended.time).toBe(20);
    const steady = await solved(late, until([0, 200], { steadyTolerance: 1e-3 }));
    expect(steady.outcome).toBe('loss-not-finite');
    expect(steady.time).toBeLessThan(200);
    const steps = await solved(late, until([20]), method('rk4', { step: 0.1 }));
    expect(steps.outcome).toBe('loss-not-finite');
  });

  it('on the way: an end that is finite is an end', async () => {
    const between = plus(NaN, (w) => tf.logicalAnd(tf.greater(sumOf(w), 2), tf.less(sumOf(w), 19)));
    const ended = await solved(between, until([0, 0.1, 0.2, 20]));
    expect(ended.outcome).toBe('end-time');
    expect(ended.saved.map((at) => Number.isFinite(at!.loss))).toContain(false);
    expect(ended.saved.at(-1)!.loss).toBeLessThan(1e-3);
  });
});

describe('a gradient that is not finite', () => {
  beforeAll(async () => void (device = await useBackend('cpu')));

  it.each([dopri5, method('rkc2'), method('rk4', { step: 0.1 })])(
    'from the start: diverged, %#',
    async (how) => {
      const log: TensorLoss = (w) => tf.log<tf.Tensor1D>(tf.sub(sumOf(w), 1e3)).mul(tf.scalar(NaN));
      const problem = custom('log', dense(5, 4), log, dense(5, 4, new Float64Array(20).fill(1)));
      const [ended] = await solve(
        { problem, members: [start] },
        { method: how, stop: until([1]), chunk: 8, device },
      ).all();
      expect(ended!.outcome).toBe('diverged');
      expect(ended!.time).toBe(0);
      expect(ended!.saved).toEqual([null]);
    },
  );
});

describe('a functional that overflows in float64', () => {
  beforeAll(async () => void (device = await openDevice('cpu', { workers: 1 })));

  it('is told, though the state and the norm of its square are in range', async () => {
    const problem = frobeniusFromSpectrum(Float64Array.of(1e-3, 1e-3, 0, 0), 5, 4);
    // |Y|^2 = 8e160, its square is beyond 1.8e308; the loss stays that of W0.
    const large = memberOf({ loraA: dense(2, 4, new Float64Array(8).fill(1e80)), loraB: dense(5, 2) }, plain);
    const options = { method: method('rk4', { step: 1e-170 }), stop: until([1e-170]), chunk: 8 } as const;
    const [ended] = await solve(
      { problem, members: [large] },
      { ...options, precision: 'float64', device },
    ).all();
    expect(ended!.last.loss).toBeCloseTo(1e-6, 12);
    expect(ended!.last.balancedness).toBe(Infinity);
    expect(ended!.outcome).toBe('loss-not-finite');
  });
});
