/** Spectra against their formulas; matrices that cannot be a problem are refused. */
import { Matrix } from 'ml-matrix';
import { describe, expect, it } from 'vitest';
import { dense } from '../../src/numbers/dense.js';
import { InputError } from '../../src/host/inputError.js';
import { randomFrame, spectralFrame } from '../../src/problem/frame.js';
import { linearRegression } from '../../src/problem/linearRegression.js';
import { listedSpectrum, namedSpectrum } from '../../src/problem/spectrum.js';
import { trace } from '../../src/problem/traceSquared.js';
import { covariance, gaussian, relativeError, fromMatrix, toMatrix } from '../support.js';
import { n, m } from './support.js';

describe('spectra', () => {
  it('by name', () => {
    expect(Array.from(namedSpectrum('power:2', 3))).toEqual([1, 1 / 4, 1 / 9]);
    expect(Array.from(namedSpectrum('power:0.5', 2))).toEqual([1, 2 ** -0.5]);
    expect(Array.from(namedSpectrum('exp:0.5', 3))).toEqual([1, Math.exp(-0.5), Math.exp(-1)]);
    expect(Array.from(namedSpectrum('step:2', 4))).toEqual([1, 1, 0, 0]);
    expect(Array.from(namedSpectrum('step:9', 2))).toEqual([1, 1]);
  });

  it('by list, sorted and filled up', () => {
    expect(Array.from(listedSpectrum([1, 10, 9], 5))).toEqual([10, 9, 1, 0, 0]);
  });

  it.each([
    'power',
    'power:',
    'power:0',
    'power:-1',
    'power:x',
    'power:1:2',
    'cubic:2',
    'step:1.5',
    'exp:Infinity',
    '',
  ])('%j is refused', (spec) => {
    expect(() => namedSpectrum(spec, 4)).toThrow(InputError);
  });

  it.each([[[1, 2, 3]], [[1, -1]], [[NaN]], [[Infinity]]])('the list %j is refused', (values) => {
    expect(() => listedSpectrum(values, 2)).toThrow(InputError);
  });

  it('of a rotated problem are those of its matrix', () => {
    const sigma = namedSpectrum('power:1', m);
    const [left, right] = Object.values(randomFrame(n, m, 3)).map(toMatrix) as [Matrix, Matrix];
    const diagonal = Matrix.zeros(n, m);
    sigma.forEach((s, i) => diagonal.set(i, i, s));
    const e = left.mmul(diagonal).mmul(right.transpose());
    expect(relativeError(spectralFrame(fromMatrix(e)).sigma, sigma)).toBeLessThan(1e-13);
  });
});

describe('what cannot be a problem is refused', () => {
  const e = gaussian(n, m, 90);
  const changed = (change: (h: Float64Array) => void) => {
    const h = dense(m, m, covariance(m, 91).data.slice());
    change(h.data);
    return h;
  };

  it('a covariance of the wrong shape', () => {
    expect(() => linearRegression(e, covariance(n, 92))).toThrow(InputError);
    expect(() => linearRegression(e, gaussian(m, n, 92))).toThrow(InputError);
  });

  it('an asymmetric covariance', () => {
    expect(() =>
      linearRegression(
        e,
        changed((h) => (h[1]! += 0.01)),
      ),
    ).toThrow(/symmetric/);
  });

  it('but not one that is asymmetric by float32 rounding', () => {
    const h = changed((data) => (data[1]! *= 1 + 1e-7));
    const exact = linearRegression(e, covariance(m, 91));
    const rounded = linearRegression(e, h);
    expect(Math.abs(rounded.optimum(2)! / exact.optimum(2)! - 1)).toBeLessThan(1e-6);
  });

  it.each([
    ['indefinite', (h: Float64Array) => (h[0]! -= 10)],
    ['singular', (h: Float64Array) => h.forEach((_, i) => Math.floor(i / m) * (i % m) === 0 && (h[i] = 0))],
    ['zero', (h: Float64Array) => h.fill(0)],
    ['not finite', (h: Float64Array) => (h[0] = NaN)],
  ] as [string, (h: Float64Array) => unknown][])('a covariance that is %s', (_, change) => {
    expect(() =>
      linearRegression(
        e,
        changed((h) => void change(h)),
      ),
    ).toThrow(InputError);
  });

  it('a trace of a matrix that is not square', () => {
    expect(() => trace(e)).toThrow(InputError);
    expect(trace(dense(2, 2, Float64Array.of(1, 5, 7, 3)))).toBe(4);
  });
});
