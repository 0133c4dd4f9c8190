/**
 * The error of truncations weighted by the inputs of a layer, |(D - D_r) H^(1/2)|_F with H the second moment of its
 * inputs: the root mean square of what they change of its outputs on these.
 */
import { type Dense } from '../numbers/dense.js';
import { leadingEigenvalues } from '../numbers/leadingEigenvalues.js';
import { apply, applyTransposed, weightedSquares, type Operator } from '../numbers/operator.js';
import type { Triples } from '../numbers/triples.js';

/** Squares weighted by H, by rank r = 0, ..., k. */
export interface WeightedErrors {
  /** |(D - D_r) H^(1/2)|_F^2 of the truncation D_r, the first r triples of D; of rank 0 |D H^(1/2)|_F^2. */
  readonly truncated: Float64Array;
  /**
   * What the best matrix of rank r leaves of it, by the singular values of D H^(1/2): from above, and to about 1e-3 where
   * the iteration settled before its basis was full.
   */
  readonly least: Float64Array;
}

/** @param triples the leading ones of D [n, m], or near them, with an orthonormal left side */
export function weightedErrors(d: Operator, { left, sigma, right }: Triples, h: Operator): WeightedErrors {
  const squares = weightedSquares(d, null, h);
  const byInput = apply(h, right);
  const [across, own] = [columnProducts(left, apply(d, byInput)), columnProducts(right, byInput)];
  const truncated = leftBy(
    squares,
    sigma.map((s, i) => 2 * s * across[i]! - s * s * own[i]!),
  );
  // D H D^T has the squares of the singular values of D H^(1/2).
  const form = (z: Dense) => apply(d, apply(h, applyTransposed(d, z)));
  const eigenvalues = leadingEigenvalues(d.rows, sigma.length, squares, form);
  const least = leftBy(squares, eigenvalues).map((value, r) => Math.min(value, truncated[r]!));
  return { truncated, least };
}

/** What is left of squares after each of some gains; rounding below 0 is 0. */
function leftBy(squares: number, gains: Float64Array): Float64Array {
  const left = new Float64Array(gains.length + 1);
  let rest = squares;
  left[0] = rest;
  gains.forEach((gain, i) => {
    rest -= gain;
    left[i + 1] = Math.max(0, rest);
  });
  return left;
}

/** The inner products of the columns of A with those of B [cols]. */
function columnProducts(a: Dense, b: Dense): Float64Array {
  const out = new Float64Array(a.cols);
  a.data.forEach((value, at) => (out[at % a.cols]! += value * b.data[at]!));
  return out;
}

/** Relative error of all updates together at these ranks, of those whose inputs are known; null if none are. */
export function weightedError(
  all: readonly (WeightedErrors | null)[],
  ranks: readonly number[],
  of: keyof WeightedErrors,
): number | null {
  let [left, squares] = [0, 0];
  all.forEach((one, i) => {
    if (one === null) return;
    left += one[of][ranks[i]!]!;
    squares += one[of][0]!;
  });
  return squares > 0 ? Math.sqrt(left / squares) : null;
}
