/** Checks of update schemes hold on wasm, and catch steps in another order and wrong Jacobians. */
import * as tf from '@tensorflow/tfjs';
import type { Tensor3D } from '@tensorflow/tfjs';
import { beforeAll } from 'vitest';
import { gradientDescentStep } from '../../kernels/cpu/schemes/gradientDescent.js';
import type { Field } from '../../kernels/cpu/field.js';
import { loraSystem } from '../../kernels/tensorOps/loraSystem.js';
import { firstOfEach } from '../../src/verify/cases.js';
import type { CheckContext } from '../../src/verify/check.js';
import { schemeChecks } from '../../src/verify/checks/schemes.js';
import type { VerificationSubject } from '../../src/verify/subject.js';
import { contextOn, holdAndCatch } from './support.js';

let context: CheckContext;
beforeAll(async () => {
  const all = await contextOn('wasm');
  const losses = ['linear-regression', 'pseudo-Huber'];
  context = {
    ...all,
    cases: firstOfEach(all.cases).filter(({ problem }) => losses.includes(problem.loss.name)),
  };
});

type Scheme = VerificationSubject['gradientDescentStep'];

/** A simultaneous update that sees the new A when it updates B. */
const newAInBoth: Scheme = (field, order, states, h) =>
  gradientDescentStep(field, order === 'simultaneous' ? 'a-then-b' : order, states, h);

/** Both sequential orders are the same one. */
const oneOrder: Scheme = (field, order, states, h) =>
  gradientDescentStep(field, order === 'b-then-a' ? 'a-then-b' : order, states, h);

/** A learning rate of B that is 1 % too large. */
const wrongRate: Scheme = (field, order, states, h) => {
  const faster: Field = async (at) =>
    (await field(at)).map(([b, a]) => [b!.map((value) => 1.01 * value), a!]);
  return gradientDescentStep(faster, order, states, h);
};

/** A sequential update that sees only half of the change. */
const halfTheChange: Scheme = async (field, order, states, h) => {
  const [one, other] = [
    await gradientDescentStep(field, order, states, h),
    await gradientDescentStep(field, 'simultaneous', states, h),
  ];
  return one.map((state, row) => state.map((z, c) => z.map((value, i) => (value + other[row]![c]![i]!) / 2)));
};

/** Jacobian-vector products of a flow that is 5 % too steep, on the backend alone. */
const wrongJacobian: VerificationSubject['loraSystem'] = (structure, shape) => {
  const system = loraSystem(structure, shape);
  return {
    ...system,
    derivative: (state) => system.derivative(state).map((dz) => tf.mul<Tensor3D>(dz, 1.05)),
  };
};

holdAndCatch(schemeChecks, () => context, {
  'schemes/flow': { 'a learning rate of B that is off': { gradientDescentStep: wrongRate } },
  'schemes/gap-order': {
    'the new A in both updates': { gradientDescentStep: newAInBoth },
    'half of the change': { gradientDescentStep: halfTheChange },
    'a wrong Jacobian': { loraSystem: wrongJacobian },
  },
  'schemes/gap': {
    'the new A in both updates': { gradientDescentStep: newAInBoth },
    'one order for both': { gradientDescentStep: oneOrder },
  },
  'schemes/modified-equation': {
    'the new A in both updates': { gradientDescentStep: newAInBoth },
    'half of the change': { gradientDescentStep: halfTheChange },
    'a wrong Jacobian': { loraSystem: wrongJacobian },
  },
});
