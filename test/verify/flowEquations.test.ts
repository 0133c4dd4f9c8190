import * as tf from '@tensorflow/tfjs';
import type { Tensor3D } from '@tensorflow/tfjs';
import { beforeAll, describe, expect, test } from 'vitest';
import { evaluator } from '../../kernels/cpu/evaluate.js';
import { fullFineTuningSystem } from '../../kernels/tensorOps/fullFineTuningSystem.js';
import { loraSystem } from '../../kernels/tensorOps/loraSystem.js';
import { dense, transposed } from '../../src/dense.js';
import { toFactors } from '../../src/ensemble/adapter.js';
import type { System } from '../../src/method/system.js';
import { frobeniusDense } from '../../src/problem/frobenius.js';
import type { Structure } from '../../src/problem/problem.js';
import type { Context } from '../../src/verify/check.js';
import { casesOf, Draws } from '../../src/verify/cases.js';
import { flowChecks } from '../../src/verify/flowEquations.js';
import { frobeniusLoss } from '../../src/verify/losses.js';
import type { Subject } from '../../src/verify/subject.js';
import { contextOn, named, under } from './support.js';

let context: Context;
beforeAll(async () => {
  context = await contextOn('wasm');
});

/** The real system with its derivative altered. */
const altered =
  (alter: (slopes: Tensor3D[]) => Tensor3D[]): Subject['loraSystem'] =>
  (structure, shape) => {
    const system = loraSystem(structure, shape);
    return { ...system, derivative: (state) => alter(system.derivative(state)) };
  };

const wrongSign = altered(([dX, dY]) => [dX!, tf.neg(dY!)]);

/** The real flow of Y with G in the place of its transpose, which square matrices let pass unseen. */
const transposedMatrix: Subject['loraSystem'] = (structure, shape) => {
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

const withoutScale: Subject['toFactors'] = (adapter, k) => toFactors(adapter, { ...k, scale: 1 });
const withoutRatioA: Subject['toFactors'] = (adapter, k) => toFactors(adapter, { ...k, lrRatioA: 1 });

/** The float64 twin with its state and sums rounded to float32. */
const float32Twin: Subject['evaluator'] = (structure) => {
  const evaluate = evaluator(structure);
  return (x, y, r) => {
    const { dX, dY, ...rest } = evaluate(x.map(Math.fround), y.map(Math.fround), r);
    return { ...rest, loss: Math.fround(rest.loss), dX: dX.map(Math.fround), dY: dY.map(Math.fround) };
  };
};

test.each(flowChecks.map((check) => [check.id, check] as const))('%s holds', async (_, check) => {
  expect(await under(check, context, {})).toMatchObject({ pass: true });
});

describe.each(['flow/autodiff', 'flow/differences'])('%s catches', (id) => {
  const check = named(flowChecks, id);

  test.each([
    ['a wrong sign', { loraSystem: wrongSign }],
    ['a dropped s', { toFactors: withoutScale }],
    ['a dropped kA', { toFactors: withoutRatioA }],
  ])('%s', async (_, fault) => {
    expect(await under(check, context, fault)).toMatchObject({ pass: false });
  });
});

test('flow/autodiff catches a transposed matrix of a square problem', async () => {
  const draws = new Draws(1, 0);
  const [base, target] = [draws.matrix(5, 5), draws.matrix(5, 5)];
  const error = dense(
    5,
    5,
    target.data.map((value, i) => value - base.data[i]!),
  );
  const cases = casesOf('square', frobeniusDense(error), frobeniusLoss(target), base, 1, 'small');
  const check = named(flowChecks, 'flow/autodiff');
  expect(await under(check, { ...context, cases }, {})).toMatchObject({ pass: true });
  expect(await under(check, { ...context, cases }, { loraSystem: transposedMatrix })).toMatchObject({
    pass: false,
  });
});

test('flow/float64 catches a float32 sum', async () => {
  const check = named(flowChecks, 'flow/float64');
  expect(await under(check, context, { evaluator: float32Twin })).toMatchObject({ pass: false });
});

test('flow/loss-float64 catches a float32 sum', async () => {
  const check = named(flowChecks, 'flow/loss-float64');
  expect(await under(check, context, { evaluator: float32Twin })).toMatchObject({ pass: false });
});

test('flow/full-fine-tuning catches a wrong sign', async () => {
  const ascending: Subject['fullFineTuningSystem'] = (loss) => {
    const system: System = fullFineTuningSystem(loss);
    return { ...system, derivative: (state) => system.derivative(state).map((w) => tf.neg<Tensor3D>(w)) };
  };
  const check = named(flowChecks, 'flow/full-fine-tuning');
  expect(await under(check, context, { fullFineTuningSystem: ascending })).toMatchObject({ pass: false });
});

test('flow/full-fine-tuning-float64 catches a gradient that forgets the covariance', async () => {
  const cases = context.cases.map((at) => {
    const { structure } = at.problem;
    if (structure.kind !== 'quadratic') return at;
    const { error } = structure;
    const problem = {
      ...at.problem,
      valueAndGradient: (update: typeof error) => ({
        value: 0,
        gradient: dense(
          error.rows,
          error.cols,
          update.data.map((value, i) => value - error.data[i]!),
        ),
      }),
    };
    return { ...at, problem };
  });
  const check = named(flowChecks, 'flow/full-fine-tuning-float64');
  expect(await under(check, { ...context, cases }, {})).toMatchObject({ pass: false });
});

test('flow/autodiff-differences catches a tensor loss that is not the one defined', async () => {
  const cases = context.cases.map((at) => ({
    ...at,
    definition: { ...at.definition, tensor: (w: Tensor3D) => tf.mul(at.definition.tensor(w), 1.001) },
  }));
  const check = named(flowChecks, 'flow/autodiff-differences');
  expect(await under(check, { ...context, cases: cases as Context['cases'] }, {})).toMatchObject({
    pass: false,
  });
});
