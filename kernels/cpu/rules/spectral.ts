/** The flow of Muon (Jordan et al. 2024): all singular values of a descent made equal, by its decomposition. */
import { dense, scaledColumns } from '../../../src/numbers/dense.js';
import { multiplyTransposedRight } from '../../../src/numbers/products.js';
import { svd } from '../../../src/numbers/svd.js';
import type { Rule } from './rule.js';

/**
 * U f(S) V^T of a descent U S V^T: f(s) = s / sqrt(s^2 + width^2); without a width 1, and 0 of singular values that are
 * rounding beside the largest, at most rank eps of it.
 */
export const spectral: Rule = (_, descent, __, rank, width) => {
  if (!descent.every(Number.isFinite)) return new Float64Array(descent.length).fill(NaN);
  const { left, sigma, right } = svd(dense(descent.length / rank, rank, descent));
  const least = rank * Number.EPSILON * sigma[0]!;
  const unit = sigma.map((s) => (width > 0 ? s / Math.hypot(s, width) : s > least ? 1 : 0));
  return multiplyTransposedRight(scaledColumns(left, unit), right).data;
};
