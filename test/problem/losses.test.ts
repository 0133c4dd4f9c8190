/** Values and gradients of built-in losses, and full fine-tuning, against float64 twins and integration. */
import { Matrix, SingularValueDecomposition } from 'ml-matrix';
import { describe, expect, it } from 'vitest';
import { evaluator } from '../../kernels/cpu/evaluate.js';
import type { HostStructure } from '../../src/problem/structure.js';
import { dense } from '../../src/numbers/dense.js';
import { tableaus } from '../../src/method/tableaus.js';
import { expansion } from '../../src/problem/expansion.js';
import { frobenius, frobeniusDense, frobeniusFromSpectrum } from '../../src/problem/frobenius.js';
import { kroneckerQuadratic } from '../../src/problem/kronecker.js';
import { linearRegression, onSamples } from '../../src/problem/linearRegression.js';
import type { Problem } from '../../src/problem/problem.js';
import { fromSamples } from '../../src/problem/samples.js';
import { namedSpectrum } from '../../src/problem/spectrum.js';
import { traceSquared } from '../../src/problem/traceSquared.js';
import {
  covariance,
  fewDirections,
  gaussian,
  integrate64,
  product,
  relativeError,
  toMatrix,
} from '../support.js';
import { n, m, valueAndGradient } from './support.js';

/** Every loss that the host evaluates, tall, wide and (the trace) square. */
const builtIn: [string, Problem][] = [
  ['frobenius in its frame, tall', frobenius(gaussian(n, m, 1))],
  ['frobenius in its frame, wide', frobenius(gaussian(m, n, 1))],
  ['frobenius from a spectrum', frobeniusFromSpectrum(namedSpectrum('power:1', m), n, m)],
  ['frobenius, dense, tall', frobeniusDense(gaussian(n, m, 2))],
  ['frobenius, dense, wide', frobeniusDense(gaussian(m, n, 2))],
  ['linear regression, tall', linearRegression(gaussian(n, m, 3), covariance(m, 4))],
  ['linear regression, wide', linearRegression(gaussian(m, n, 3), covariance(n, 4))],
  ['linear regression on samples, tall', onSamples(fromSamples(gaussian(40, m, 8), gaussian(40, n, 9)))],
  [
    'linear regression on fewer samples than inputs',
    onSamples(fromSamples(gaussian(5, n, 8), gaussian(5, m, 9))),
  ],
  [
    'curvature on both sides, tall',
    kroneckerQuadratic(gaussian(n, m, 5), covariance(n, 6), covariance(m, 7)),
  ],
  [
    'curvature on both sides, wide',
    kroneckerQuadratic(gaussian(m, n, 5), covariance(m, 6), covariance(n, 7)),
  ],
  ['trace-squared', traceSquared(n, -1.7)],
  [
    'an expansion with curvature on both sides, tall',
    expansion({
      loss: 3.2,
      gradient: gaussian(n, m, 10),
      outputCovariance: covariance(n, 11),
      covariance: covariance(m, 12),
    }),
  ],
  [
    'an expansion with the curvature of inputs alone, wide',
    expansion({
      loss: 3.2,
      gradient: gaussian(m, n, 10),
      outputCovariance: null,
      covariance: covariance(n, 12),
    }),
  ],
  [
    'an expansion of low-rank matrices, tall',
    expansion({
      loss: 3.2,
      gradient: fewDirections(n, m, 4, 10),
      outputCovariance: fewDirections(n, n, 3, 11, true),
      covariance: fewDirections(m, m, 2, 12, true),
    }),
  ],
];

const host = (problem: Problem) => problem.structure as HostStructure;

describe.each(builtIn)('%s', (_, problem) => {
  const update = gaussian(problem.n, problem.m, 20);

  it('has the gradient of its value', () => {
    const { gradient } = valueAndGradient(problem, update);
    // The losses are quadratic, so that central differences of any step are exact to rounding: 1e-16 |f| / h.
    const h = 0.1;
    const numeric = update.data.map((_, at) => {
      const value = (sign: number) => {
        const data = update.data.slice();
        data[at]! += sign * h;
        return valueAndGradient(problem, dense(problem.n, problem.m, data)).value;
      };
      return (value(1) - value(-1)) / (2 * h);
    });
    expect(relativeError(gradient.data, numeric)).toBeLessThan(1e-12);
    const elsewhere = valueAndGradient(problem, dense(problem.n, problem.m));
    expect(relativeError(elsewhere.gradient.data, numeric)).toBeGreaterThan(0.1);
  });

  it('starts at its initial loss', () => {
    const { value, gradient } = valueAndGradient(problem, dense(problem.n, problem.m));
    expect(Math.abs(problem.initialLoss! / value - 1)).toBeLessThan(1e-13);
    const top = new SingularValueDecomposition(toMatrix(gradient), { autoTranspose: true }).diagonal[0]!;
    expect(Math.abs(problem.rate / top - 1)).toBeLessThan(1e-13);
    // The directions are right singular vectors of that gradient: |G v_i| = sigma_i, orthonormal.
    const v = toMatrix(problem.spectralDirections(3));
    expect(Matrix.sub(v.mmul(v.transpose()), Matrix.eye(3)).norm()).toBeLessThan(1e-13);
    const leading = toMatrix(gradient).mmul(v.getRowVector(0).transpose());
    expect(Math.abs(leading.norm() / top - 1)).toBeLessThan(1e-13);
  });

  it('descends along the triples of -grad f(W0): -G V = U S and -G^T U = V S', () => {
    const { gradient } = valueAndGradient(problem, dense(problem.n, problem.m));
    const descent = toMatrix(gradient).neg();
    const triples = problem.descentTriples(3);
    const [u, v] = [toMatrix(triples.left), toMatrix(triples.right)];
    const sigma = Matrix.diag([...triples.sigma]);
    const close = (a: Matrix, b: Matrix) => relativeError(a.to1DArray(), b.to1DArray());
    expect(close(descent.mmul(v), u.mmul(sigma))).toBeLessThan(1e-13);
    expect(close(descent.transpose().mmul(u), v.mmul(sigma))).toBeLessThan(1e-13);
    for (const side of [u, v])
      expect(Matrix.sub(side.transpose().mmul(side), Matrix.eye(3)).norm()).toBeLessThan(1e-13);
    expect(Math.abs(triples.sigma[0]! / problem.rate - 1)).toBeLessThan(1e-13);
  });

  // Sums of at most 9 * 9 * 6 terms of one size: rounding of a few 1e-16 times their root, far below 1e-12.
  it.each([1, 3, 5])('agrees with its float64 twin at rank %d', (r) => {
    const x = gaussian(problem.n, r, 21);
    const y = gaussian(problem.m, r, 22);
    const twin = evaluator(host(problem))(x.data, y.data, r);
    const { value, gradient } = valueAndGradient(problem, product({ x, y }));
    const g = toMatrix(gradient);
    expect(Math.abs(twin.loss / value - 1)).toBeLessThan(1e-12);
    expect(relativeError(twin.dX, g.mmul(toMatrix(y)).neg().to1DArray())).toBeLessThan(1e-12);
    expect(relativeError(twin.dY, g.transpose().mmul(toMatrix(x)).neg().to1DArray())).toBeLessThan(1e-12);
    const target = fullFineTuningEnd(problem);
    const distance = target && Matrix.sub(toMatrix(product({ x, y })), target).norm();
    if (distance === null) expect(twin.distance).toBeNull();
    else expect(Math.abs(twin.distance! / distance - 1)).toBeLessThan(1e-12);
    // The gradient of another update is another gradient.
    const swapped = valueAndGradient(problem, product({ x, y }, 1.01)).gradient;
    expect(relativeError(twin.dX, toMatrix(swapped).mmul(toMatrix(y)).neg().to1DArray())).toBeGreaterThan(
      1e-4,
    );
  });

  it.skipIf(problem.fullFineTuningLoss(0) === null)(
    'falls along full fine-tuning as its closed form says',
    () => {
      const at = (w: Float64Array) => valueAndGradient(problem, dense(problem.n, problem.m, w.slice()));
      const field = (w: Float64Array) => at(w).gradient.data.map((g) => -g);
      for (const t of [0.1, 0.4]) {
        const w = integrate64(tableaus.rk4, field, new Float64Array(problem.n * problem.m), t, 400);
        const { value } = at(w);
        // RK4 at (rate h) <= 9e-3 per step: local errors (rate h)^5 / 120, 400 of them.
        expect(Math.abs(problem.fullFineTuningLoss(t)! / value - 1)).toBeLessThan(1e-9);
      }
      expect(problem.fullFineTuningLoss(0)).toBeCloseTo(problem.initialLoss!, 12);
    },
  );
});

/** The update that full fine-tuning ends with; null where the twin does not know it. */
function fullFineTuningEnd({ structure, n: rows, m: cols }: Problem): Matrix | null {
  switch (structure.kind) {
    case 'diagonal': {
      const e = Matrix.zeros(rows, cols);
      structure.sigma.forEach((s, i) => e.set(i, i, s));
      return e;
    }
    case 'quadratic':
    case 'kronecker':
      return toMatrix(structure.error);
    case 'samples':
    case 'expansion':
      return null;
    case 'trace':
      return Matrix.eye(rows, cols).mul(-structure.trace0 / rows);
    case 'autodiff':
      throw new Error('unknown for a custom loss');
  }
}

describe('the expansion of a quadratic', () => {
  it('is that quadratic everywhere', () => {
    const [e, s, h] = [gaussian(n, m, 13), covariance(n, 14), covariance(m, 15)];
    const whole = kroneckerQuadratic(e, s, h);
    const { value: loss, gradient } = valueAndGradient(whole, dense(n, m));
    const expanded = expansion({ loss, gradient, outputCovariance: s, covariance: h });
    const update = gaussian(n, m, 16, 2);
    const [there, expected] = [expanded, whole].map((problem) => valueAndGradient(problem, update));
    expect(there!.value / expected!.value).toBeCloseTo(1, 12);
    expect(relativeError(there!.gradient.data, expected!.gradient.data)).toBeLessThan(1e-13);
  });

  it('refuses curvatures of another size', () => {
    const gradient = gaussian(n, m, 13);
    const [s, h] = [covariance(n, 14), covariance(m, 15)];
    for (const [outputCovariance, inputs] of [
      [h, h],
      [s, s],
    ] as const)
      expect(() => expansion({ loss: 1, gradient, outputCovariance, covariance: inputs })).toThrow(
        'does not fit',
      );
  });
});

describe('the twin keeps problems apart', () => {
  it('that share a target and differ in their covariance', () => {
    const e = gaussian(n, m, 30);
    const problems = [
      frobeniusDense(e),
      linearRegression(e, covariance(m, 31)),
      linearRegression(e, covariance(m, 32)),
      frobeniusDense(e),
    ];
    const x = gaussian(n, 2, 33);
    const y = gaussian(m, 2, 34);
    for (const problem of problems) {
      const { value } = valueAndGradient(problem, product({ x, y }));
      expect(Math.abs(evaluator(host(problem))(x.data, y.data, 2).loss / value - 1)).toBeLessThan(1e-12);
    }
  });
});
