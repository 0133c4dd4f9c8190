/**
 * The decompositions of src/numbers: singular values against LAPACK's, factors against products written out here, on
 * families from random to structured, and what they refuse.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { families } from '../benchmarks/svd/families.js';
import { diagonalize } from '../src/numbers/bidiagonalQr.js';
import { dense, difference, identity, scaled, transposed, type Dense } from '../src/numbers/dense.js';
import { multiplyTransposedRight } from '../src/numbers/products.js';
import { qr } from '../src/numbers/qr.js';
import { singularValues, svd, type Svd } from '../src/numbers/svd.js';
import { checkSvd, checkValues } from '../src/numbers/svdCheck.js';
import { SvdError } from '../src/numbers/svdError.js';
import { cholesky, solveLowerTransposed, symmetricEigen } from '../src/numbers/symmetric.js';
import { slow } from './cases/run.js';
import { covariance, gaussian, relativeError } from './support.js';

interface Reference {
  readonly name: string;
  readonly rows: number;
  readonly cols: number;
  readonly data: number[];
  readonly sigma: number[];
}

const references = JSON.parse(
  readFileSync(new URL('reference/svd.json', import.meta.url), 'utf8'),
) as Reference[];

/** Largest relative defect of a decomposition that counts as backward stable: some 450 roundings. */
const DEFECT = 1e-13;

/** sqrt(sum of squares), of numbers of any size. */
function norm(values: Float64Array): number {
  const largest = values.reduce((most, v) => Math.max(most, Math.abs(v)), 0);
  // In two steps: the reciprocal of a subnormal number is not finite.
  return largest === 0 ? 0 : largest * Math.sqrt(values.reduce((sum, v) => sum + (v / largest) ** 2, 0));
}

/** A B^T, written out in compensated sums: of many equal terms, plain ones are off by more than what is looked for. */
function timesTransposed(a: Dense, b: Dense): Float64Array {
  const out = new Float64Array(a.rows * b.rows);
  for (let i = 0; i < a.rows; i++)
    for (let j = 0; j < b.rows; j++) {
      let [sum, lost] = [0, 0];
      for (let k = 0; k < a.cols; k++) {
        const term = a.data[i * a.cols + k]! * b.data[j * b.cols + k]! - lost;
        const next = sum + term;
        lost = next - sum - term;
        sum = next;
      }
      out[i * b.rows + j] = sum;
    }
  return out;
}

/** |A - U diag(sigma) V^T|_F / |A|_F, 0 of zeros. */
function residual(a: Dense, { left, sigma, right }: Svd): number {
  const count = sigma.length;
  const leading = (q: Dense, weight: (j: number) => number) => {
    const out = dense(q.rows, count);
    for (let i = 0; i < q.rows; i++)
      for (let j = 0; j < count; j++) out.data[i * count + j] = q.data[i * q.cols + j]! * weight(j);
    return out;
  };
  const formed = timesTransposed(
    leading(left, (j) => sigma[j]!),
    leading(right, () => 1),
  );
  const rest = norm(formed.map((value, at) => a.data[at]! - value));
  return rest === 0 ? 0 : rest / norm(a.data);
}

/** |Q^T Q - I|_F. */
function orthogonality(q: Dense): number {
  const columns = transposed(q);
  const unit = identity(q.cols).data;
  return norm(timesTransposed(columns, columns).map((value, at) => value - unit[at]!));
}

function expectDecomposition(a: Dense, found: Svd): void {
  const { left, sigma, right } = found;
  expect(sigma.length).toBe(Math.min(a.rows, a.cols));
  expect([...sigma]).toEqual([...sigma].sort((x, y) => y - x));
  expect(sigma.every((value) => value >= 0)).toBe(true);
  expect(residual(a, found)).toBeLessThan(DEFECT);
  expect(orthogonality(left)).toBeLessThan(DEFECT);
  expect(orthogonality(right)).toBeLessThan(DEFECT);
}

describe('the singular value decomposition', () => {
  it.each(references)('of the matrix "$name" has the singular values of LAPACK', (reference) => {
    const { rows, cols, data, sigma } = reference;
    const a = dense(rows, cols, Float64Array.from(data));
    for (const found of [svd(a).sigma, singularValues(a)])
      found.forEach((value, i) => expect(Math.abs(value - sigma[i]!)).toBeLessThan(1e-14 * sigma[0]!));
  });

  const shapes = [1, 2, 3, 8, 40, 64, 129].map((size) => [size, size] as const);
  describe.each(Object.entries(families))('of "%s"', (_, family) => {
    it.each([...shapes, [70, 20], [20, 70], [1, 50], [50, 1], [131, 9]] as const)(
      'at %d x %d has orthonormal vectors and gives the matrix back',
      (n, m) => {
        const a = family(n, m);
        const thin = svd(a);
        expectDecomposition(a, thin);
        expect([thin.left.cols, thin.right.cols]).toEqual([Math.min(n, m), Math.min(n, m)]);
        const full = svd(a, 'full');
        expectDecomposition(a, full);
        expect([full.left.cols, full.right.cols]).toEqual([n, m]);
        const alone = singularValues(a);
        const top = thin.sigma[0]!;
        // Of subnormal ones the last digit counts.
        alone.forEach((value, i) =>
          expect(Math.abs(value - thin.sigma[i]!)).toBeLessThanOrEqual(1e-14 * top + 5e-324),
        );
      },
    );

    it.skipIf(!slow).each([384, 512])('at size %d too', { timeout: 300_000 }, (size) => {
      const a = family(size, size);
      expectDecomposition(a, svd(a));
    });
  });

  it('ends on entries that are all the smallest number', () => {
    const { left, sigma, right } = svd(dense(40, 40, new Float64Array(1600).fill(5e-324)));
    expect(sigma[0]).toBe(40 * 5e-324);
    expect(sigma.subarray(1).every((value) => value === 0)).toBe(true);
    expect(orthogonality(left)).toBeLessThan(DEFECT);
    expect(orthogonality(right)).toBeLessThan(DEFECT);
  });

  it('is the same at every power of two, and has the sign of the left vectors fixed', () => {
    const a = gaussian(12, 8, 5);
    const found = svd(a);
    const huge = svd(scaled(a, 2 ** 900));
    expect(huge.left).toEqual(found.left);
    expect(huge.right).toEqual(found.right);
    expect([...huge.sigma]).toEqual([...found.sigma].map((s) => s * 2 ** 900));
    const negative = svd(scaled(a, -1));
    expect(negative.left.data.every((value, at) => Math.abs(value - found.left.data[at]!) < 1e-13)).toBe(
      true,
    );
    for (let j = 0; j < 8; j++) {
      const column = Array.from({ length: 12 }, (_, i) => found.left.data[i * 8 + j]!);
      expect(Math.max(...column)).toBe(Math.max(...column.map(Math.abs)));
    }
  });

  it.each([NaN, Infinity, -Infinity])('refuses an entry %d by name', (entry) => {
    const a = dense(2, 2, Float64Array.of(1, entry, 0, 1));
    expect(() => svd(a)).toThrow(SvdError);
    expect(() => singularValues(a)).toThrow(`an entry ${entry}`);
  });

  it('refuses a matrix whose singular values are beyond float64', () => {
    const a = dense(3, 3, new Float64Array(9).fill(1.5e308));
    expect(() => svd(a)).toThrow('beyond float64');
    expect(() => singularValues(a)).toThrow('beyond float64');
  });

  it('gives up by name when its sweeps do not converge', () => {
    const d = Float64Array.of(1, NaN, 1);
    expect(() => diagonalize({ d, e: Float64Array.of(1, 1) }, null, null)).toThrow('no convergence');
  });
});

describe('the check of a decomposition', () => {
  const a = gaussian(20, 12, 3);
  const found = svd(a);
  const changed = (values: Float64Array, at: number, by: number) =>
    values.map((value, i) => (i === at ? value + by : value));

  it('passes what was found', () => {
    expect(() => checkSvd(a, found)).not.toThrow();
    expect(() => checkValues(a, found.sigma)).not.toThrow();
  });

  it.each([1e-11, NaN])('fails when one number of the factors is off by %d', (by) => {
    const { left, sigma, right } = found;
    const broken = [
      { ...found, sigma: changed(sigma, 3, by) },
      { ...found, left: dense(20, 12, changed(left.data, 17, by)) },
      { ...found, right: dense(12, 12, changed(right.data, 17, by)) },
    ];
    for (const factors of broken) expect(() => checkSvd(a, factors)).toThrow(SvdError);
    expect(() => checkValues(a, changed(sigma, 3, by))).toThrow(SvdError);
  });

  it('fails when a vector is there twice, though the matrix comes back', () => {
    const last = (at: number) => at % 12 === 11;
    const flat = dense(
      20,
      12,
      a.data.map((value, at) => (last(at) ? 0 : value)),
    );
    const { left, sigma, right } = svd(flat);
    expect(sigma[11]).toBeLessThan(1e-14);
    const twice = left.data.map((value, at) => (last(at) ? left.data[at - 1]! : value));
    expect(() => checkSvd(flat, { left: dense(20, 12, twice), sigma, right })).toThrow('orthonormal');
  });

  it('fails when singular values have the right squares and are the wrong ones', () => {
    const sigma = found.sigma.slice();
    const mean = Math.sqrt((sigma[2]! ** 2 + sigma[3]! ** 2) / 2);
    sigma[2] = sigma[3] = mean;
    expect(() => checkValues(a, sigma)).toThrow('to the power 4');
  });
});

describe('the QR decomposition', () => {
  it.each([
    [1, 1],
    [9, 9],
    [30, 17],
    [17, 30],
    [129, 70],
  ])('of a %d x %d matrix has orthonormal Q, triangular R and gives it back', (n, m) => {
    const a = gaussian(n, m, 6);
    const { q, r } = qr(a);
    expect([q.cols, r.rows, r.cols]).toEqual([Math.min(n, m), Math.min(n, m), m]);
    expect(orthogonality(q)).toBeLessThan(DEFECT);
    expect(relativeError(timesTransposed(q, transposed(r)), a.data)).toBeLessThan(DEFECT);
    r.data.forEach((value, at) => at % m < Math.floor(at / m) && expect(value).toBe(0));
  });

  it('of equal columns has orthonormal Q', () => {
    const { q } = qr(dense(9, 4, new Float64Array(36).fill(2)));
    expect(orthogonality(q)).toBeLessThan(DEFECT);
  });
});

describe('symmetric matrices', () => {
  it.each([1, 2, 17, 60])('have the eigenvalues that were put in, of both signs, at %d', (m) => {
    const { q } = qr(gaussian(m, m, 7));
    // Among them pairs of one size, which singular values cannot tell apart.
    const values = Array.from({ length: m }, (_, i) => (i % 2 === 0 ? 1 : -1) * (1 + (i >> 1)));
    const weighted = dense(
      m,
      m,
      q.data.map((value, at) => value * values[at % m]!),
    );
    const h = dense(m, m, timesTransposed(weighted, q));
    const found = symmetricEigen(h);
    expect(
      relativeError(
        found.values,
        values.sort((a, b) => b - a),
      ),
    ).toBeLessThan(DEFECT);
    expect(orthogonality(found.vectors)).toBeLessThan(DEFECT);
    const images = timesTransposed(h, transposed(found.vectors));
    const expected = found.vectors.data.map((value, at) => value * found.values[at % m]!);
    expect(relativeError(images, expected)).toBeLessThan(DEFECT);
  });

  it('have small eigenvalues to full accuracy where they are diagonal', () => {
    const h = dense(3, 3, Float64Array.of(1, 0, 0, 0, 1e-12, 0, 0, 0, 1e-20));
    expect([...symmetricEigen(h).values]).toEqual([1, 1e-12, 1e-20]);
  });

  it('have Cholesky factors if they are positive definite, which solve', () => {
    const h = covariance(9, 8);
    const l = cholesky(h)!;
    expect(relativeError(timesTransposed(l, l), h.data)).toBeLessThan(1e-15);
    const b = gaussian(4, 9, 9);
    expect(relativeError(timesTransposed(solveLowerTransposed(l, b), l), b.data)).toBeLessThan(DEFECT);
    expect(cholesky(dense(2, 2, Float64Array.of(1, 2, 2, 1)))).toBeNull();
    expect(cholesky(dense(1, 1, Float64Array.of(NaN)))).toBeNull();
  });

  it('have Cholesky factors of several blocks, and none where only the last eigenvalue is negative', () => {
    const size = 530;
    const root = gaussian(size, size, 8);
    const h = multiplyTransposedRight(root, root);
    const l = cholesky(h)!;
    expect(norm(difference(multiplyTransposedRight(l, l), h).data) / norm(h.data)).toBeLessThan(1e-14);
    expect(l.data.every((value, at) => at % size <= at / size || value === 0)).toBe(true);
    h.data[size * size - 1]! -= l.data[size * size - 1]! ** 2 * 1.001;
    expect(cholesky(h)).toBeNull();
  });
});
