/** The float64 twin of f = 1/2N sum |R_k - X Y^T x_k|^2 over samples, and its descent over some of them. */
import { dense, type Dense } from '../../../src/numbers/dense.js';
import { dot, gram } from '../../../src/numbers/gram.js';
import type { SamplesStructure } from '../../../src/problem/structure.js';
import { product, productTransposed, subtractProduct } from './products.js';
import { withGrams, type DescentAt, type StructureTwin } from './structure.js';

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

/** Rows of a matrix, by their indices. */
function rowsOf({ cols, data }: Dense, indices: Int32Array): Dense {
  const out = dense(indices.length, cols);
  indices.forEach((from, i) => out.data.set(data.subarray(from * cols, (from + 1) * cols), i * cols));
  return out;
}

/**
 * The descent of the mean loss over the samples of those indices [B]: with P = x Y and R~ = P X^T - R of their rows,
 * dX = -R~^T P / B, dY = -x^T (R~ X) / B.
 */
export function descentOver({ inputs, residuals }: SamplesStructure, indices: Int32Array): DescentAt {
  const [xs, rest0] = [rowsOf(inputs, indices), rowsOf(residuals, indices)];
  const mean = (of: Dense, by: Float64Array, r: number) =>
    productTransposed(of, by, r).map((value) => -value / indices.length);
  return (x, y, r) => {
    const p = product(xs, y, r);
    const rest = dense(
      rest0.rows,
      rest0.cols,
      rest0.data.map((value) => -value),
    );
    for (let k = 0; k < rest.rows; k++)
      for (let i = 0; i < rest.cols; i++)
        for (let j = 0; j < r; j++) rest.data[k * rest.cols + i]! += p[k * r + j]! * x[i * r + j]!;
    return { dX: mean(rest, p, r), dY: mean(xs, product(rest, x, r), r) };
  };
}
