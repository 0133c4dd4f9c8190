/** The float64 twin of f = 1/2 tr((X Y^T - E)^T S (X Y^T - E) H). */
import { transposed, type Dense } from '../../../src/numbers/dense.js';
import { dot, gram } from '../../../src/numbers/gram.js';
import type { KroneckerStructure } from '../../../src/problem/structure.js';
import { halfResidual, LOST, product, productTransposed, subtractProduct } from './products.js';
import { withGrams, type Evaluation, type StructureTwin, type WithGrams } from './structure.js';

export const kronecker: StructureTwin<KroneckerStructure> = {
  resolvesExcess: false,
  evaluator(structure) {
    const energies = energiesOf(structure);
    return withGrams((at) => evaluation(structure, energies, at));
  },
  lossOf(structure) {
    const evaluate = kronecker.evaluator(structure);
    return (x, y, r) => evaluate(x, y, r).loss;
  },
};

interface Energies {
  /** |E|_F^2 */
  readonly plain: number;
  /** tr(E^T S E H) */
  readonly weighted: number;
}

const energiesOf = ({ error, outputCovariance, covariance }: KroneckerStructure): Energies => ({
  plain: dot(error.data, error.data),
  weighted: 2 * halfWeighted(error.data, error, outputCovariance, covariance),
});

function evaluation(
  { error, outputCovariance, covariance }: KroneckerStructure,
  { plain, weighted }: Energies,
  { x, y, r, xx, yy }: WithGrams,
): Evaluation {
  const [sx, hy] = [product(outputCovariance, x, r), product(covariance, y, r)];
  const [xsx, yhy] = [gram(x, sx, r), gram(y, hy, r)];
  const [ehy, ex] = [product(error, hy, r), productTransposed(error, x, r)];
  const half = weighted / 2 - dot(sx, ehy) + dot(xsx, yhy) / 2;
  const loss =
    half > LOST * weighted
      ? half
      : halfWeighted(residualOf(error, x, y, r), error, outputCovariance, covariance);
  const square = plain / 2 - dot(ex, y) + dot(xx, yy) / 2;
  return {
    ...{ loss, excess: null },
    distance: Math.sqrt(2 * (square > LOST * plain ? square : halfResidual(error, null, x, y, r))),
    dX: subtractProduct(product(outputCovariance, ehy, r), sx, yhy, r),
    dY: subtractProduct(product(covariance, productTransposed(error, sx, r), r), hy, xsx, r),
  };
}

/** X Y^T - E [n, m]. */
function residualOf(
  { rows: n, cols: m, data }: Dense,
  x: Float64Array,
  y: Float64Array,
  r: number,
): Float64Array {
  const residual = new Float64Array(n * m);
  for (let i = 0; i < n; i++)
    for (let k = 0; k < m; k++) {
      let entry = -data[i * m + k]!;
      for (let j = 0; j < r; j++) entry += x[i * r + j]! * y[k * r + j]!;
      residual[i * m + k] = entry;
    }
  return residual;
}

/** 1/2 tr(R^T S R H) of R of the shape of E: the inner product of S R and R H. */
function halfWeighted(residual: Float64Array, { rows: n, cols: m }: Dense, s: Dense, h: Dense): number {
  const byInput = transposed({
    rows: m,
    cols: n,
    data: product(h, transposed({ rows: n, cols: m, data: residual }).data, n),
  });
  return dot(product(s, residual, m), byInput.data) / 2;
}
