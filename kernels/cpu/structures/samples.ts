/** The float64 twin of f = 1/2N sum |R_k - X Y^T x_k|^2 over samples. */
import { dot, gram } from '../../../src/numbers/gram.js';
import type { SamplesStructure } from '../../../src/problem/structure.js';
import { product, productTransposed, subtractProduct } from './products.js';
import { withGrams, type StructureTwin } from './structure.js';

/** With P the mean of R_k x_k^T and H that of x_k x_k^T: f = f(W0) - <X, P Y> + 1/2 <X^T X, Y^T H Y>. */
export const samples: StructureTwin<SamplesStructure> = {
  resolvesExcess: false,
  evaluator: ({ weighted, covariance, constant }) =>
    withGrams(({ x, y, r, xx }) => {
      const py = product(weighted, y, r);
      const hy = product(covariance, y, r);
      const yhy = gram(y, hy, r);
      const loss = constant - dot(x, py) + dot(xx, yhy) / 2;
      return {
        ...{ loss, excess: null, distance: null },
        dX: subtractProduct(py, x, yhy, r),
        dY: subtractProduct(productTransposed(weighted, x, r), hy, xx, r),
      };
    }),
  lossOf(structure) {
    const evaluate = samples.evaluator(structure);
    return (x, y, r) => evaluate(x, y, r).loss;
  },
};
