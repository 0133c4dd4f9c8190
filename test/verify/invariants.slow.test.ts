/** Checks of invariants hold on wasm, and catch simulators that break a conservation law or a symmetry of the flow. */
import * as tf from '@tensorflow/tfjs';
import type { Tensor3D } from '@tensorflow/tfjs';
import { beforeAll, expect, test, vi } from 'vitest';
import { dense, transposed } from '../../src/numbers/dense.js';
import { toFactors } from '../../src/ensemble/adapter.js';
import type { System } from '../../src/method/system.js';
import { frobeniusDense, frobeniusLoss } from '../../src/problem/frobenius.js';
import type { Structure } from '../../src/problem/structure.js';
import { solve } from '../../src/solver/solve.js';
import { casesOf, Draws } from '../../src/verify/cases.js';
import type { Check, CheckContext, Finding } from '../../src/verify/check.js';
import { invariantChecks } from '../../src/verify/checks/invariants.js';
import { definitionOf } from '../../src/verify/losses.js';
import type { VerificationSubject } from '../../src/verify/subject.js';
import { altered, contextOn, holdAndCatch, noisyEnd, under, type Fault } from './support.js';

type LoraSystem = VerificationSubject['loraSystem'];

/** A fault of the flow inside the simulator: given the true flow, another. */
type FlowFault = (real: LoraSystem) => LoraSystem;

const flow = vi.hoisted(() => ({ fault: ((real) => real) as FlowFault }));
vi.mock('../../kernels/tensorOps/loraSystem.js', async (original) => {
  const module = await original<typeof import('../../kernels/tensorOps/loraSystem.js')>();
  return {
    ...module,
    loraSystem: ((structure, shape) => flow.fault(module.loraSystem)(structure, shape)) as LoraSystem,
  };
});

let context: CheckContext;
/** One case of every loss: enough to see a fault. */
let few: CheckContext;
beforeAll(async () => {
  context = await contextOn('wasm');
  few = { ...context, cases: context.cases.filter((_, i) => i % 3 === 2) };
});

/** Under a fault of the flow inside the simulator. */
const inFlow =
  (wrong: FlowFault) =>
  async (check: Check, on: CheckContext): Promise<Finding> => {
    flow.fault = wrong;
    try {
      return await under({}, check, on);
    } finally {
      flow.fault = (real) => real;
    }
  };

const slopes =
  (alter: (slopes: Tensor3D[], structure: Structure) => Tensor3D[]): FlowFault =>
  (real) =>
  (structure, shape) => {
    const system: System = real(structure, shape);
    return { ...system, derivative: (state) => alter(system.derivative(state), structure) };
  };

const wrongSign = slopes(([dX, dY]) => [dX!, tf.neg(dY!)]);
const fasterX = slopes(([dX, dY]) => [tf.mul(dX!, 1.01), dY!]);
/** A learning rate that rises by 1 % from column to column. */
const ratePerColumn = slopes((each) =>
  each.map((z) => tf.mul<Tensor3D>(z, tf.range(0, z.shape[2]).mul(0.01).add(1))),
);
/** Every column runs over into the next by a millionth. */
const leak = slopes((each) =>
  each.map((z) => {
    const [batch, rows, width] = z.shape;
    const shifted = tf.concat([tf.zeros([batch, rows, 1]), z.slice([0, 0, 0], [batch, rows, width - 1])], 2);
    return tf.add<Tensor3D>(z, tf.mul(shifted, 1e-6));
  }),
);
/** A mean over the columns that counts those of the padding. */
const byWidth = slopes((each) => each.map((z) => tf.mul<Tensor3D>(z, 1 + 0.001 * z.shape[2])));

/** Singular values with the 8 bits of bfloat16. */
const coarseSpectrum: FlowFault = (real) => (structure, shape) =>
  structure.kind === 'diagonal'
    ? real({ ...structure, sigma: structure.sigma.map((s) => Math.round(s * 256) / 256) }, shape)
    : real(structure, shape);

/** The flow of Y with G in the place of its transpose, which square matrices let pass. */
const transposedMatrix: FlowFault = (real) => (structure, shape) => {
  if (structure.kind !== 'quadratic' || shape.n !== shape.m) return real(structure, shape);
  const [system, other] = [
    real(structure, shape),
    real({ ...structure, error: transposed(structure.error) }, shape),
  ];
  return {
    ...system,
    derivative: (state) => [system.component(0, state), other.component(1, state)],
    dispose: () => [system, other].forEach((each) => each.dispose()),
  };
};

const withoutScale: VerificationSubject['toFactors'] = (adapter, k) => toFactors(adapter, { ...k, scale: 1 });
const withoutRatioA: VerificationSubject['toFactors'] = (adapter, k) =>
  toFactors(adapter, { ...k, lrRatioA: 1 });

/** Observations whose norm of the flow is that of |dB/dt|^2 + |dA/dt|^2 without the ratios. */
const normWithoutRatios: VerificationSubject['solve'] = (ensemble, options) =>
  altered(solve(ensemble, options), (trajectory) => ({
    ...trajectory,
    saved: trajectory.saved.map(
      (seen) =>
        seen && {
          ...seen,
          gradientNorm: seen.gradientNorm! * Math.sqrt(trajectory.member.coefficients.lrRatioB),
        },
    ),
  }));

/** A problem whose matrices are square, so that a transposed one fits. */
const square = () => {
  const draws = new Draws(1, 'case', 0);
  const [base, target] = [draws.matrix(5, 5), draws.matrix(5, 5)];
  const error = dense(
    5,
    5,
    target.data.map((value, i) => value - base.data[i]!),
  );
  return casesOf('square', frobeniusDense(error), definitionOf(frobeniusLoss, target), base, 1, 'small');
};

const transposedInFlow: Fault = (check, on) => inFlow(transposedMatrix)(check, { ...on, cases: square() });

test.each(['invariants/conservation', 'invariants/equivariance', 'invariants/adapter-flow'])(
  '%s holds of a square problem',
  async (id) => {
    const check = invariantChecks.find((each) => each.id === id)!;
    expect(await under({}, check, { ...context, cases: square() })).toMatchObject({ pass: true });
  },
);

const noise: Fault = { solve: noisyEnd };

holdAndCatch(
  invariantChecks,
  () => context,
  {
    'invariants/conservation': {
      'a wrong sign': inFlow(wrongSign),
      'a factor that moves too fast': inFlow(fasterX),
      'a transposed matrix': transposedInFlow,
      noise,
    },
    'invariants/dissipation': {
      'a wrong sign': inFlow(wrongSign),
      'a factor that moves too fast': inFlow(fasterX),
      'a dropped kB': { solve: normWithoutRatios },
    },
    'invariants/equivariance': {
      'a learning rate per column': inFlow(ratePerColumn),
      'a transposed matrix': transposedInFlow,
      noise,
    },
    'invariants/spectral-frame': { 'a coarse spectrum': inFlow(coarseSpectrum), noise },
    'invariants/padding-zero': { 'a column that runs over': inFlow(leak), noise },
    'invariants/padding': { 'a mean over the padded width': inFlow(byWidth), noise },
    'invariants/scaling': { 'a dropped s': { toFactors: withoutScale }, noise },
    'invariants/adapter-flow': {
      'a wrong sign': inFlow(wrongSign),
      'a factor that moves too fast': inFlow(fasterX),
      'a transposed matrix': transposedInFlow,
      'a dropped s': { toFactors: withoutScale },
      'a dropped kA': { toFactors: withoutRatioA },
      noise,
    },
  },
  () => few,
);
