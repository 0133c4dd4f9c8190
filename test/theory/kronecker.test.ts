/**
 * Closed forms of the quadratic with curvature on both sides against brute force: alternating least squares over rank-r
 * updates, Runge-Kutta steps of the dense gradient, and the loss written out in sums.
 */
import { Matrix, solve } from 'ml-matrix';
import { describe, expect, it } from 'vitest';
import { tableaus } from '../../src/method/tableaus.js';
import { dense, identity, type Dense } from '../../src/numbers/dense.js';
import { kroneckerForms } from '../../src/theory/kronecker.js';
import { regressionFullPath, regressionOptima } from '../../src/theory/linearRegression.js';
import { covariance, gaussian, integrate64, relativeError, toMatrix } from '../support.js';

/** 1/2 tr((D - E)^T S (D - E) H). */
function lossAt(update: Matrix, e: Dense, s: Dense, h: Dense): number {
  const residual = Matrix.sub(update, toMatrix(e));
  return residual.transpose().mmul(toMatrix(s)).mmul(residual).mmul(toMatrix(h)).trace() / 2;
}

/** The least loss over updates X Y^T [n, r] [r, m], by alternating least squares from a random start. */
function bruteForce(
  e: Dense,
  s: Dense,
  h: Dense,
  rank: number,
  seed: number,
): { loss: number; update: Matrix } {
  const [error, left, right] = [toMatrix(e), toMatrix(s), toMatrix(h)];
  let y = toMatrix(gaussian(e.cols, rank, seed));
  let x = new Matrix(e.rows, rank);
  for (let sweep = 0; sweep < 3000; sweep++) {
    // With Y fixed S drops out: X = E H Y (Y^T H Y)^-1; with X fixed H does.
    const hy = right.mmul(y);
    x = solve(y.transpose().mmul(hy), error.mmul(hy).transpose()).transpose();
    const sx = left.mmul(x);
    y = solve(x.transpose().mmul(sx), error.transpose().mmul(sx).transpose()).transpose();
  }
  const update = x.mmul(y.transpose());
  return { loss: lossAt(update, e, s, h), update };
}

describe.each([
  ['tall', 6, 4],
  ['wide', 4, 6],
  ['square', 5, 5],
])('the quadratic with curvature on both sides, %s', (_, n, m) => {
  const [e, s, h] = [gaussian(n, m, 1), covariance(n, 2), covariance(m, 3)];
  const forms = kroneckerForms({ e, s, h });

  it.each([1, 2, 3])('has the optimum of rank %d that brute force finds', (rank) => {
    const best = forms.optimum(rank);
    const update = toMatrix(best.update);
    const searched = bruteForce(e, s, h, rank, 10 + rank);
    expect(Math.abs(best.loss / searched.loss - 1)).toBeLessThan(1e-10);
    expect(Matrix.sub(update, searched.update).norm() / update.norm()).toBeLessThan(1e-5);
    expect(Math.abs(lossAt(update, e, s, h) / best.loss - 1)).toBeLessThan(1e-12);
    expect(best.relativeError).toBeCloseTo(Math.sqrt(best.loss / forms.fullLoss(0)), 12);
    // Neither side alone, nor none, gives that optimum.
    for (const [one, other] of [
      [identity(n), h],
      [s, identity(m)],
      [identity(n), identity(m)],
    ] as const)
      expect(
        Math.abs(kroneckerForms({ e, s: one, h: other }).optimum(rank).loss / best.loss - 1),
      ).toBeGreaterThan(1e-3);
  });

  it('follows full fine-tuning', () => {
    const field = (update: Float64Array) => {
      const residual = Matrix.sub(toMatrix(dense(n, m, update)), toMatrix(e));
      return Float64Array.from(toMatrix(s).mmul(residual).mmul(toMatrix(h)).neg().to1DArray());
    };
    for (const t of [0.2, 1]) {
      const update = integrate64(tableaus.rk4, field, new Float64Array(n * m), t, 2000);
      expect(relativeError(forms.fullUpdate(t).data, update)).toBeLessThan(1e-11);
      const loss = lossAt(toMatrix(dense(n, m, update)), e, s, h);
      expect(Math.abs(forms.fullLoss(t) / loss - 1)).toBeLessThan(1e-11);
      expect(relativeError(forms.fullUpdate(1.01 * t).data, update)).toBeGreaterThan(1e-4);
    }
    // Late, the slowest entry alone is left.
    const late = [20, 21].map((t) => forms.fullLoss(t / forms.fullRate)) as [number, number];
    expect(Math.log(late[0] / late[1]) / 2).toBeCloseTo(1, 2);
  });

  it('is linear regression where S = I', () => {
    const one = kroneckerForms({ e, s: identity(n), h });
    const input = { e, h };
    expect(relativeError(one.sigma, regressionOptima(input).sigma)).toBeLessThan(1e-13);
    const best = regressionOptima(input).optimum(2);
    expect(relativeError(one.optimum(2).update.data, best.update.data)).toBeLessThan(1e-12);
    const path = regressionFullPath(input);
    expect(relativeError(one.fullUpdate(0.7).data, path.update(0.7).data)).toBeLessThan(1e-12);
    expect(one.fullRate / path.rate).toBeCloseTo(1, 12);
    expect(forms.fullRate).not.toBeCloseTo(path.rate, 3);
  });
});

it('refuses curvatures that are none', () => {
  const e = identity(2);
  const indefinite = dense(2, 2, Float64Array.of(1, 0, 0, -1));
  expect(() => kroneckerForms({ e, s: indefinite, h: e })).toThrow('S is not positive definite');
  expect(() => kroneckerForms({ e, s: e, h: indefinite })).toThrow('H is not positive definite');
  expect(() => kroneckerForms({ e, s: e, h: identity(3) })).toThrow('does not fit');
  expect(toMatrix(kroneckerForms({ e, s: e, h: e }).optimum(0).update).norm()).toBe(0);
});
