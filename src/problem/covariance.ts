/** Covariances as they are taken: symmetric, positive definite, of the size of a side of W. */
import { InputError } from '../host/inputError.js';
import { dense, difference, frobeniusNorm, scaled, sum, transposed, type Dense } from '../numbers/dense.js';
import { cholesky } from '../numbers/symmetric.js';

/**
 * The symmetric part of H [m, m], of which rounding may have left it only to 1e-5.
 * @throws InputError if H has the wrong shape, is not symmetric or not positive definite
 */
export function checkedCovariance({ rows, cols, data }: Dense, m: number): Dense {
  if (rows !== m || cols !== m) {
    throw new InputError('covariance', `${rows} x ${cols}`, `${m} x ${m}, as wide as the target`);
  }
  const h = dense(rows, cols, data);
  const asymmetry = frobeniusNorm(difference(h, transposed(h))) / frobeniusNorm(h);
  // Rounding of a float32 file leaves at most a few 1e-7.
  if (!(asymmetry < 1e-5)) throw new InputError('covariance', `relative asymmetry ${asymmetry}`, 'symmetric');
  const symmetric = scaled(sum(h, transposed(h)), 0.5);
  if (!cholesky(symmetric)) {
    throw new InputError(
      'covariance',
      'a matrix with an eigenvalue that is not positive',
      'positive definite',
    );
  }
  return symmetric;
}
