/** Orthogonal changes of coordinates of W = W0 + s B A: adapters, losses and problems seen through them. */
import * as tf from '@tensorflow/tfjs';
import type { Tensor3D } from '@tensorflow/tfjs';
import { matMul } from '../../../kernels/tensorOps/matMul.js';
import { tensor2d } from '../../../kernels/tensorOps/tensor2d.js';
import type { State64 } from '../../../kernels/cpu/state.js';
import { transposed, type Dense } from '../../numbers/dense.js';
import { multiply, multiplyTransposedLeft, multiplyTransposedRight } from '../../numbers/products.js';
import { customProblem } from '../../input/customLoss.js';
import { haarColumns } from '../../problem/frame.js';
import { builtInLoss } from '../../problem/losses.js';
import type { Problem } from '../../problem/problem.js';
import type { TensorLoss } from '../../problem/structure.js';
import type { Case, Draws } from '../cases.js';
import { adapterOf, stateOf } from './fields.js';

export interface Rotation {
  /** U [n, n] */
  readonly left: Dense;
  /** V [m, m] */
  readonly right: Dense;
  /** R [r, r] */
  readonly inner: Dense;
}

/** f(U^T . V) of f: [batch, n, m] -> [batch]. */
function rotatedLoss(loss: TensorLoss, { left, right }: Rotation): TensorLoss {
  const [uT, v] = [transposed(left), right];
  return (w) => {
    const [batch, n, m] = w.shape;
    const wV = tf.matMul(w.reshape([batch * n, m]), tensor2d(v)).reshape<Tensor3D>([batch, n, m]);
    return loss(matMul(tensor2d(uT), wV));
  };
}

/**
 * Random orthogonal U [n, n], V [m, m] and R [r, r]; V = U where f is a function of tr W, which nothing else leaves.
 */
export function randomRotation(draws: Draws, { problem: { n, m, loss }, rank }: Case): Rotation {
  const haar = (size: number) => haarColumns(draws.gaussian(size, size, 1));
  const left = haar(n);
  return { left, right: builtInLoss(loss.name)?.dependsOn === 'trace' ? left : haar(m), inner: haar(rank) };
}

/** The problem of f(U^T . V), made anew from its matrices. */
export function rotatedProblem({ problem }: Case, rotation: Rotation): Problem | Promise<Problem> {
  const { loss, structure } = problem;
  const builtIn = builtInLoss(loss.name);
  if (builtIn) return builtIn.rotated(problem, rotation);
  if (structure.kind !== 'autodiff') throw new Error(`${loss.name} is neither built in nor differentiated`);
  const base = multiplyTransposedRight(multiply(rotation.left, structure.base), rotation.right);
  return customProblem(loss.name, base, rotatedLoss(structure.loss, rotation));
}

/** (U B R, R^T A V^T). */
export function rotatedState(at: Case, { left, right, inner }: Rotation, state: State64): State64 {
  const { loraB, loraA } = adapterOf(at, state);
  return stateOf({
    loraB: multiply(multiply(left, loraB), inner),
    loraA: multiplyTransposedRight(multiplyTransposedLeft(inner, loraA), right),
  });
}
