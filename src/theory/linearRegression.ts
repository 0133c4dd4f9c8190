/**
 * Linear regression, f(W) = 1/2 tr((W - M) H (W - M)^T) with E = M - W0 [n, m] and input covariance H [m, m]: the
 * optimum of every rank and full fine-tuning's path. LoRA's path has no closed form here; H = I is frobenius.ts.
 */
import {
  dense,
  leadingColumns,
  scaled,
  scaledColumns,
  sum,
  transposed,
  type Dense,
} from '../numbers/dense.js';
import { memoized } from '../numbers/memoized.js';
import { multiply, multiplyTransposedLeft, multiplyTransposedRight } from '../numbers/products.js';
import { singularValues, svd } from '../numbers/svd.js';
import { symmetricEigen } from '../numbers/symmetric.js';
import { eckartYoungMirsky } from './frobenius.js';

export interface RegressionInput {
  /** E = M - W0 [n, m]. */
  readonly e: Dense;
  /** H [m, m], symmetric and positive semidefinite. */
  readonly h: Dense;
}

export interface RegressionOptimum {
  /** 1/2 sum_{i > rank} sigma_i^2. */
  readonly loss: number;
  /** sqrt(loss / loss at W0); 0 when the loss at W0 is 0. */
  readonly relativeError: number;
  /** An update W - W0 of that rank that attains it [n, m]; the only one when H > 0 and sigma_rank > sigma_{rank+1}. */
  readonly update: Dense;
}

/**
 * The optima over rank: singular values sigma of E H^{1/2}, largest first [min(n, m)], and the optimum of a given rank.
 * Derived from f = 1/2 |(E - dW) H^{1/2}|_F^2 by Eckart-Young-Mirsky: dW H^{1/2} is the truncated SVD of E H^{1/2}, so
 * dW = U_r U_r^T E. H^{1/2} is taken as V diag(h)^{1/2} of H = V diag(h) V^T, which has the same sigma and U.
 *
 * @throws Error when shapes disagree or H is not positive semidefinite
 */
export function regressionOptima(input: RegressionInput): {
  sigma: Float64Array;
  optimum(rank: number): RegressionOptimum;
} {
  const { h, rotated } = inputModes(input);
  const { e } = input;
  const weighted = scaledColumns(rotated, h.map(Math.sqrt));
  const sigma = singularValues(weighted);
  let left: Dense | null = null;
  return {
    sigma,
    optimum: (rank) => {
      const best = eckartYoungMirsky(sigma, rank);
      const kept = Math.min(rank, sigma.length);
      if (kept === 0) return { ...best, update: dense(e.rows, e.cols) };
      const u = leadingColumns((left ??= svd(weighted).left), kept);
      return { ...best, update: multiply(u, multiplyTransposedLeft(u, e)) };
    },
  };
}

/** Everything takes a time t in [0, Infinity]. */
export interface RegressionFullPath {
  /** W(t) - W0 = E (I - e^{-Ht}) [n, m]. */
  update(t: number): Dense;
  /** 1/2 tr(E H e^{-2Ht} E^T). */
  loss(t: number): number;
  /** Smallest eigenvalue of H: the exponential rate per unit of time of the slowest part of W. */
  readonly rate: number;
}

/**
 * The path of full fine-tuning, dW/dt = -(W - M) H, solved in the eigenbasis of H.
 *
 * @throws Error when shapes disagree or H is not positive semidefinite
 */
export function regressionFullPath(input: RegressionInput): RegressionFullPath {
  const { h, basis, rotated } = inputModes(input);
  const weights = new Float64Array(h.length);
  rotated.data.forEach((v, at) => (weights[at % h.length]! += v * v));
  const gained = (t: number) => h.map((rate) => (rate === 0 ? 0 : -Math.expm1(-rate * t)));
  return {
    update: (t) => multiplyTransposedRight(scaledColumns(rotated, gained(t)), basis),
    loss: (t) =>
      h.reduce(
        (sum, rate, j) => (rate === 0 ? sum : sum + (rate * Math.exp(-2 * rate * t) * weights[j]!) / 2),
        0,
      ),
    rate: Math.min(...h),
  };
}

/** H = V diag(h) V^T: h [m] clipped at 0, V = basis [m, m], and E V = rotated [n, m]. */
interface InputModes {
  readonly h: Float64Array;
  readonly basis: Dense;
  readonly rotated: Dense;
}

/** The modes of an input, computed once for its optima and its full path. */
const inputModes = memoized(({ e, h }: RegressionInput): InputModes => {
  if (h.rows !== e.cols || h.cols !== e.cols) {
    throw new Error(`covariance [${h.rows}, ${h.cols}] does not fit E [${e.rows}, ${e.cols}]`);
  }
  const { values, vectors } = symmetricEigen(scaled(sum(h, transposed(h)), 0.5));
  const [least, largest] = [Math.min(...values), Math.max(...values)];
  if (!(least >= -1e-10 * largest))
    throw new Error(`covariance is not positive semidefinite: eigenvalue ${least}`);
  return {
    h: values.map((v) => Math.max(v, 0)),
    basis: vectors,
    rotated: multiply(e, vectors),
  };
});
