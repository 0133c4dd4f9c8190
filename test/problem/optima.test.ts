/** Optima of each rank against ml-matrix's decompositions of matrices that are formed here. */
import { Matrix, SingularValueDecomposition } from 'ml-matrix';
import { describe, expect, it } from 'vitest';
import {
  frobenius,
  frobeniusDense,
  frobeniusFromSpectrum,
  frobeniusLoss,
} from '../../src/problem/frobenius.js';
import { gradientFlow, symmetriesOf } from '../../src/flow/flow.js';
import { dense, transposed } from '../../src/numbers/dense.js';
import { singularValues } from '../../src/numbers/svd.js';
import { linearRegression } from '../../src/problem/linearRegression.js';
import { nearestSaddles } from '../../src/problem/nearestSaddles.js';
import { addNoise } from '../../src/problem/noise.js';
import { readSource } from '../../src/problem/source.js';
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

describe('optima of a large noisy target', () => {
  const [rows, cols] = [1024, 1100];
  const problemOf = (spectrum: number[], noise: number) =>
    frobeniusLoss.problem(
      readSource({ spectrum, noise, seed: 3 }),
      { n: rows, m: cols },
      null,
      symmetriesOf(gradientFlow),
    );

  it('are those of its singular values, with their saddles, as far as ranks are few', () => {
    const problem = problemOf([4, 3, 2, 1.5], 1);
    expect(problem.structure.kind).toBe('quadratic');
    const seen = dense(rows, cols);
    [4, 3, 2, 1.5].forEach((sigma, i) => (seen.data[i * cols + i] = sigma));
    const whole = frobeniusFromSpectrum(singularValues(addNoise(seen, 1, { seed: 3, draw: 0 })), rows, cols);
    for (const rank of [0, 1, 2, 4, 8, 16, 32, 33, 64]) {
      // What float32 cannot tell of a loss is 2^-38 of that at W0; rounding is 1e-14.
      const off = problem.optimum(rank)! - whole.optimum(rank)!;
      expect(off).toBeGreaterThan(-1e-14 * problem.initialLoss!);
      expect(off).toBeLessThan(2 ** -39 * problem.initialLoss!);
      const floor = 2 ** -38 * problem.initialLoss!;
      const [found, exact] = [problem, whole].map((each) => nearestSaddles(each, rank, floor));
      expect(found).toHaveLength(exact!.length);
      found!.forEach((saddle, i) => {
        expect(saddle.index).toBe(exact![i]!.index);
        expect(saddle.missing / exact![i]!.missing).toBeCloseTo(1, 6);
        expect(saddle.present / exact![i]!.present).toBeCloseTo(1, 6);
      });
    }
    expect(problem.optimum(128)).toBeNull();
    expect(nearestSaddles(problem, 128, 0)).toEqual([]);
  });

  it('tell no saddle where copies of a singular value go on beyond those that are known', () => {
    const problem = problemOf([3, ...Array<number>(rows - 1).fill(1)], 1e-6);
    expect(problem.optimum(2)! / ((rows - 2) / 2)).toBeCloseTo(1, 4);
    expect(nearestSaddles(problem, 1, 0)[0]!.present).toBeCloseTo(1, 4);
    expect(nearestSaddles(problem, 2, 0)).toEqual([]);
  });
});
