/** Verification of a loss that the user brings as a module: its cases, and the check of a gradient that it exports. */
import * as tf from '@tensorflow/tfjs';
import type { Tensor3D } from '@tensorflow/tfjs';
import { autodiffGradient } from '../../../kernels/tensorOps/structures/autodiff.js';
import { dense, type Dense } from '../../numbers/dense.js';
import { InputError } from '../../host/inputError.js';
import { customProblem } from '../../input/customLoss.js';
import type { LossModule } from '../../input/lossModule.js';
import { baseOf, parseShape, readSource, shapeOf } from '../../problem/source.js';
import { casesOf, type Case } from '../cases.js';
import { atMost, tightest, Worst, type Check, type Measurement } from '../check.js';
import type { VerifyConfig } from '../config.js';
import { gradientByDifferences } from '../means/differences.js';
import { stateOf, weightsAt } from '../means/fields.js';
import type { LossDefinition } from '../losses.js';
import { flowBudget, relativeError } from '../means/precision.js';
import { weightsOnDevice } from '../means/tensorDifferences.js';

/** Most entries of W: differences take those of B and A one at a time. */
const MOST_ENTRIES = 4096;

/**
 * The cases of the loss in a module. All that it exports is tried out at W0.
 * @throws InputError if the module, the base or the shape is unfit
 */
export async function ownCases(
  file: string,
  { base, shape, seed, size }: Pick<VerifyConfig, 'base' | 'shape' | 'seed' | 'size'>,
): Promise<Case[]> {
  const w0 = baseFrom(base, shape);
  const { readLossModule } = await import('../../input/lossModule.js');
  const module = await readLossModule(file);
  const problem = customProblem(file, w0, module.tensor);
  return casesOf(file.split(/[\\/]/).at(-1)!, problem, definitionOf(file, w0, module), w0, seed, size);
}

/** W0 in float32 numbers, so that device and host see the same. */
function baseFrom(file: string | undefined, shapeText: string | undefined): Dense {
  const source = readSource({ base: file });
  const shape = shapeText === undefined ? (shapeOf(source) ?? { n: 6, m: 5 }) : parseShape(shapeText);
  const { n, m } = shape;
  if (n * m > MOST_ENTRIES)
    throw new InputError('shape', `${n}x${m}`, `small: n m at most ${MOST_ENTRIES}, for a verification`);
  return dense(n, m, baseOf(source, shape).data.map(Math.fround));
}

function definitionOf(name: string, base: Dense, module: LossModule): LossDefinition {
  const { tensor, gradient, float64, float64Gradient } = module;
  const { rows: n, cols: m } = base;
  const host = float64 && ((w: Float64Array) => float64(w, n, m));
  const hostGradient = float64Gradient && ((w: Float64Array) => float64Gradient(w, n, m));
  const gradientInShape =
    gradient &&
    ((w: Tensor3D) =>
      withShapeOf(
        w,
        name,
        attempt(name, 'gradient', () => gradient(w)),
      ));
  if (host) {
    const value: unknown = attempt(name, 'float64', () => host(base.data));
    if (!Number.isFinite(value))
      throw new InputError('loss', `${name}, whose float64 gives ${value} at W0`, 'a finite number there');
  }
  if (hostGradient) {
    const { length } = attempt(name, 'float64Gradient', () => hostGradient(base.data));
    if (length !== n * m)
      throw new InputError(
        'loss',
        `${name}, whose float64Gradient has ${length} entries`,
        `${n * m}, row-major`,
      );
  }
  if (gradientInShape)
    tf.tidy(
      () => void gradientInShape(tf.tile(tf.tensor3d(Float32Array.from(base.data), [1, n, m]), [2, 1, 1])),
    );
  return {
    tensor,
    host,
    ...(hostGradient && { hostGradient }),
    ...(gradientInShape && { gradient: gradientInShape }),
  };
}

function attempt<T>(name: string, part: string, f: () => T): T {
  try {
    return f();
  } catch (error) {
    throw new InputError('loss', name, `a module whose ${part} does not throw (${error})`);
  }
}

function withShapeOf(w: Tensor3D, name: string, value: unknown): Tensor3D {
  const shape = value instanceof tf.Tensor ? `[${value.shape}]` : 'no tensor';
  if (shape === `[${w.shape}]`) return value as Tensor3D;
  const fault = `${name}, whose gradient maps [${w.shape}] to ${shape}`;
  throw new InputError('loss', fault, 'a module whose gradient keeps the shape, [batch, n, m]');
}

export const ownFloat64Gradient: Check = {
  id: 'flow/own-float64-gradient',
  claim: 'the float64 gradient that the module exports is that by central differences of its float64 loss',
  source: 'the module of the loss',
  on: 'host',
  scope: 'any-loss',
  async measure({ cases }) {
    const worst = new Worst();
    for (const at of cases)
      for (const state of at.adapters.map(stateOf)) {
        const { host, hostGradient } = at.definition;
        const w = weightsAt(at, state);
        worst.add(relativeError([hostGradient!(w)], [gradientByDifferences(host!, w)]), at.name);
      }
    return { ...worst.result, allowed: atMost(1e-9, 'truncation and rounding of five-point differences') };
  },
};

export const ownGradient: Check = {
  id: 'flow/own-gradient',
  claim: 'the gradient that the module exports is the one that automatic differentiation finds',
  source: 'the module of the loss',
  on: 'backend',
  scope: 'any-loss',
  async measure({ backend, cases }) {
    const all: Measurement[] = [];
    for (const at of cases) {
      const { n, m } = at.problem;
      const [moduleGradient, exact] = tf.tidy(() => {
        const w = weightsOnDevice(at, at.adapters.map(stateOf));
        return [at.definition.gradient!(w), autodiffGradient(at.definition.tensor, w)] as const;
      });
      const [actual, expected] = await Promise.all([moduleGradient.data(), exact.data()]);
      tf.dispose([moduleGradient, exact]);
      at.adapters.forEach((_, i) => {
        const [one, other] = [actual, expected].map((all) =>
          Float64Array.from(all.subarray(i * n * m, (i + 1) * n * m)),
        );
        const measured = relativeError([one!], [other!]);
        all.push({ measured, allowed: flowBudget(backend, at), where: at.name });
      });
    }
    return tightest(all);
  },
};
