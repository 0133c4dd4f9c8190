/**
 * The losses as they are defined, as plain functions of W: what hand-derived flows and closed forms are held against.
 */
import * as tf from '@tensorflow/tfjs';
import type { Tensor3D } from '@tensorflow/tfjs';
import { tensor2d } from '../../kernels/tensorOps/tensor2d.js';
import type { Dense } from '../numbers/dense.js';
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
  /** Its gradient [batch, n, m] as somebody derived it, to be verified. */
  readonly gradient?: (w: Tensor3D) => Tensor3D;
}

const sum = (t: tf.Tensor): tf.Tensor1D => tf.sum(t, [1, 2]);

/** f = 1/2 |W - M|_F^2, M [n, m]. */
export const frobeniusLoss = (target: Dense): LossDefinition => ({
  tensor: (w) => tf.mul(sum(tf.square(tf.sub(w, tensor2d(target)))), 0.5),
  host: (w) => w.reduce((total, value, i) => total + (value - target.data[i]!) ** 2, 0) / 2,
});

/** f = 1/2 (tr W)^2, W [n, n]. */
export const traceSquaredLoss = (n: number): LossDefinition => ({
  tensor: (w) => tf.mul(tf.square(sum(tf.mul(w, tf.eye(n)))), 0.5),
  host: (w) => {
    let trace = 0;
    for (let i = 0; i < n; i++) trace += w[i * n + i]!;
    return trace ** 2 / 2;
  },
});

/** f = 1/2 tr((W - M) H (W - M)^T), M [n, m], H [m, m]. */
export const linearRegressionLoss = (target: Dense, covariance: Dense): LossDefinition => ({
  tensor: (w) => {
    const residual = tf.sub(w, tensor2d(target));
    const [batch, n, m] = w.shape;
    const weighted = tf.matMul(residual.reshape([batch * n, m]), tensor2d(covariance));
    return tf.mul(sum(tf.mul(residual, weighted.reshape([batch, n, m]))), 0.5);
  },
  host: (w) => {
    const { rows: n, cols: m } = target;
    let total = 0;
    for (let i = 0; i < n; i++)
      for (let j = 0; j < m; j++) {
        let weighted = 0;
        for (let k = 0; k < m; k++)
          weighted += (w[i * m + k]! - target.data[i * m + k]!) * covariance.data[k * m + j]!;
        total += (w[i * m + j]! - target.data[i * m + j]!) * weighted;
      }
    return total / 2;
  },
});

/** The pseudo-Huber loss sum_ij (sqrt(1 + (W - M)_ij^2) - 1), M [n, m]: smooth, not quadratic, no closed form. */
export const pseudoHuberLoss = (target: Dense): LossDefinition => ({
  tensor: (w) => sum(tf.sub(tf.sqrt(tf.add(tf.square(tf.sub(w, tensor2d(target))), 1)), 1)),
  host: (w) => w.reduce((total, value, i) => total + Math.sqrt(1 + (value - target.data[i]!) ** 2) - 1, 0),
  hostGradient: (w) =>
    w.map((value, i) => (value - target.data[i]!) / Math.sqrt(1 + (value - target.data[i]!) ** 2)),
});
