/** One ensemble over time: what the report says beside the closed forms, and full fine-tuning of a custom loss. */
import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { dense } from '../src/numbers/dense.js';
import { checkConfig } from '../src/input/checkConfig.js';
import { method } from '../src/method/methods.js';
import { custom } from '../src/problem/custom.js';
import type { Provenance } from '../src/host/provenance.js';
import { simulationSchema } from '../src/simulation/config.js';
import { planSimulation } from '../src/simulation/plan.js';
import { simulate, simulationReport } from '../src/simulation/simulate.js';
import { fullFineTuning } from '../src/simulation/fullFineTuning.js';
import { openDevice, type Device } from '../src/solver/device.js';
import { gaussian, norm, relativeError } from './support.js';

let device: Device;
beforeAll(async () => void (device = await openDevice('cpu', { workers: 1 })));

async function reportOf(input: Record<string, unknown>) {
  const plan = await planSimulation(checkConfig(simulationSchema, { rtol: 1e-6, ...input }));
  return simulationReport(await simulate(plan, device), {} as Provenance);
}

describe('simulation', () => {
  it.each([
    ['balanced', { spectrum: 'power:1', shape: '12x9', rank: 3, init: 'balanced:0.2', time: 8 }],
    ['aligned', { spectrum: 'power:1', shape: '9x12', rank: 3, init: 'spectral:0.1', time: 8, scale: 1.7 }],
    [
      'trace-squared',
      { loss: 'trace-squared', spectrum: 'power:1', shape: '9x9', rank: 2, init: 'gaussian', time: 1 },
    ],
  ])('lies on the %s closed form: loss and singular values', async (name, input) => {
    const { closedForm, trials } = await reportOf({ ...input, trials: 1 });
    expect(closedForm?.name).toContain(name);
    const initial = Math.max(...closedForm!.loss);
    closedForm!.loss.forEach((loss, k) => {
      // Tolerance 1e-6 per step of a contracting flow, plus float32 rounding of the state.
      expect(Math.abs(trials[0]!.loss[k]! - loss)).toBeLessThan(2e-5 * initial);
      expect(relativeError(trials[0]!.singularValues[k]!, closedForm!.singularValues![k]!)).toBeLessThan(
        1e-4,
      );
    });
    const other = await reportOf({ ...input, trials: 1, lrRatioA: 2 });
    expect(relativeError(trials[0]!.loss, other.closedForm!.loss)).toBeGreaterThan(1e-3);
  });

  it('has no closed form for a generic start on the Frobenius loss', async () => {
    const { closedForm } = await reportOf({
      spectrum: 'power:1',
      shape: '6x5',
      rank: 2,
      init: 'gaussian',
      time: 1,
    });
    expect(closedForm).toBeNull();
  });
});

describe('full fine-tuning of a custom loss', () => {
  const [n, m] = [5, 4];
  const target = gaussian(n, m, 7);
  const loss = (w: tf.Tensor3D) =>
    tf.mul<tf.Tensor1D>(
      tf.sum(tf.square(tf.sub(w, tf.tensor2d(Float32Array.from(target.data), [n, m]))), [1, 2]),
      0.5,
    );
  const problem = custom(
    'half square',
    dense(n, m),
    loss,
    dense(
      n,
      m,
      target.data.map((value) => -value),
    ),
  );
  const times = [0.1, 0.5, 1, 2];
  const dopri5 = method('dopri5');
  const stop = { saveTimes: times, steadyTolerance: null, maxSteps: 1000 };

  it('follows e^(-2 t) |M|^2 / 2 for half the squared distance, and leaves no tensor behind', async () => {
    const before = tf.memory().numTensors;
    const { losses, outcome, time } = await fullFineTuning(problem, dopri5, stop, device);
    expect({ outcome, time }).toEqual({ outcome: 'end-time', time: 2 });
    const exact = times.map((t) => (Math.exp(-2 * t) * norm(target.data) ** 2) / 2);
    // dopri5 at rtol 1e-5 of the state, whose loss near 0 is a difference of float32 numbers.
    expect(relativeError(losses, exact)).toBeLessThan(1e-4);
    expect(
      relativeError(
        losses,
        times.map((t) => exact[0]! * Math.exp(-t)),
      ),
    ).toBeGreaterThan(0.1);
    expect(tf.memory().numTensors).toBe(before);
  });
});
