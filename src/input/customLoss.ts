/** Custom losses: from a module or a function, tried out before anything runs. */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import type { Tensor1D, Tensor3D } from '@tensorflow/tfjs';
import { createJiti } from 'jiti';
import { autodiffGradient, tensor2d } from '../../kernels/tensorOps/loraSystem.js';
import { dense, type Dense } from '../dense.js';
import { InputError } from '../inputError.js';
import { custom } from '../problem/custom.js';
import { lossNames, type Problem, type TensorLoss } from '../problem/problem.js';

/** What a module says of its loss. */
export interface LossModule {
  /** The default export, (w [batch, n, m], tf) -> [batch]. */
  readonly tensor: TensorLoss;
  /** The export `gradient`, (w [batch, n, m], tf) -> [batch, n, m]: derived by hand, for verification alone. */
  readonly gradient: ((w: Tensor3D) => Tensor3D) | null;
  /** The export `float64`, the loss of one W [n, m], row-major, on the host: for verification alone. */
  readonly float64: ((w: Float64Array, n: number, m: number) => number) | null;
  /** The export `float64Gradient`, the gradient of the same, row-major. */
  readonly float64Gradient: ((w: Float64Array, n: number, m: number) => Float64Array) | null;
}

/**
 * Reads a TypeScript or JavaScript module that exports a loss.
 * @throws InputError if there is no such file, it does not load, or what it exports is no function
 */
export async function readLossModule(file: string): Promise<LossModule> {
  if (!existsSync(file)) throw new InputError('loss', file, 'a .ts or .js file');
  const load = createJiti(import.meta.url).import<Readonly<Record<string, unknown>>>(resolve(file));
  const loaded = await load.catch((error: unknown) => {
    throw new InputError('loss', file, `a module that loads (${error})`);
  });
  const exported = <F>(name: string): F | undefined => {
    const f = loaded[name];
    if (f === undefined || typeof f === 'function') return f as F | undefined;
    throw new InputError('loss', file, `a module whose ${name} export is a function`);
  };
  const tensor = exported<(w: Tensor3D, library: typeof tf) => Tensor1D>('default');
  if (!tensor) throw new InputError('loss', file, 'a module whose default export is a function');
  const gradient = exported<(w: Tensor3D, library: typeof tf) => Tensor3D>('gradient');
  const float64 = exported<NonNullable<LossModule['float64']>>('float64');
  const float64Gradient = exported<NonNullable<LossModule['float64Gradient']>>('float64Gradient');
  if (float64Gradient && !float64)
    throw new InputError('loss', file, 'a module that exports float64 beside float64Gradient');
  return {
    tensor: (w) => tensor(w, tf),
    gradient: gradient ? (w) => gradient(w, tf) : null,
    float64: float64 ?? null,
    float64Gradient: float64Gradient ?? null,
  };
}

/**
 * The loss that a module exports by default.
 * @throws InputError as readLossModule
 */
export async function readLoss(file: string): Promise<TensorLoss> {
  if (!existsSync(file))
    throw new InputError('loss', file, `one of ${lossNames.join(', ')}, or a .ts or .js file`);
  return (await readLossModule(file)).tensor;
}

/**
 * The problem of a loss given as a function of W, at W0 = base [n, m]. Its gradient at W0 is computed on the backend
 * in use.
 * @param name what results and errors call it
 * @throws InputError if the loss is not a function [batch, n, m] -> [batch] that is finite and differentiable at W0
 */
export async function customProblem(name: string, base: Dense, given: TensorLoss): Promise<Problem> {
  const loss = guarded(name, given);
  const { rows: n, cols: m } = base;
  const [value, gradient] = tf.tidy(() => {
    const w = tensor2d(base).expandDims<Tensor3D>(0).tile<Tensor3D>([2, 1, 1]);
    const found: unknown = loss(w);
    const shape = found instanceof tf.Tensor ? `[${found.shape}]` : 'no tensor';
    if (shape !== '[2]') {
      throw new InputError(
        'loss',
        `${name}, which maps [2, ${n}, ${m}] to ${shape}`,
        'a function [batch, n, m] -> [batch]',
      );
    }
    return [found as Tensor1D, differentiated(name, loss, w)] as const;
  });
  const values = await value.data();
  const gradients = await gradient.data();
  tf.dispose([value, gradient]);
  if (![...values, ...gradients].every(Number.isFinite))
    throw new InputError('loss', name, 'finite at W0, with a finite gradient');
  return custom(name, base, loss, dense(n, m, Float64Array.from(gradients.subarray(0, n * m))));
}

function differentiated(name: string, loss: TensorLoss, w: Tensor3D): Tensor3D {
  try {
    return autodiffGradient(loss, w);
  } catch (error) {
    if (error instanceof InputError) throw error;
    throw new InputError('loss', name, `made of differentiable operations (${error})`);
  }
}

/**
 * The loss, with its exceptions named after it. A batch of one is evaluated twice over: TensorFlow.js may multiply
 * it by another routine than a larger batch, and a trajectory must not depend on what shares its batch.
 */
const guarded =
  (name: string, loss: TensorLoss): TensorLoss =>
  (w) => {
    try {
      return w.shape[0] === 1 ? loss(tf.concat([w, w])).slice<Tensor1D>(0, 1) : loss(w);
    } catch (error) {
      throw new InputError('loss', name, `a function that does not throw (${error})`);
    }
  };
