/**
 * Linear regression, f(W) = 1/2 tr((W - M) H (W - M)^T) with E = M - W0 [n, m] and input covariance H [m, m]: the
 * optimum of every rank and full fine-tuning's path. LoRA's path has no closed form here; H = I is frobenius.ts.
 */
import { EigenvalueDecomposition, Matrix, SingularValueDecomposition } from 'ml-matrix';
import { fromMatrix, toMatrix, type Dense } from '../numbers/dense.js';
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
  const e = toMatrix(input.e);
  const roots = Array.from(h, Math.sqrt);
  const svd = new SingularValueDecomposition(rotated.clone().mulRowVector(roots), { autoTranspose: true });
  const sigma = Float64Array.from(svd.diagonal.slice(0, Math.min(e.rows, e.columns)));
  return {
    sigma,
    optimum: (rank) => {
      const best = eckartYoungMirsky(sigma, rank);
      const kept = Math.min(rank, sigma.length);
      if (kept === 0) return { ...best, update: fromMatrix(Matrix.zeros(e.rows, e.columns)) };
      const u = svd.leftSingularVectors.subMatrix(0, e.rows - 1, 0, kept - 1);
      return { ...best, update: fromMatrix(u.mmul(u.transpose().mmul(e))) };
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
  const weights = Array.from(h, (_, j) => rotated.getColumn(j).reduce((sum, v) => sum + v * v, 0));
  const gained = (t: number) => Array.from(h, (rate) => (rate === 0 ? 0 : -Math.expm1(-rate * t)));
  return {
    update: (t) => fromMatrix(rotated.clone().mulRowVector(gained(t)).mmul(basis.transpose())),
    loss: (t) =>
      h.reduce(
        (sum, rate, j) => (rate === 0 ? sum : sum + (rate * Math.exp(-2 * rate * t) * weights[j]!) / 2),
        0,
      ),
    rate: Math.min(...h),
  };
}

/** H = V diag(h) V^T: h [m] clipped at 0, V = basis [m, m], and E V = rotated [n, m]. */
function inputModes({ e, h }: RegressionInput): { h: Float64Array; basis: Matrix; rotated: Matrix } {
  if (h.rows !== e.cols || h.cols !== e.cols) {
    throw new Error(`covariance [${h.rows}, ${h.cols}] does not fit E [${e.rows}, ${e.cols}]`);
  }
  const covariance = toMatrix(h);
  const evd = new EigenvalueDecomposition(Matrix.add(covariance, covariance.transpose()).mul(0.5), {
    assumeSymmetric: true,
  });
  const values = evd.realEigenvalues;
  const [least, largest] = [Math.min(...values), Math.max(...values)];
  if (!(least >= -1e-10 * largest))
    throw new Error(`covariance is not positive semidefinite: eigenvalue ${least}`);
  return {
    h: Float64Array.from(values, (v) => Math.max(v, 0)),
    basis: evd.eigenvectorMatrix,
    rotated: toMatrix(e).mmul(evd.eigenvectorMatrix),
  };
}
