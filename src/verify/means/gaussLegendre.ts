/** Gauss-Legendre quadrature on (0, 1), by the eigenvalues of its Jacobi matrix (Golub & Welsch 1969). */
import { dense } from '../../numbers/dense.js';
import { symmetricEigen } from '../../numbers/symmetric.js';

/** Nodes in (0, 1) and weights of the rule with `count` nodes, which integrates degree 2 count - 1 exactly. */
export function gaussLegendre(count: number): { readonly node: number; readonly weight: number }[] {
  const jacobi = dense(count, count);
  for (let k = 1; k < count; k++) {
    const entry = k / Math.sqrt(4 * k * k - 1);
    jacobi.data[k * count + k - 1] = jacobi.data[(k - 1) * count + k] = entry;
  }
  const { values, vectors } = symmetricEigen(jacobi);
  return Array.from(values, (value, k) => ({
    node: (1 + value) / 2,
    weight: vectors.data[k]! ** 2,
  })).reverse();
}
