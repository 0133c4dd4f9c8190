/** The float64 twin of f = 1/2 tr((X Y^T - E) H (X Y^T - E)^T), H the identity if there is no covariance. */
import { transposed, type Dense } from '../../../src/numbers/dense.js';
import { dot, gram } from '../../../src/numbers/gram.js';
import type { QuadraticStructure } from '../../../src/problem/structure.js';
import { halfResidual, LOST, product, productTransposed, subtractProduct } from './products.js';
import { withGrams, type Evaluation, type StructureTwin, type WithGrams } from './structure.js';

export const quadratic: StructureTwin<QuadraticStructure> = {
  resolvesExcess: false,
  evaluator({ error, covariance }) {
    const energies = energiesOf(error, covariance);
    return withGrams((at) => evaluation(error, covariance, energies, at));
  },
  lossOf(structure) {
    const evaluate = quadratic.evaluator(structure);
    return (x, y, r) => evaluate(x, y, r).loss;
  },
};

function evaluation(
  error: Dense,
  covariance: Dense | null,
  { plain, weighted }: Energies,
  { x, y, r, xx, yy }: WithGrams,
): Evaluation {
  const hy = covariance ? product(covariance, y, r) : y;
  const ehy = product(error, hy, r);
  const ex = productTransposed(error, x, r);
  const hex = covariance ? product(covariance, ex, r) : ex;
  const residual = (value: number, overlap: number, gramY: Float64Array, weights: Dense | null) => {
    const half = value / 2 - overlap + dot(xx, gramY) / 2;
    return half > LOST * value ? half : halfResidual(error, weights, x, y, r);
  };
  const yhy = covariance ? gram(y, hy, r) : yy;
  // Before the flow, which is formed in place of E H Y and H E^T X.
  const loss = residual(weighted, dot(x, ehy), yhy, covariance);
  const distance = Math.sqrt(2 * residual(plain, dot(ex, y), yy, null));
  return {
    ...{ loss, excess: null, distance },
    dX: subtractProduct(ehy, x, yhy, r),
    dY: subtractProduct(hex, hy, xx, r),
  };
}

interface Energies {
  /** |E|_F^2 */
  readonly plain: number;
  /** tr(E H E^T) */
  readonly weighted: number;
}

function energiesOf(error: Dense, covariance: Dense | null): Energies {
  const plain = dot(error.data, error.data);
  if (!covariance) return { plain, weighted: plain };
  const { data: eT, cols: n } = transposed(error);
  return { plain, weighted: dot(eT, product(covariance, eT, n)) };
}
