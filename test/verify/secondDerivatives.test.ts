/** Checks of the linearized flow hold on wasm, and catch operations with wrong derivatives and flows of no gradient. */
import * as tf from '@tensorflow/tfjs';
import type { Tensor3D } from '@tensorflow/tfjs';
import { beforeAll } from 'vitest';
import { loraSystem } from '../../kernels/tensorOps/loraSystem.js';
import { fromFactors } from '../../src/ensemble/adapter.js';
import type { CheckContext } from '../../src/verify/check.js';
import { secondDerivativeChecks } from '../../src/verify/checks/secondDerivatives.js';
import type { VerificationSubject } from '../../src/verify/subject.js';
import { contextOn, holdAndCatch } from './support.js';

let context: CheckContext;
beforeAll(async () => {
  context = await contextOn('wasm');
});

/** The flow's values with the derivative of twice the flow. */
const wrongDerivative: VerificationSubject['loraSystem'] = (structure, shape) => {
  const system = loraSystem(structure, shape);
  const doubled = tf.customGrad((z, save) => {
    (save as (tensors: tf.Tensor[]) => void)([z as tf.Tensor]);
    return { value: z as tf.Tensor, gradFunc: (dy) => tf.mul(dy, 2) };
  });
  return { ...system, derivative: (state) => system.derivative(state).map((dz) => doubled(dz) as Tensor3D) };
};

/** A flow that is no gradient flow: X runs 1 % faster than Y. */
const notAGradient: VerificationSubject['loraSystem'] = (structure, shape) => {
  const system = loraSystem(structure, shape);
  return {
    ...system,
    derivative(state) {
      const [dX, dY] = system.derivative(state);
      return [tf.mul<Tensor3D>(dX!, 1.01), dY!];
    },
  };
};

/** An adapter's B in units that forget kB. */
const withoutRatioB: VerificationSubject['fromFactors'] = (factors, k) =>
  fromFactors(factors, { ...k, lrRatioB: 1 });

holdAndCatch(secondDerivativeChecks, () => context, {
  'second/jacobian-vector': { 'an operation with a wrong derivative': { loraSystem: wrongDerivative } },
  'second/symmetry': {
    'a flow that is no gradient flow': { loraSystem: notAGradient },
    'a dropped kB': { fromFactors: withoutRatioB },
  },
});
