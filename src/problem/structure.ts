/**
 * Structures: what a kernel needs to compute the gradient G of a loss at W = W0 + X Y^T. Every side (tensor operations,
 * the float64 twin, fused kernels) has a registry of the kinds that it can compute.
 */
import type { Tensor1D, Tensor3D } from '@tensorflow/tfjs';
import type { Dense } from '../numbers/dense.js';
import type { Operator } from '../numbers/operator.js';

/**
 * A custom loss as a TensorFlow.js function of the weights: [batch, n, m] -> [batch], each trajectory by itself.
 * It must be made of differentiable operations.
 */
export type TensorLoss = (w: Tensor3D) => Tensor1D;

/** f = 1/2 |X Y^T - diag(sigma)|^2, sigma [min(n, m)]: the Frobenius loss in its spectral frame. */
export interface DiagonalStructure {
  readonly kind: 'diagonal';
  readonly sigma: Float64Array;
}

/** f = 1/2 tr((X Y^T - E) H (X Y^T - E)^T), E [n, m], H [m, m] (the identity if null). */
export interface QuadraticStructure {
  readonly kind: 'quadratic';
  readonly error: Dense;
  readonly covariance: Dense | null;
}

/**
 * f = 1/2N sum |R_k - X Y^T x_k|^2 over N samples, rows of `inputs` x [N, m] and of `residuals` R = y - W0 x [N, n].
 * `weighted` is the mean of R_k x_k^T [n, m], `covariance` that of x_k x_k^T [m, m], `constant` f(W0).
 */
export interface SamplesStructure {
  readonly kind: 'samples';
  readonly inputs: Dense;
  readonly residuals: Dense;
  readonly weighted: Dense;
  readonly covariance: Dense;
  readonly constant: number;
}

/** f = 1/2 tr((X Y^T - E)^T S (X Y^T - E) H), E [n, m], S [n, n], H [m, m]. */
export interface KroneckerStructure {
  readonly kind: 'kronecker';
  readonly error: Dense;
  readonly outputCovariance: Dense;
  readonly covariance: Dense;
}

/**
 * f = constant - <P, X Y^T> + 1/2 tr((X Y^T)^T S X Y^T H): a quadratic by its descent P = -grad f(W0) [n, m] and its
 * curvature, S [n, n] (the identity if null) and H [m, m], neither of which need be positive definite.
 */
export interface ExpansionStructure {
  readonly kind: 'expansion';
  readonly constant: number;
  readonly descent: Operator;
  readonly outputCovariance: Operator | null;
  readonly covariance: Operator;
}

/** f = 1/2 (trace0 + tr(X Y^T))^2, n = m. */
export interface TraceStructure {
  readonly kind: 'trace';
  readonly trace0: number;
}

/** f = loss(base + X Y^T), its gradient by automatic differentiation; base [n, m]. */
export interface AutodiffStructure {
  readonly kind: 'autodiff';
  readonly base: Dense;
  readonly loss: TensorLoss;
}

/** A structure whose loss the host can evaluate, in float64. */
export type HostStructure =
  | DiagonalStructure
  | QuadraticStructure
  | SamplesStructure
  | KroneckerStructure
  | ExpansionStructure
  | TraceStructure;

export type Structure = HostStructure | AutodiffStructure;

/** Whether products with a matrix of the structure, which trajectories share, are most of its work. */
export const sharesMatrix = ({ kind }: Structure): boolean => kind === 'quadratic';

/** The structure of one kind. */
export type StructureOf<Kind extends Structure['kind']> = Extract<Structure, { kind: Kind }>;
