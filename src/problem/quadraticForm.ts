/** Value and gradient of f = 1/2 tr((dW - E) H (dW - E)^T) at an update dW, dense and in float64. */
import { Matrix } from 'ml-matrix';
import { fromMatrix, toMatrix, type Dense } from '../numbers/dense.js';

/** E and dW [n, m], H [m, m] (null: the identity); the gradient (dW - E) H is [n, m]. */
export function quadraticForm(error: Dense, covariance: Dense | null, update: Dense) {
  const residual = Matrix.sub(toMatrix(update), toMatrix(error));
  const gradient = covariance ? residual.mmul(toMatrix(covariance)) : residual;
  return { value: Matrix.mul(residual, gradient).sum() / 2, gradient: fromMatrix(gradient) };
}
