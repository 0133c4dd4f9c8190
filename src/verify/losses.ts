/**
 * The losses as they are defined, as plain functions of W: what hand-derived flows and closed forms are held against.
 */
import * as tf from '@tensorflow/tfjs';
import type { Tensor3D } from '@tensorflow/tfjs';
import { tensor2d } from '../../kernels/tensorOps/tensor2d.js';
import type { Dense } from '../numbers/dense.js';
import type { BuiltInLoss } from '../problem/loss.js';
import type { TensorLoss } from '../problem/structure.js';

/** f(W) of W [n, m], row-major, in float64. */
export type HostLoss = (w: Float64Array) => number;

export interface LossDefinition {
  /** [batch, n, m] -> [batch], in float32 on a backend. */
  readonly tensor: TensorLoss;
  /** Null if only the tensor form is known. */
  readonly host: HostLoss | null;
  /** grad f(W) in float64, of a loss without a hand-derived flow; without it differences of `host` are taken. */
  readonly hostGradient?: (w: Float64Array) => Float64Array;
  /** Gradient [batch, n, m] of the loss as somebody derived it, to be verified. */
  readonly gradient?: (w: Tensor3D) => Tensor3D;
}

/** The definition of a built-in loss on its matrices. */
export const definitionOf = ({ formula }: BuiltInLoss, ...matrices: readonly Dense[]): LossDefinition => ({
  tensor: (w) => formula.tensor(w, ...matrices.map(tensor2d)),
  host: (w) => formula.host(w, ...matrices),
});

/** The pseudo-Huber loss sum_ij (sqrt(1 + (W - M)_ij^2) - 1), M [n, m]: smooth, not quadratic, no closed form. */
export const pseudoHuberLoss = (target: Dense): LossDefinition => ({
  tensor: (w) => tf.sum(tf.sub(tf.sqrt(tf.add(tf.square(tf.sub(w, tensor2d(target))), 1)), 1), [1, 2]),
  host: (w) => w.reduce((total, value, i) => total + Math.sqrt(1 + (value - target.data[i]!) ** 2) - 1, 0),
  hostGradient: (w) =>
    w.map((value, i) => (value - target.data[i]!) / Math.sqrt(1 + (value - target.data[i]!) ** 2)),
});
