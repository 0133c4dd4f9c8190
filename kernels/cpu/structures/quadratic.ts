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
  lossOf({ error, covariance }) {
    const energies = energiesOf(error, covariance);
    return (x, y, r) => {
      const { ehy, yhy } = weightedBy(error, covariance, y, r);
      const overlap = dot(x, ehy);
      return residual(error, covariance, energies.weighted, overlap, gram(x, x, r), yhy, { x, y, r });
    };
  },
};

/** H Y, E H Y and Y^T H Y. */
function weightedBy(error: Dense, covariance: Dense | null, y: Float64Array, r: number) {
  const hy = covariance ? product(covariance, y, r) : y;
  return { hy, ehy: product(error, hy, r), yhy: gram(y, hy, r) };
}

/** 1/2 tr(R H R^T) of R = X Y^T - E by its terms, or where these cancel by the residual itself. */
function residual(
  error: Dense,
  weights: Dense | null,
  value: number,
  overlap: number,
  xx: Float64Array,
  gramY: Float64Array,
  { x, y, r }: Pick<WithGrams, 'x' | 'y' | 'r'>,
): number {
  const half = value / 2 - overlap + dot(xx, gramY) / 2;
  return half > LOST * value ? half : halfResidual(error, weights, x, y, r);
}

function evaluation(
  error: Dense,
  covariance: Dense | null,
  { plain, weighted }: Energies,
  { x, y, r, xx, yy }: WithGrams,
): Evaluation {
  const at = { x, y, r };
  const { hy, ehy, yhy } = weightedBy(error, covariance, y, r);
  const ex = productTransposed(error, x, r);
  const hex = covariance ? product(covariance, ex, r) : ex;
  // Before the flow, which is formed in place of E H Y and H E^T X.
  const loss = residual(error, covariance, weighted, dot(x, ehy), xx, yhy, at);
  const distance = Math.sqrt(2 * residual(error, null, plain, dot(ex, y), xx, yy, at));
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
