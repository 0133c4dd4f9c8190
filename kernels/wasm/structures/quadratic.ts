/** What the wasm kernel reads of f = 1/2 tr((X Y^T - E) H (X Y^T - E)^T): P = E H, its transpose, and H. */
import { transposed } from '../../../src/numbers/dense.js';
import { memoized } from '../../../src/numbers/memoized.js';
import { multiply } from '../../../src/numbers/products.js';
import type { QuadraticStructure } from '../../../src/problem/structure.js';
import { packed, rowNumbers, type TableOf } from './structure.js';

export const quadratic: TableOf<QuadraticStructure> = (structure, layout) => {
  const p = weightedError(structure);
  const { covariance } = structure;
  return {
    scales: rowNumbers(layout).fill(1),
    p: packed(p, layout),
    pTransposed: packed(transposed(p), layout),
    ...(covariance && { covariance: packed(covariance, layout) }),
  };
};

/** E H, computed once for a structure. */
const weightedError = memoized(({ error, covariance }: QuadraticStructure) =>
  covariance ? multiply(error, covariance) : error,
);
