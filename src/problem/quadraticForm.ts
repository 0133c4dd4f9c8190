/** Value and gradient of f = 1/2 tr((dW - E) H (dW - E)^T) at an update dW, dense and in float64. */
import { difference, inner, type Dense } from '../numbers/dense.js';
import { multiply } from '../numbers/products.js';

/** E and dW [n, m], H [m, m] (null: the identity); the gradient (dW - E) H is [n, m]. */
export function quadraticForm(error: Dense, covariance: Dense | null, update: Dense) {
  const residual = difference(update, error);
  const gradient = covariance ? multiply(residual, covariance) : residual;
  return { value: inner(residual, gradient) / 2, gradient };
}
