/**
 * How many TensorFlow.js operations a step of the tensor-op path issues: on a GPU each is a launch. Counted as the
 * kernels of ten steps more, so that what is done once drops out.
 */
import * as tf from '@tensorflow/tfjs';
import { openDevice, type Device } from '../../src/solver/device.js';
import { solve } from '../../src/solver/solve.js';
import { method } from '../../src/method/methods.js';
import type { Method } from '../../src/method/method.js';
import { membersOf, problemOf, STEP } from '../flow.js';
import type { Workload } from '../workload.js';

const size = { n: 16, m: 16, rank: 4 };
const problem = problemOf(size);
const members = membersOf(size, 2);

const methods = {
  'gd-simultaneous': method('gd-simultaneous', { step: STEP }),
  rk4: method('rk4', { step: STEP }),
  bosh3: method('bosh3'),
  dopri5: method('dopri5'),
};

async function kernels(device: Device, how: Method, steps: number): Promise<number> {
  const stop = { saveTimes: [1e6], steadyTolerance: null, maxSteps: steps };
  const options = { method: how, stop, chunk: 2, kernel: 'tensor-ops', device } as const;
  const run = () => solve({ problem, members }, options).all();
  // The type of tf.profile knows no functions that take their time; the function does.
  const profiled = await tf.profile(run as unknown as () => tf.TensorContainer);
  return profiled.kernels.length;
}

/** Operations of a step, by method. */
export async function operationsPerStep(device: Device): Promise<[name: string, operations: number][]> {
  const counted: [string, number][] = [];
  for (const [name, how] of Object.entries(methods))
    counted.push([name, ((await kernels(device, how, 20)) - (await kernels(device, how, 10))) / 10]);
  return counted;
}

export const operations: Workload = {
  id: 'operations',
  claim: 'TensorFlow.js operations in a step of the Frobenius flow on the tensor-op path',
  unit: 'operations',
  async run() {
    const counted = await operationsPerStep(await openDevice('cpu', { workers: 1 }));
    const note = 'all trajectories of a chunk together; steps that are rejected take a few more';
    return counted.map(([name, value], i) => ({
      id: `operations/${name}`,
      unit: 'operations',
      value,
      ...(i === 0 && { note }),
    }));
  },
};
