/** Custom losses, tried out on the processor before anything runs. */
import * as tf from '@tensorflow/tfjs';
import type { Tensor1D, Tensor3D } from '@tensorflow/tfjs';
import { autodiffGradient } from '../../kernels/tensorOps/structures/autodiff.js';
import { tensor2d } from '../../kernels/tensorOps/tensor2d.js';
import { dense, type Dense } from '../numbers/dense.js';
import { onProcessor } from '../backend/processor.js';
import { InputError } from '../host/inputError.js';
import { custom } from '../problem/custom.js';
import type { Problem } from '../problem/problem.js';
import type { TensorLoss } from '../problem/structure.js';

/**
 * The problem of a loss as a function of W, at W0 = base [n, m]. It is tried at W0 on TensorFlow.js's cpu backend,
 * whatever device is in use.
 * @param name what results and errors call it
 * @throws InputError if the loss is not a function [batch, n, m] -> [batch] that is finite and differentiable at W0
 */
export function customProblem(name: string, base: Dense, lossOf: TensorLoss): Problem {
  const loss = guarded(name, lossOf);
  const { rows: n, cols: m } = base;
  const { values, gradients } = onProcessor(() => {
    const w = tensor2d(base).expandDims<Tensor3D>(0).tile<Tensor3D>([2, 1, 1]);
    const value: unknown = loss(w);
    const shape = value instanceof tf.Tensor ? `[${value.shape}]` : 'no tensor';
    if (shape !== '[2]') {
      throw new InputError(
        'loss',
        `${name}, which maps [2, ${n}, ${m}] to ${shape}`,
        'a function [batch, n, m] -> [batch]',
      );
    }
    const gradient = differentiated(name, loss, w);
    return { values: (value as Tensor1D).dataSync(), gradients: gradient.dataSync() };
  });
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
