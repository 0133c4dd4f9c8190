/**
 * A quadratic with curvature on both sides, f(W) = 1/2 tr((W - M)^T S (W - M) H) with E = M - W0 [n, m], S [n, n] and
 * H [m, m]: the optimum of every rank and full fine-tuning's path. LoRA's path has no closed form here; S = I is
 * linearRegression.ts.
 */
import { dense, leadingColumns, type Dense } from '../numbers/dense.js';
import { multiply, multiplyTransposedLeft, multiplyTransposedRight } from '../numbers/products.js';
import { svd } from '../numbers/svd.js';
import { symmetricEigen } from '../numbers/symmetric.js';
import { eckartYoungMirsky } from './frobenius.js';

export interface KroneckerInput {
  /** E = M - W0 [n, m]. */
  readonly e: Dense;
  /** S [n, n], symmetric and positive definite. */
  readonly s: Dense;
  /** H [m, m], symmetric and positive definite. */
  readonly h: Dense;
}

export interface KroneckerOptimum {
  /** 1/2 sum_{i > rank} sigma_i^2. */
  readonly loss: number;
  /** sqrt(loss / loss at W0); 0 when the loss at W0 is 0. */
  readonly relativeError: number;
  /** The update W - W0 of that rank that attains it [n, m]; the only one when sigma_rank > sigma_{rank+1}. */
  readonly update: Dense;
}

/** What is known in the eigenbases U of S and V of H. */
export interface KroneckerForms {
  /** Singular values of S^{1/2} E H^{1/2}, largest first [min(n, m)]. */
  readonly sigma: Float64Array;
  /**
   * The optimum of a rank, by Eckart-Young-Mirsky after whitening both sides: f = 1/2 |S^{1/2} (E - dW) H^{1/2}|_F^2,
   * so dW = S^{-1/2} P S^{1/2} E, P the projection on the leading left singular vectors.
   */
  optimum(rank: number): KroneckerOptimum;
  /** W(t) - W0 of full fine-tuning, dW/dt = -S (W - M) H: entry ij of U^T (M - W) V decays as e^{-s_i h_j t}. */
  fullUpdate(t: number): Dense;
  /** Loss of full fine-tuning at time t, 1/2 sum_ij s_i h_j (U^T E V)_ij^2 e^{-2 s_i h_j t}. */
  fullLoss(t: number): number;
  /** Smallest s_i h_j: the exponential rate per unit of time of the slowest part of W. */
  readonly fullRate: number;
  /** Smallest eigenvalue of S and H together. */
  readonly leastCurvature: number;
}

/** @throws Error when shapes disagree or S or H is not positive definite */
export function kroneckerForms({ e, s, h }: KroneckerInput): KroneckerForms {
  const [n, m] = [e.rows, e.cols];
  const [output, input] = [modesOf(s, n, 'S'), modesOf(h, m, 'H')];
  const rotated = multiply(multiplyTransposedLeft(output.vectors, e), input.vectors);
  /** Entry by entry in the eigenbases. */
  const inModes = (of: (value: number, si: number, hj: number) => number) =>
    dense(
      n,
      m,
      rotated.data.map((value, at) => of(value, output.values[Math.floor(at / m)]!, input.values[at % m]!)),
    );
  const outOfModes = (a: Dense) => multiplyTransposedRight(multiply(output.vectors, a), input.vectors);
  const whitened = svd(inModes((value, si, hj) => value * Math.sqrt(si * hj)));
  return {
    sigma: whitened.sigma,
    optimum(rank) {
      const best = eckartYoungMirsky(whitened.sigma, rank);
      const kept = Math.min(rank, whitened.sigma.length);
      if (kept === 0) return { ...best, update: dense(n, m) };
      const u = leadingColumns(whitened.left, kept);
      const weighted = multiply(
        u,
        multiplyTransposedLeft(
          u,
          inModes((value, si) => value * Math.sqrt(si)),
        ),
      );
      const unweighted = weighted.data.map(
        (value, at) => value / Math.sqrt(output.values[Math.floor(at / m)]!),
      );
      return { ...best, update: outOfModes(dense(n, m, unweighted)) };
    },
    fullUpdate: (t) => outOfModes(inModes((value, si, hj) => -Math.expm1(-si * hj * t) * value)),
    fullLoss: (t) =>
      inModes((value, si, hj) => (si * hj * value ** 2 * Math.exp(-2 * si * hj * t)) / 2).data.reduce(
        (sum, part) => sum + part,
        0,
      ),
    fullRate: output.least * input.least,
    leastCurvature: Math.min(output.least, input.least),
  };
}

function modesOf(a: Dense, size: number, name: string) {
  if (a.rows !== size || a.cols !== size)
    throw new Error(`${name} [${a.rows}, ${a.cols}] does not fit E: [${size}, ${size}]`);
  const { values, vectors } = symmetricEigen(a);
  const least = Math.min(...values);
  if (!(least > 0)) throw new Error(`${name} is not positive definite: eigenvalue ${least}`);
  return { values, vectors, least };
}
