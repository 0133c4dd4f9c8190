/** Matrices of few directions against the same spelled out, by ml-matrix. */
import { Matrix, SingularValueDecomposition } from 'ml-matrix';
import { describe, expect, it } from 'vitest';
import { evaluator } from '../../kernels/cpu/evaluate.js';
import { dense } from '../../src/numbers/dense.js';
import {
  apply,
  applyTransposed,
  entriesOf,
  isZero,
  scaledOperator,
  triplesOf,
  weightedSquares,
} from '../../src/numbers/operator.js';
import { expansion } from '../../src/problem/expansion.js';
import type { HostStructure } from '../../src/problem/structure.js';
import { covariance, fewDirections, gaussian, relativeError, spelledOut, toMatrix } from '../support.js';

const [n, m] = [9, 6];
const [a, h] = [fewDirections(n, m, 4, 1), fewDirections(m, m, 2, 3, true)];
const whole = { a: spelledOut(a), h: spelledOut(h) };
const close = (found: { data: Float64Array }, expected: Matrix) =>
  expect(relativeError(found.data, expected.to1DArray())).toBeLessThan(1e-13);

describe('a matrix of few directions', () => {
  it('has the products of the whole one', () => {
    const [y, x] = [gaussian(m, 3, 5), gaussian(n, 3, 6)];
    close(apply(a, y), toMatrix(whole.a).mmul(toMatrix(y)));
    close(applyTransposed(a, x), toMatrix(whole.a).transpose().mmul(toMatrix(x)));
    close(apply(h, y), toMatrix(whole.h).mmul(toMatrix(y)));
    close(apply(scaledOperator(h, -3), y), toMatrix(whole.h).mmul(toMatrix(y)).mul(-3));
    close(entriesOf(a), toMatrix(whole.a));
    expect([isZero(a), isZero(scaledOperator(a, 0)), isZero(scaledOperator(whole.a, 0))]).toEqual([
      ...[false, true, true],
    ]);
  });

  it('has its triples', () => {
    const { left, sigma, right } = triplesOf(a);
    const { diagonal } = new SingularValueDecomposition(toMatrix(whole.a));
    expect(relativeError(sigma, diagonal.slice(0, 4))).toBeLessThan(1e-13);
    close(apply(a, right), toMatrix(left).mmul(Matrix.diag([...sigma])));
    expect(() =>
      expansion({ loss: 1, gradient: a, outputCovariance: null, covariance: h }).descentTriples(5),
    ).toThrow('5 directions of a gradient that has 4');
  });

  it.each([
    ['low-rank sides', fewDirections(n, n, 3, 7, true)],
    ['one that is dense', covariance(n, 8)],
    ['the identity', null],
  ])('has the weighted squares of the whole one, with %s', (_, s) => {
    const [g, k] = [toMatrix(whole.a), toMatrix(whole.h)];
    const sided = s ? toMatrix(entriesOf(s)).mmul(g) : g;
    const expected = Matrix.mul(sided.mmul(k), g).sum();
    for (const of of [a, whole.a]) expect(weightedSquares(of, s, h) / expected).toBeCloseTo(1, 12);
    // Rows beyond one panel.
    const tall = gaussian(600, m, 9);
    const byHand = Matrix.mul(toMatrix(tall).mmul(k), toMatrix(tall)).sum();
    expect(weightedSquares(tall, null, h) / byHand).toBeCloseTo(1, 12);
  });

  it('makes the expansion that the whole one makes', () => {
    const s = fewDirections(n, n, 3, 7, true);
    const rest = { loss: 2, covariance: h, outputCovariance: s };
    const few = expansion({ ...rest, gradient: a });
    const full = expansion({
      loss: 2,
      gradient: whole.a,
      covariance: whole.h,
      outputCovariance: spelledOut(s),
    });
    const [x, y] = [gaussian(n, 2, 10), gaussian(m, 2, 11)];
    const [found, expected] = [few, full].map((problem) =>
      evaluator(problem.structure as HostStructure)(x.data, y.data, 2),
    );
    expect(found!.loss / expected!.loss).toBeCloseTo(1, 12);
    expect(relativeError(found!.dX, expected!.dX)).toBeLessThan(1e-13);
    expect(relativeError(found!.dY, expected!.dY)).toBeLessThan(1e-13);
    const update = dense(n, m, gaussian(n, m, 12).data);
    const [mine, theirs] = [few, full].map((problem) => problem.valueAndGradient(update)!);
    expect(mine!.value / theirs!.value).toBeCloseTo(1, 12);
    expect(relativeError(mine!.gradient.data, theirs!.gradient.data)).toBeLessThan(1e-13);
  });
});
