/** Full fine-tuning of custom losses: its budget, its method, and outcomes where its loss or gradient is not finite. */
import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { customProblem } from '../src/input/customLoss.js';
import { method } from '../src/method/methods.js';
import { dense } from '../src/numbers/dense.js';
import type { TensorLoss } from '../src/problem/structure.js';
import type { SimulationReport } from '../src/simulation/report.js';
import { fullFineTuningNotes } from '../src/report/outcomes.js';
import { fullFineTuning } from '../src/simulation/fullFineTuning.js';
import type { Device } from '../src/solver/device.js';
import { useBackend } from './support.js';

let device: Device;
beforeAll(async () => void (device = await useBackend('cpu')));

const sum = (w: tf.Tensor) => tf.sum<tf.Tensor1D>(w, [1, 2]);
/** 1/2 |c (W - 1)|^2 with curvatures c^2 from 1 to `stiffness`. */
const stiff =
  (stiffness: number): TensorLoss =>
  (w) =>
    tf.mul(sum(tf.mul(tf.square(tf.sub(w, 1)), tf.tensor2d([[1, stiffness]]))), 0.5);
/** Falls without end towards the edge |W|^2 = 1 of its domain. */
const edge: TensorLoss = (w) => {
  const square = sum(tf.square(w));
  return tf.sub<tf.Tensor1D>(tf.log(tf.sub(1, square)), sum(w));
};
const problemOf = (loss: TensorLoss) => customProblem('mine', dense(1, 2), loss);
const until = (saveTimes: readonly number[], maxSteps = 2000, steadyTolerance: number | null = null) => ({
  ...{ saveTimes, maxSteps, steadyTolerance },
});

describe('full fine-tuning', () => {
  it('takes the method of the flow beside, so that what is stiff costs few steps', async () => {
    const problem = await problemOf(stiff(1e3));
    const exact = (t: number) => (Math.exp(-2 * t) + 1e3 * Math.exp(-2e3 * t)) / 2;
    const stop = until([1, 2], 200);
    const explicit = await fullFineTuning(problem, method('dopri5'), stop, device);
    expect(explicit.outcome).toBe('step-budget');
    for (const how of [
      method('rkc2'),
      method('gd-simultaneous', { step: 0.1 }),
      method('rk4', { step: 1 }),
    ]) {
      const { losses, outcome, time } = await fullFineTuning(problem, how, stop, device);
      expect({ outcome, time }).toEqual({ outcome: 'end-time', time: 2 });
      // float32, rtol 1e-5.
      [1, 2].forEach((t, k) => expect(Math.abs(losses[k]! / exact(t) - 1)).toBeLessThan(1e-2));
    }
  });

  it('stops where it is steady, and its loss stays', async () => {
    const { losses, outcome, time } = await fullFineTuning(
      await problemOf(stiff(1)),
      method('dopri5'),
      until([1, 1000, 2000], 2000, 1e-3),
      device,
    );
    expect(outcome).toBe('stationary');
    expect(time).toBeLessThan(1000);
    expect(losses[1]).toBe(losses[2]);
    expect(losses[1]).toBeLessThan(1e-5);
  });

  it('says how it failed at the edge of a domain', async () => {
    const heard: number[] = [];
    const ended = await fullFineTuning(
      await problemOf(edge),
      method('dopri5'),
      until([0, 0.05, 20]),
      device,
      (saves) => heard.push(saves),
    );
    expect(['diverged', 'step-too-small', 'step-budget', 'loss-not-finite']).toContain(ended.outcome);
    expect(ended.losses[0]).toBeCloseTo(0, 6);
    expect(ended.losses.at(-1)).toBeNaN();
    const saves = ended.losses.filter(Number.isFinite).length;
    expect(heard).toEqual(Array.from({ length: saves + 1 }, (_, k) => k));
    const notes = fullFineTuningNotes({
      fullFineTuningEnd: { outcome: ended.outcome!, time: ended.time },
    } as SimulationReport);
    expect(notes.join()).toContain(`Full fine-tuning: ${ended.outcome}`);
  });

  it('is no success where its last loss is not finite', async () => {
    const late = (w: tf.Tensor3D) => {
      const piece = tf.customGrad((given) => ({
        value: tf.where(tf.greater(sum(given as tf.Tensor), 1.5), NaN, tf.zeros([w.shape[0]])),
        gradFunc: () => tf.zerosLike(given as tf.Tensor),
      }));
      return tf.add<tf.Tensor1D>(stiff(1)(w), piece(w));
    };
    const { losses, outcome } = await fullFineTuning(
      await problemOf(late),
      method('dopri5'),
      until([0.1, 5]),
      device,
    );
    expect(outcome).toBe('loss-not-finite');
    expect(losses.map(Number.isFinite)).toEqual([true, false]);
  });
});
