/** Optima of each rank against ml-matrix's decompositions of matrices that are formed here. */
import { Matrix, SingularValueDecomposition } from 'ml-matrix';
import { describe, expect, it } from 'vitest';
import { frobenius, frobeniusDense } from '../../src/problem/frobenius.js';
import { transposed } from '../../src/numbers/dense.js';
import { linearRegression } from '../../src/problem/linearRegression.js';
import type { Problem } from '../../src/problem/problem.js';
import { traceSquared } from '../../src/problem/traceSquared.js';
import { covariance, gaussian, product, fromMatrix, toMatrix } from '../support.js';
import { n, m, valueAndGradient } from './support.js';

describe('optima', () => {
  const singular = (a: Matrix) => new SingularValueDecomposition(a, { autoTranspose: true }).diagonal;
  const tail = (sigma: readonly number[], rank: number) =>
    sigma.slice(rank).reduce((sum, s) => sum + s * s, 0) / 2;
  const e = gaussian(n, m, 40);
  const h = covariance(m, 41);
  /** Square root of H by its own singular value decomposition: H = U S U^T. */
  const root = () => {
    const { leftSingularVectors: u, diagonal } = new SingularValueDecomposition(toMatrix(h));
    return u.mmul(Matrix.diag(diagonal.map(Math.sqrt))).mmul(u.transpose());
  };

  it.each([
    ['frobenius', frobenius(e), singular(toMatrix(e))],
    ['frobenius, dense', frobeniusDense(e), singular(toMatrix(e))],
    ['frobenius, wide', frobenius(transposed(e)), singular(toMatrix(e))],
    ['linear regression', linearRegression(e, h), singular(toMatrix(e).mmul(root()))],
  ] as [string, Problem, number[]][])(
    'of %s are those of the truncated decomposition',
    (_, problem, sigma) => {
      for (let rank = 1; rank < m; rank++) {
        expect(Math.abs(problem.optimum(rank)! / tail(sigma, rank) - 1)).toBeLessThan(1e-12);
        expect(Math.abs(problem.optimum(rank)! / tail(sigma, rank - 1) - 1)).toBeGreaterThan(1e-3);
      }
      expect(problem.optimum(m)).toBeLessThan(1e-28 * problem.initialLoss!);
    },
  );

  it('of linear regression is attained by no random update of that rank, and by the whitened truncation', () => {
    const problem = linearRegression(e, h);
    const svd = new SingularValueDecomposition(toMatrix(e).mmul(root()), { autoTranspose: true });
    const u = svd.leftSingularVectors.subMatrix(0, n - 1, 0, 1);
    const best = fromMatrix(u.mmul(u.transpose()).mmul(toMatrix(e)));
    expect(Math.abs(valueAndGradient(problem, best).value / problem.optimum(2)! - 1)).toBeLessThan(1e-12);
    const other = product({ x: gaussian(n, 2, 42), y: gaussian(m, 2, 43) }, 0.1);
    expect(valueAndGradient(problem, other).value).toBeGreaterThan(problem.optimum(2)!);
  });

  it('of trace-squared is 0 at every rank', () => {
    expect([1, 4].map((rank) => traceSquared(n, 2).optimum(rank))).toEqual([0, 0]);
  });
});
