/** Orthogonal changes of coordinates of W = W0 + s B A: adapters, losses and problems seen through them. */
import * as tf from '@tensorflow/tfjs';
import type { Tensor3D } from '@tensorflow/tfjs';
import { matMul } from '../../../kernels/tensorOps/matMul.js';
import { tensor2d } from '../../../kernels/tensorOps/tensor2d.js';
import type { State64 } from '../../../kernels/cpu/step.js';
import { dense, transposed, type Dense } from '../../numbers/dense.js';
import { multiply, multiplyTransposedLeft, multiplyTransposedRight } from '../../numbers/products.js';
import { customProblem } from '../../input/customLoss.js';
import { assembled, haarColumns } from '../../problem/frame.js';
import { frobenius, frobeniusDense } from '../../problem/frobenius.js';
import { linearRegression } from '../../problem/linearRegression.js';
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

/** Random orthogonal U [n, n], V [m, m] and R [r, r]; V = U where f is a function of tr W, which nothing else leaves. */
export function randomRotation(draws: Draws, { problem: { n, m, structure }, rank }: Case): Rotation {
  const haar = (size: number) => haarColumns(draws.gaussian(size, size, 1));
  const left = haar(n);
  return { left, right: structure.kind === 'trace' ? left : haar(m), inner: haar(rank) };
}

/** E = M - W0 [n, m] of a Frobenius problem in its spectral frame. */
export function errorOf({ structure, n, m, frame }: Problem): Dense {
  if (structure.kind !== 'diagonal') throw new Error(`no spectrum: ${structure.kind}`);
  if (frame) return assembled(frame, structure.sigma);
  const diagonal = dense(n, m);
  structure.sigma.forEach((s, i) => (diagonal.data[i * m + i] = s));
  return diagonal;
}

/** The problem of f(U^T . V), made anew from its matrices. */
export function rotatedProblem({ problem }: Case, rotation: Rotation): Problem | Promise<Problem> {
  const { structure } = problem;
  const { left, right } = rotation;
  const rotated = (w: Dense) => multiplyTransposedRight(multiply(left, w), right);
  switch (structure.kind) {
    case 'diagonal':
      return frobenius(rotated(errorOf(problem)));
    case 'quadratic': {
      const { error, covariance: h } = structure;
      if (!h) return frobeniusDense(rotated(error));
      return linearRegression(rotated(error), multiplyTransposedRight(multiply(right, h), right));
    }
    case 'trace':
      return problem;
    case 'autodiff':
      return customProblem(problem.loss, rotated(structure.base), rotatedLoss(structure.loss, rotation));
  }
}

/** (U B R, R^T A V^T). */
export function rotatedState(at: Case, { left, right, inner }: Rotation, state: State64): State64 {
  const { loraB, loraA } = adapterOf(at, state);
  return stateOf({
    loraB: multiply(multiply(left, loraB), inner),
    loraA: multiplyTransposedRight(multiplyTransposedLeft(inner, loraA), right),
  });
}
