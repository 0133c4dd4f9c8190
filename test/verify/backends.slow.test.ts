/**
 * Checks of a backend hold on wasm, and catch flows, products and trajectories that are not those of the twin, or are
 * computed elsewhere.
 */
import { existsSync } from 'node:fs';
import * as tf from '@tensorflow/tfjs';
import type { Tensor3D } from '@tensorflow/tfjs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { loraSystem } from '../../kernels/tensorOps/loraSystem.js';
import { matMul } from '../../kernels/tensorOps/matMul.js';
import { closeBackends } from '../../src/backend/useBackend.js';
import { toFactors } from '../../src/ensemble/adapter.js';
import { solve } from '../../src/solver/solve.js';
import { backendChecks } from '../../src/verify/checks/backends.js';
import type { CheckContext } from '../../src/verify/check.js';
import type { VerificationSubject } from '../../src/verify/subject.js';
import { judge } from '../../src/verify/verify.js';
import { contextOn, holdAndCatch, under } from './support.js';

let context: CheckContext;
beforeAll(async () => {
  context = await contextOn('wasm');
});
afterAll(closeBackends);

/** Values rounded to the 10 bits of fraction that TensorFloat-32 keeps. */
function tensorFloat<T extends tf.Tensor>(z: T): T {
  const data = z.dataSync().slice();
  const bits = new Uint32Array(data.buffer);
  bits.forEach((word, i) => (bits[i] = (word + 0x1000) & ~0x1fff));
  return tf.tensor(data, z.shape) as T;
}

const roundedSystem: VerificationSubject['loraSystem'] = (structure, shape) => {
  const system = loraSystem(structure, shape);
  return { ...system, derivative: (state) => system.derivative(state.map(tensorFloat)) };
};

const roundedProducts: VerificationSubject['matMul'] = (a, b) => matMul(tensorFloat(a), tensorFloat(b));

/** A flow that quietly computes on the CPU. */
const onCpu: VerificationSubject['loraSystem'] = (structure, shape) => {
  const system = loraSystem(structure, shape);
  return {
    ...system,
    derivative(state) {
      const own = tf.getBackend();
      void tf.setBackend('cpu');
      const slopes = system.derivative(state);
      void tf.setBackend(own);
      return slopes;
    },
  };
};

/** A flow whose X is a thousandth too slow, as a kernel with a wrong constant would be. */
const slow: VerificationSubject['loraSystem'] = (structure, shape) => {
  const system = loraSystem(structure, shape);
  return {
    ...system,
    derivative(state) {
      const [dX, dY] = system.derivative(state);
      return [tf.mul<Tensor3D>(dX!, 0.999), dY!];
    },
  };
};

/** A simulation that forgets kA. */
const withoutRatioA: VerificationSubject['toFactors'] = (adapter, k) =>
  toFactors(adapter, { ...k, lrRatioA: 1 });

/** A simulation that ends early. */
const early: VerificationSubject['solve'] = (ensemble, options) =>
  solve(ensemble, {
    ...options,
    stop: { ...options.stop, saveTimes: options.stop.saveTimes.map((time) => time * (31 / 32)) },
  });

holdAndCatch(backendChecks, () => context, {
  'backends/flow': {
    'a wrong constant': { loraSystem: slow },
    'TensorFloat-32 reported as float32': { loraSystem: roundedSystem },
  },
  'backends/trajectories': {
    'a dropped kA': { toFactors: withoutRatioA },
    'an early end': { solve: early },
  },
  'backends/adaptive': { 'an early end': { solve: early } },
  'backends/residence': { 'a flow computed on the CPU': { loraSystem: onCpu } },
  'backends/precision': { 'TensorFloat-32 reported as float32': { matMul: roundedProducts } },
});

const named = (id: string) => backendChecks.find((check) => check.id === id)!;

test.each([
  ['backends/flow', { loraSystem: roundedSystem }],
  ['backends/precision', { matMul: roundedProducts }],
])('%s lets TensorFloat-32 pass where it is reported, and says so', async (id, fault) => {
  const reported: CheckContext = { ...context, backend: { ...context.backend, precision: 'reduced' } };
  const { pass, allowed } = await under(fault, named(id), reported);
  expect(pass).toBe(true);
  expect(allowed.reason).toContain('TensorFloat-32');
});

test.skipIf(!existsSync(process.env['VK_DRIVER_FILES'] ?? ''))(
  'backends/residence catches small tensors that webgpu computes on the CPU',
  async () => {
    const webgpu = await contextOn('webgpu');
    const check = named('backends/residence');
    expect(await judge(check, webgpu)).toMatchObject({ pass: true });
    tf.env().set('WEBGPU_CPU_FORWARD', true);
    const forwarded = await judge(check, webgpu);
    tf.env().set('WEBGPU_CPU_FORWARD', false);
    expect(forwarded).toMatchObject({ pass: false });
  },
);
