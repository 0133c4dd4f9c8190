/** Closed forms of linear regression against DOP853's solutions and NumPy's eigenvalues. */
import { Matrix } from 'ml-matrix';
import { describe, expect, it } from 'vitest';
import { dense } from '../../src/numbers/dense.js';
import { fromMatrix, toMatrix } from '../support.js';
import { regressionFullPath, regressionOptima } from '../../src/theory/linearRegression.js';
import { tolerance, reference, read, matrix, gap, worstGap } from './support.js';

describe.each(reference.regression)('linear regression, $name', (flow) => {
  const input = { e: read(flow.e), h: read(flow.h) };
  const optima = regressionOptima(input);
  const rank = flow.a0.rows;

  it('has the optimum of NumPy', () => {
    const best = optima.optimum(rank);
    expect(gap(Matrix.rowVector([...optima.sigma]), Matrix.rowVector(flow.sigma))).toBeLessThan(1e-13);
    expect(best.loss).toBeCloseTo(flow.optimum.loss, 12);
    expect(gap(toMatrix(best.update), matrix(flow.optimum.update))).toBeLessThan(1e-12);
    expect(optima.optimum(0)).toMatchObject({ relativeError: 1 });
    expect(toMatrix(optima.optimum(0).update).norm()).toBe(0);
  });

  it('has the optimum that the flow finds', () => {
    const best = optima.optimum(rank);
    expect(worstGap(flow, () => toMatrix(best.update))).toBeLessThan(tolerance);
    expect(Math.abs(best.loss - (flow.losses[0] as number))).toBeLessThan(tolerance);
    const unweighted = regressionOptima({ ...input, h: fromMatrix(Matrix.eye(input.h.rows)) });
    expect(gap(toMatrix(unweighted.optimum(rank).update), toMatrix(best.update))).toBeGreaterThan(1e-2);
  });

  it('follows full fine-tuning', () => {
    const path = regressionFullPath(input);
    expect(worstGap(flow.full, (t) => toMatrix(path.update(t)))).toBeLessThan(tolerance);
    flow.full.times.forEach((t, i) =>
      expect(path.loss(t) / (flow.full.losses[i] as number)).toBeCloseTo(1, 10),
    );
  });
});

it('refuses a covariance that is none', () => {
  const e = dense(2, 2, Float64Array.of(1, 0, 0, 1));
  expect(() => regressionOptima({ e, h: dense(2, 2, Float64Array.of(1, 0, 0, -1)) })).toThrow('semidefinite');
  expect(() => regressionOptima({ e, h: dense(1, 1) })).toThrow('does not fit');
});
