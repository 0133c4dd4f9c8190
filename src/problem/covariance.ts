/** Covariances as they are taken: symmetric, positive definite, of the size of a side of W. */
import { InputError } from '../host/inputError.js';
import { dense, difference, frobeniusNorm, scaled, sum, transposed, type Dense } from '../numbers/dense.js';
import { cholesky } from '../numbers/symmetric.js';

/** The side of W that a covariance is of, as messages name it. */
export interface CovarianceSide {
  /** The key of a config. */
  readonly field: string;
  /** Size of the covariance in words: what of the target it equals. */
  readonly like: string;
}

export const inputSide: CovarianceSide = { field: 'covariance', like: 'as wide as the target' };

/**
 * The symmetric part of a covariance [size, size], of which rounding may have left it only to 1e-5.
 * @throws InputError if it has the wrong shape or is not symmetric
 */
export function symmetricPart(
  { rows, cols, data }: Dense,
  size: number,
  { field, like }: CovarianceSide,
): Dense {
  if (rows !== size || cols !== size)
    throw new InputError(field, `${rows} x ${cols}`, `${size} x ${size}, ${like}`);
  const h = dense(rows, cols, data);
  const asymmetry = frobeniusNorm(difference(h, transposed(h))) / frobeniusNorm(h);
  // Rounding of a float32 file leaves at most a few 1e-7.
  if (!(asymmetry < 1e-5)) throw new InputError(field, `relative asymmetry ${asymmetry}`, 'symmetric');
  return scaled(sum(h, transposed(h)), 0.5);
}

/**
 * The symmetric part of a positive definite covariance [size, size].
 * @throws InputError if it has the wrong shape, is not symmetric or not positive definite
 */
export function checkedCovariance(covariance: Dense, size: number, side: CovarianceSide): Dense {
  const symmetric = symmetricPart(covariance, size, side);
  if (!cholesky(symmetric))
    throw new InputError(side.field, 'a matrix with an eigenvalue that is not positive', 'positive definite');
  return symmetric;
}
