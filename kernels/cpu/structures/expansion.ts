/** The float64 twin of f = constant - <P, X Y^T> + 1/2 tr((X Y^T)^T S X Y^T H). */
import { dot, gram } from '../../../src/numbers/gram.js';
import type { ExpansionStructure } from '../../../src/problem/structure.js';
import { product, productTransposed, subtractProduct } from './products.js';
import { withGrams, type StructureTwin } from './structure.js';

/** dX = P Y - S X (Y^T H Y), dY = P^T X - H Y (X^T S X), f = constant - <X, P Y> + 1/2 <X^T S X, Y^T H Y>. */
export const expansion: StructureTwin<ExpansionStructure> = {
  resolvesExcess: false,
  evaluator(structure) {
    const parts = partsOf(structure);
    return withGrams(({ x, y, r }) => {
      const { loss, py, sx, hy, xsx, yhy } = parts(x, y, r);
      return {
        ...{ loss, excess: null, distance: null },
        dX: subtractProduct(py, sx, yhy, r),
        dY: subtractProduct(productTransposed(structure.descent, x, r), hy, xsx, r),
      };
    });
  },
  lossOf(structure) {
    const parts = partsOf(structure);
    return (x, y, r) => parts(x, y, r).loss;
  },
};

/** The loss, and the products that it is made of. */
const partsOf =
  ({ constant, descent, outputCovariance, covariance }: ExpansionStructure) =>
  (x: Float64Array, y: Float64Array, r: number) => {
    const py = product(descent, y, r);
    const sx = outputCovariance ? product(outputCovariance, x, r) : x;
    const hy = product(covariance, y, r);
    const [xsx, yhy] = [gram(x, sx, r), gram(y, hy, r)];
    return { loss: constant - dot(x, py) + dot(xsx, yhy) / 2, py, sx, hy, xsx, yhy };
  };
