import * as tf from '@tensorflow/tfjs';
import type { Tensor3D } from '@tensorflow/tfjs';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import { dense, transposed } from '../../src/dense.js';
import { toFactors } from '../../src/ensemble/adapter.js';
import type { System } from '../../src/method/system.js';
import { frobeniusDense } from '../../src/problem/frobenius.js';
import type { Structure } from '../../src/problem/problem.js';
import { solve } from '../../src/solver/solve.js';
import { casesOf, Draws } from '../../src/verify/cases.js';
import type { Context } from '../../src/verify/check.js';
import { invariantChecks } from '../../src/verify/invariants.js';
import { frobeniusLoss } from '../../src/verify/losses.js';
import type { Subject } from '../../src/verify/subject.js';
import { contextOn, named, noisyEnd, under } from './support.js';

type LoraSystem = Subject['loraSystem'];

/** A fault of the flow inside the simulator: given the true flow, another. */
type Fault = (real: LoraSystem) => LoraSystem;

const flow = vi.hoisted(() => ({ fault: ((real) => real) as Fault }));
vi.mock('../../kernels/tensorOps/loraSystem.js', async (original) => {
  const module = await original<typeof import('../../kernels/tensorOps/loraSystem.js')>();
  return {
    ...module,
    loraSystem: ((structure, shape) => flow.fault(module.loraSystem)(structure, shape)) as LoraSystem,
  };
});

let context: Context;
/** One case of every loss: enough to see a fault. */
let few: Context;
beforeAll(async () => {
  context = await contextOn('wasm');
  few = { ...context, cases: context.cases.filter((_, i) => i % 3 === 2) };
});

async function underFlow(id: string, fault: Fault, on: Context = few) {
  const real = flow.fault;
  flow.fault = fault;
  try {
    return await under(named(invariantChecks, id), on, {});
  } finally {
    flow.fault = real;
  }
}

const slopes =
  (alter: (slopes: Tensor3D[], structure: Structure) => Tensor3D[]): Fault =>
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
const coarseSpectrum: Fault = (real) => (structure, shape) =>
  structure.kind === 'diagonal'
    ? real({ ...structure, sigma: structure.sigma.map((s) => Math.round(s * 256) / 256) }, shape)
    : real(structure, shape);

/** The flow of Y with G in the place of its transpose, which square matrices let pass. */
const transposedMatrix: Fault = (real) => (structure, shape) => {
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

const withoutScale: Subject['toFactors'] = (adapter, k) => toFactors(adapter, { ...k, scale: 1 });
const withoutRatioA: Subject['toFactors'] = (adapter, k) => toFactors(adapter, { ...k, lrRatioA: 1 });

/** Observations whose norm of the flow is that of |dB/dt|^2 + |dA/dt|^2 without the ratios. */
const normWithoutRatios: Subject['solve'] = async function* (problem, members, options) {
  for await (const chunk of solve(problem, members, options))
    yield chunk.map(({ index, trajectory }) => ({
      index,
      trajectory: {
        ...trajectory,
        saved: trajectory.saved.map(
          (seen) =>
            seen && {
              ...seen,
              gradientNorm: seen.gradientNorm * Math.sqrt(members[index]!.coefficients.lrRatioB),
            },
        ),
      },
    }));
};

test.each(invariantChecks.map((check) => [check.id, check] as const))('%s holds', async (_, check) => {
  expect(await under(check, context, {})).toMatchObject({ pass: true });
});

describe('a fault of the flow:', () => {
  test.each([
    ['invariants/conservation', 'a wrong sign', wrongSign],
    ['invariants/conservation', 'a factor that moves too fast', fasterX],
    ['invariants/dissipation', 'a wrong sign', wrongSign],
    ['invariants/dissipation', 'a factor that moves too fast', fasterX],
    ['invariants/equivariance', 'a learning rate per column', ratePerColumn],
    ['invariants/spectral-frame', 'a coarse spectrum', coarseSpectrum],
    ['invariants/padding-zero', 'a column that runs over', leak],
    ['invariants/padding', 'a mean over the padded width', byWidth],
    ['invariants/adapter-flow', 'a wrong sign', wrongSign],
    ['invariants/adapter-flow', 'a factor that moves too fast', fasterX],
  ])('%s catches %s', async (id, _, fault) => {
    expect(await underFlow(id, fault)).toMatchObject({ pass: false });
  });

  test.each(['invariants/conservation', 'invariants/equivariance', 'invariants/adapter-flow'])(
    '%s catches a transposed matrix of a square problem',
    async (id) => {
      const draws = new Draws(1, 0);
      const [base, target] = [draws.matrix(5, 5), draws.matrix(5, 5)];
      const error = dense(
        5,
        5,
        target.data.map((value, i) => value - base.data[i]!),
      );
      const cases = casesOf('square', frobeniusDense(error), frobeniusLoss(target), base, 1, 'small');
      const square = { ...context, cases };
      expect(await underFlow(id, (real) => real, square)).toMatchObject({ pass: true });
      expect(await underFlow(id, transposedMatrix, square)).toMatchObject({ pass: false });
    },
  );
});

describe('a fault beside the flow:', () => {
  test.each([
    ['invariants/scaling', 'a dropped s', { toFactors: withoutScale }],
    ['invariants/adapter-flow', 'a dropped s', { toFactors: withoutScale }],
    ['invariants/adapter-flow', 'a dropped kA', { toFactors: withoutRatioA }],
    ['invariants/dissipation', 'a dropped kB', { solve: normWithoutRatios }],
    ['invariants/conservation', 'noise', { solve: noisyEnd }],
    ['invariants/equivariance', 'noise', { solve: noisyEnd }],
    ['invariants/spectral-frame', 'noise', { solve: noisyEnd }],
    ['invariants/padding-zero', 'noise', { solve: noisyEnd }],
    ['invariants/padding', 'noise', { solve: noisyEnd }],
    ['invariants/scaling', 'noise', { solve: noisyEnd }],
    ['invariants/adapter-flow', 'noise', { solve: noisyEnd }],
  ])('%s catches %s', async (id, _, fault: Partial<Subject>) => {
    expect(await under(named(invariantChecks, id), few, fault)).toMatchObject({ pass: false });
  });
});
