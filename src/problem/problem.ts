/**
 * A problem: a loss f of W = W0 + s B A, its frozen W0, and what is known of it in closed form. Problems are plain
 * data in float64; how their flows are computed is told by `structure`, which the kernels read.
 */
import type { Tensor1D, Tensor3D } from '@tensorflow/tfjs';
import type { Dense } from '../numbers/dense.js';
import type { Frame } from './frame.js';

export const lossNames = ['frobenius', 'trace-squared', 'linear-regression'] as const;

/** A built-in loss, or the file name of a custom one. */
export type LossName = (typeof lossNames)[number] | (string & {});

/**
 * A custom loss as a TensorFlow.js function of the weights: [batch, n, m] -> [batch], each trajectory by itself.
 * It must be made of differentiable operations.
 */
export type TensorLoss = (w: Tensor3D) => Tensor1D;

/** What a kernel needs to compute the gradient G of the loss at W = W0 + X Y^T. */
export type Structure =
  /** f = 1/2 |X Y^T - diag(sigma)|^2, sigma [min(n, m)]: the Frobenius loss in its spectral frame. */
  | { readonly kind: 'diagonal'; readonly sigma: Float64Array }
  /** f = 1/2 tr((X Y^T - E) H (X Y^T - E)^T), E [n, m], H [m, m] (the identity if null). */
  | { readonly kind: 'quadratic'; readonly error: Dense; readonly covariance: Dense | null }
  /** f = 1/2 (trace0 + tr(X Y^T))^2, n = m. */
  | { readonly kind: 'trace'; readonly trace0: number }
  /** f = loss(base + X Y^T), its gradient by automatic differentiation; base [n, m]. */
  | { readonly kind: 'autodiff'; readonly base: Dense; readonly loss: TensorLoss };

/** A built-in structure: all but autodiff, whose loss only a device can evaluate. */
export type HostStructure = Exclude<Structure, { kind: 'autodiff' }>;

export interface Problem {
  readonly loss: LossName;
  /** Rows of W (out features) and columns of W (in features). */
  readonly n: number;
  readonly m: number;
  readonly structure: Structure;
  /** The rotation from the coordinates of `structure` back to those of W, or null if they are the same. */
  readonly frame: Frame | null;
  /** f(W0), or null if only a device can evaluate it. */
  readonly initialLoss: number | null;
  /** The smallest loss that an adapter of this rank can reach, or null if unknown. */
  optimum(rank: number): number | null;
  /** Loss of full fine-tuning (dW/dt = -grad f) at time t, or null if there is no closed form. */
  fullFineTuningLoss(t: number): number | null;
  /** Exponential rate of the slowest part of W under full fine-tuning, per unit of time; null if unknown. */
  readonly fullFineTuningRate: number | null;
  /**
   * Unit vectors v_1, ..., v_r, [rank, m]: the leading right singular vectors of grad f(W0), in the coordinates of
   * `structure`.
   */
  spectralDirections(rank: number): Dense;
  /** Spectral norm of grad f(W0): the largest rate at which a small adapter grows (s = kA = kB = 1). */
  readonly rate: number;
  /** grad f(W0 + update) and the loss there, update [n, m] in the coordinates of `structure`; null for autodiff. */
  valueAndGradient(update: Dense): { readonly value: number; readonly gradient: Dense } | null;
}
