/**
 * Checks of the flow hold on wasm, and catch flows, losses and gradients that differ from automatic differentiation
 * or differences.
 */
import * as tf from '@tensorflow/tfjs';
import type { Tensor3D } from '@tensorflow/tfjs';
import { beforeAll, expect, test } from 'vitest';
import { evaluator } from '../../kernels/cpu/evaluate.js';
import { fullFineTuningSystem } from '../../kernels/tensorOps/fullFineTuningSystem.js';
import { loraSystem } from '../../kernels/tensorOps/loraSystem.js';
import { dense, transposed, type Dense } from '../../src/numbers/dense.js';
import { toFactors } from '../../src/ensemble/adapter.js';
import { motionOf, type Motion, type OfBoth } from '../../src/flow/motion.js';
import type { System } from '../../src/method/system.js';
import { frobeniusDense, frobeniusLoss } from '../../src/problem/frobenius.js';
import type { Structure } from '../../src/problem/structure.js';
import type { CheckContext } from '../../src/verify/check.js';
import { casesOf, Draws, type Case } from '../../src/verify/cases.js';
import { flowChecks } from '../../src/verify/checks/flowEquations.js';
import { definitionOf } from '../../src/verify/losses.js';
import type { VerificationSubject } from '../../src/verify/subject.js';
import { contextOn, holdAndCatch, under, type Fault } from './support.js';

let context: CheckContext;
beforeAll(async () => {
  context = await contextOn('wasm');
});

/** The real system with its derivative altered. */
const altered =
  (alter: (slopes: Tensor3D[]) => Tensor3D[]): VerificationSubject['loraSystem'] =>
  (structure, shape) => {
    const system = loraSystem(structure, shape);
    return { ...system, derivative: (state) => alter(system.derivative(state)) };
  };

const wrongSign = altered(([dX, dY]) => [dX!, tf.neg(dY!)]);

/** The real flow of Y with G in the place of its transpose, which square matrices let pass unseen. */
const transposedMatrix: VerificationSubject['loraSystem'] = (structure, shape) => {
  const swapped: Structure =
    structure.kind === 'quadratic' ? { ...structure, error: transposed(structure.error) } : structure;
  if (shape.n !== shape.m) return loraSystem(structure, shape);
  const [system, other] = [loraSystem(structure, shape), loraSystem(swapped, shape)];
  return {
    ...system,
    derivative: (state) => [system.component(0, state), other.component(1, state)],
    dispose: () => [system, other].forEach((each) => each.dispose()),
  };
};

const withoutScale: VerificationSubject['toFactors'] = (adapter, k) => toFactors(adapter, { ...k, scale: 1 });
const withoutRatioA: VerificationSubject['toFactors'] = (adapter, k) =>
  toFactors(adapter, { ...k, lrRatioA: 1 });

/** The float64 twin with its state and sums rounded to float32. */
const float32Twin: VerificationSubject['evaluator'] = (structure) => {
  const evaluate = evaluator(structure);
  return (x, y, r) => {
    const { dX, dY, ...rest } = evaluate(x.map(Math.fround), y.map(Math.fround), r);
    return { ...rest, loss: Math.fround(rest.loss), dX: dX.map(Math.fround), dY: dY.map(Math.fround) };
  };
};

/** The full fine-tuning flow uphill. */
const ascending: VerificationSubject['fullFineTuningSystem'] = (loss) => {
  const system: System = fullFineTuningSystem(loss);
  return { ...system, derivative: (state) => system.derivative(state).map((w) => tf.neg<Tensor3D>(w)) };
};

/** Under other cases. */
const withCases =
  (alter: (at: Case) => Case): Fault =>
  (check, on) =>
    under({}, check, { ...on, cases: on.cases.map(alter) });

/** Linear regression whose gradient forgets the covariance. */
const withoutCovariance = withCases((at) => {
  const { structure } = at.problem;
  if (structure.kind !== 'quadratic') return at;
  const { error } = structure;
  const valueAndGradient = (update: Dense) => {
    const residual = update.data.map((value, i) => value - error.data[i]!);
    return { value: 0, gradient: dense(error.rows, error.cols, residual) };
  };
  return { ...at, problem: { ...at.problem, valueAndGradient } };
});

/** A tensor loss that is not the one defined. */
const otherLoss = withCases((at) => ({
  ...at,
  definition: { ...at.definition, tensor: (w) => tf.mul(at.definition.tensor(w), 1.001) },
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

const transposedInSquare: Fault = (check, on) =>
  under({ loraSystem: transposedMatrix }, check, { ...on, cases: square() });

const wrongFlows = {
  'a wrong sign': { loraSystem: wrongSign },
  'a dropped s': { toFactors: withoutScale },
  'a dropped kA': { toFactors: withoutRatioA },
  'a transposed matrix': transposedInSquare,
};

/** Motions with something wrong. */
const moving = (alter: (motion: Motion) => Partial<Motion>): Fault => ({
  motionOf(k, flow) {
    const motion = motionOf(k, flow);
    return { ...motion, ...alter(motion) };
  },
});
const swapped = ([x, y]: OfBoth): OfBoth => [y, x];

const wrongDecays = {
  'a decay left out': moving(() => ({ decay: [0, 0] })),
  'the decay of the other factor': moving(({ decay }) => ({ decay: swapped(decay) })),
  'the other factor frozen': moving(({ rates, decay }) => ({ rates: swapped(rates), decay: swapped(decay) })),
  'a frozen factor that moves': moving(() => ({ rates: [1, 1] })),
  'coupled decay taken for decoupled': {
    motionOf: (k, flow) =>
      motionOf(k, flow && { ...flow, decay: flow.decay + flow.coupledDecay, coupledDecay: 0 }),
  } satisfies Fault,
};

holdAndCatch(flowChecks, () => context, {
  'flow/autodiff': wrongFlows,
  'flow/differences': wrongFlows,
  'flow/autodiff-differences': { 'a loss that is not the one defined': otherLoss },
  'flow/float64': { 'a float32 sum': { evaluator: float32Twin } },
  'flow/decay': wrongDecays,
  'flow/decay-float64': wrongDecays,
  'flow/loss-float64': { 'a float32 sum': { evaluator: float32Twin } },
  'flow/full-fine-tuning': { 'a wrong sign': { fullFineTuningSystem: ascending } },
  'flow/full-fine-tuning-float64': { 'a forgotten covariance': withoutCovariance },
});

test('flow/autodiff holds of a square problem', async () => {
  expect(await under({}, flowChecks[0]!, { ...context, cases: square() })).toMatchObject({ pass: true });
});
