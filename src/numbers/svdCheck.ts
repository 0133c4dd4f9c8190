/** Checks that a singular value decomposition passes before it is used. */
import { difference, frobeniusNorm, identity, leadingColumns, scaledColumns, type Dense } from './dense.js';
import { multiplyTransposedLeft, multiplyTransposedRight } from './products.js';
import { SvdError } from './svdError.js';

/** Largest defect that is let pass, relative and in the Frobenius norm; of bases for each vector. */
export const DEFECT = 1e-13;

/**
 * Defects of A = U diag(sigma) V^T: |A - U diag(sigma) V^T| / |A| (0 of a zero A), and the larger of
 * |U^T U - I| / sqrt(columns of U) and that of V, in the Frobenius norm.
 */
export function svdDefects(
  a: Dense,
  { left, sigma, right }: { readonly left: Dense; readonly sigma: Float64Array; readonly right: Dense },
): { residual: number; orthogonality: number } {
  const p = sigma.length;
  const weighted = scaledColumns(leadingColumns(left, p), sigma);
  const rest = frobeniusNorm(difference(a, multiplyTransposedRight(weighted, leadingColumns(right, p))));
  const [u, v] = [left, right].map((basis) => {
    const gram = multiplyTransposedLeft(basis, basis);
    return frobeniusNorm(difference(gram, identity(basis.cols))) / Math.sqrt(basis.cols);
  }) as [number, number];
  // A NaN must not pass for the smaller one.
  return { residual: rest === 0 ? 0 : rest / frobeniusNorm(a), orthogonality: u >= v ? u : v };
}

/** @throws SvdError if A is not U diag(sigma) V^T with orthonormal columns to 1e-13 */
export function checkSvd(
  a: Dense,
  factors: { readonly left: Dense; readonly sigma: Float64Array; readonly right: Dense },
): void {
  const { residual, orthogonality } = svdDefects(a, factors);
  if (!(residual <= DEFECT))
    throw new SvdError(`the factors of [${a.rows}, ${a.cols}] are off by ${residual}`);
  if (!(orthogonality <= DEFECT))
    throw new SvdError(`the vectors of [${a.rows}, ${a.cols}] are orthonormal to ${orthogonality}`);
}

/**
 * Checks singular values without their vectors, by the sums of their squares and of their fourth powers.
 * @throws SvdError if these are not |A|^2 and |A^T A|^2, in the Frobenius norm, to 1e-13 of their roots
 */
export function checkValues(a: Dense, sigma: Float64Array): void {
  const gram = a.rows < a.cols ? multiplyTransposedRight(a, a) : multiplyTransposedLeft(a, a);
  for (const [power, expected] of [
    [2, frobeniusNorm(a)],
    [4, frobeniusNorm(gram)],
  ] as const) {
    const actual = Math.sqrt(sigma.reduce((total, s) => total + s ** power, 0));
    if (!(Math.abs(actual - expected) <= DEFECT * expected))
      throw new SvdError(
        `the singular values of [${a.rows}, ${a.cols}], to the power ${power}, add up to ${actual ** 2}, not ${expected ** 2}`,
      );
  }
}
