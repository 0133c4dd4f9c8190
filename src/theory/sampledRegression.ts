/**
 * Linear regression on samples, f(W) = 1/2N sum |R_k - D x_k|^2 of D = W - W0: the optimum of every rank and full
 * fine-tuning's path, for any number of samples. With X = Q T, Q [N, p] orthonormal, f = 1/2N (|R - Q Q^T R|^2 +
 * |Q^T R - T D^T|^2), so that the optima are those of the singular values of Q^T R / sqrt(N) (Eckart-Young-Mirsky), and
 * nothing is inverted.
 */
import { scaled, scaledColumns, type Dense } from '../numbers/dense.js';
import { dot } from '../numbers/gram.js';
import { multiply, multiplyTransposedLeft, multiplyTransposedRight } from '../numbers/products.js';
import { qr } from '../numbers/qr.js';
import { singularValues } from '../numbers/svd.js';
import { symmetricEigen } from '../numbers/symmetric.js';

/** The smallest loss of a rank, for inputs X [N, m] and residuals R [N, n]. */
export function sampledOptima(inputs: Dense, residuals: Dense): (rank: number) => number {
  const { q } = qr(inputs);
  const explained = scaled(multiplyTransposedLeft(q, residuals), 1 / Math.sqrt(inputs.rows));
  const rest = multiply(q, explained);
  const left = residuals.data.reduce(
    (sum, value, i) => sum + (value / Math.sqrt(inputs.rows) - rest.data[i]!) ** 2,
    0,
  );
  const sigma = singularValues(explained);
  return (rank) => {
    let tail = left;
    for (let i = sigma.length - 1; i >= rank; i--) tail += sigma[i]! ** 2;
    return tail / 2;
  };
}

/** The path of full fine-tuning; everything takes a time t in [0, Infinity]. */
export interface SampledFullPath {
  /** W(t) - W0 [n, m]. */
  update(t: number): Dense;
  loss(t: number): number;
  /** Smallest eigenvalue of the inputs' second moment that is not 0, which the slowest part of W moves by. */
  readonly rate: number;
}

/** Eigenvalues below this share of the largest are 0: there are fewer samples than dimensions. */
const ZERO = 1e-12;

/** dW/dt = P - (W - W0) H from W0, solved in the eigenbasis of H [m, m]; P [n, m], f(W0) = constant. */
export function sampledFullPath(weighted: Dense, covariance: Dense, constant: number): SampledFullPath {
  const { values, vectors } = symmetricEigen(covariance);
  const rotated = multiply(weighted, vectors);
  const least = ZERO * values[0]!;
  const squares = new Float64Array(values.length);
  rotated.data.forEach((value, at) => (squares[at % values.length]! += value * value));
  const positive = values.filter((h) => h > least);
  return {
    update(t) {
      const learnt = values.map((h) => (h > least ? -Math.expm1(-h * t) / h : 0));
      return multiplyTransposedRight(scaledColumns(rotated, learnt), vectors);
    },
    loss(t) {
      const gained = values.map((h) => (h > least ? -Math.expm1(-2 * h * t) / (2 * h) : 0));
      return constant - dot(squares, gained);
    },
    rate: positive.at(-1) ?? 0,
  };
}
