/**
 * Problems: losses against their gradients, the float64 twin against the dense loss, the tensor operations against
 * the twin, and what is known in closed form against a singular value decomposition or a numerical solution.
 */
import * as tf from '@tensorflow/tfjs';
import { Matrix, SingularValueDecomposition } from 'ml-matrix';
import { beforeAll, describe, expect, it } from 'vitest';
import { evaluator } from '../kernels/cpu/evaluate.js';
import type { HostStructure } from '../src/problem/structure.js';
import { fullFineTuningSystem } from '../kernels/tensorOps/fullFineTuningSystem.js';
import { loraSystem } from '../kernels/tensorOps/loraSystem.js';
import { tensor2d } from '../kernels/tensorOps/tensor2d.js';
import { dense, transposed, type Dense } from '../src/numbers/dense.js';
import { toFactors } from '../src/ensemble/adapter.js';
import { intoFrame, outOfFrame } from '../src/problem/factors.js';
import { InputError } from '../src/host/inputError.js';
import { method } from '../src/method/method.js';
import { tableaus } from '../src/method/tableau.js';
import { custom } from '../src/problem/custom.js';
import { randomFrame, spectralFrame } from '../src/problem/frame.js';
import { frobenius, frobeniusDense, frobeniusFromSpectrum } from '../src/problem/frobenius.js';
import { linearRegression } from '../src/problem/linearRegression.js';
import type { Problem } from '../src/problem/problem.js';
import type { Structure, TensorLoss } from '../src/problem/structure.js';
import { listedSpectrum, namedSpectrum } from '../src/problem/spectrum.js';
import { trace, traceSquared } from '../src/problem/traceSquared.js';
import {
  eachBackend,
  coefficients,
  covariance,
  gaussian,
  integrate64,
  memberOf,
  norm,
  product,
  relativeError,
  solveAll,
  useBackend,
  fromMatrix,
  toMatrix,
} from './support.js';

const [n, m] = [9, 6];

/** Every built-in loss, tall, wide and (the trace) square. */
const builtIn: [string, Problem][] = [
  ['frobenius in its frame, tall', frobenius(gaussian(n, m, 1))],
  ['frobenius in its frame, wide', frobenius(gaussian(m, n, 1))],
  ['frobenius from a spectrum', frobeniusFromSpectrum(namedSpectrum('power:1', m), n, m)],
  ['frobenius, dense, tall', frobeniusDense(gaussian(n, m, 2))],
  ['frobenius, dense, wide', frobeniusDense(gaussian(m, n, 2))],
  ['linear regression, tall', linearRegression(gaussian(n, m, 3), covariance(m, 4))],
  ['linear regression, wide', linearRegression(gaussian(m, n, 3), covariance(n, 4))],
  ['trace-squared', traceSquared(n, -1.7)],
];

const host = (problem: Problem) => problem.structure as HostStructure;

const valueAndGradient = (problem: Problem, update: Dense) => problem.valueAndGradient(update)!;

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
    const distance = Matrix.sub(toMatrix(product({ x, y })), target).norm();
    expect(Math.abs(twin.distance / distance - 1)).toBeLessThan(1e-12);
    // The gradient of another update is another gradient.
    const swapped = valueAndGradient(problem, product({ x, y }, 1.01)).gradient;
    expect(relativeError(twin.dX, toMatrix(swapped).mmul(toMatrix(y)).neg().to1DArray())).toBeGreaterThan(
      1e-4,
    );
  });

  it('falls along full fine-tuning as its closed form says', () => {
    const at = (w: Float64Array) => valueAndGradient(problem, dense(problem.n, problem.m, w.slice()));
    const field = (w: Float64Array) => at(w).gradient.data.map((g) => -g);
    for (const t of [0.1, 0.4]) {
      const w = integrate64(tableaus.rk4, field, new Float64Array(problem.n * problem.m), t, 400);
      const { value } = at(w);
      // RK4 at (rate h) <= 9e-3 per step: local errors (rate h)^5 / 120, 400 of them.
      expect(Math.abs(problem.fullFineTuningLoss(t)! / value - 1)).toBeLessThan(1e-9);
    }
    expect(problem.fullFineTuningLoss(0)).toBeCloseTo(problem.initialLoss!, 12);
  });
});

/** The update that full fine-tuning ends with. */
function fullFineTuningEnd({ structure, n: rows, m: cols }: Problem): Matrix {
  switch (structure.kind) {
    case 'diagonal': {
      const e = Matrix.zeros(rows, cols);
      structure.sigma.forEach((s, i) => e.set(i, i, s));
      return e;
    }
    case 'quadratic':
      return toMatrix(structure.error);
    case 'trace':
      return Matrix.eye(rows, cols).mul(-structure.trace0 / rows);
    case 'autodiff':
      throw new Error('unknown for a custom loss');
  }
}

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

/** 1/2 |W - M|^2, what 'quadratic' computes for E = M - W0. */
const distanceLoss =
  (target: Dense): TensorLoss =>
  (w) =>
    tf.tidy(() => tf.sum<tf.Tensor1D>(tf.square(tf.sub(w, tensor2d(target))), [1, 2]).mul(0.5));

eachBackend('tensor operations on %s', (backend) => {
  beforeAll(() => useBackend(backend));

  // At width 32 both products with [130, 60] matrices and the Gram matrix of X take the separate path of
  // kernels/tensorOps/matMul.ts on wasm; at 4 and 8 nothing does.
  const [rows, cols] = [130, 60];
  const e = gaussian(rows, cols, 50, 1 / Math.sqrt(cols));
  const h = covariance(cols, 51);
  const base = gaussian(rows, cols, 52, 0.1);
  const moved = (sign: number) =>
    dense(
      rows,
      cols,
      base.data.map((w, i) => Math.fround(w + sign * e.data[i]!)),
    );
  const target = moved(1);
  const difference = dense(
    rows,
    cols,
    target.data.map((value, i) => value - base.data[i]!),
  );
  const sigma = namedSpectrum('power:1', cols).map(Math.fround);

  /** [name, structure, the same for the host, |E H|_F, |H|_F or 1]. */
  const structures: [string, Structure, HostStructure, number, number][] = [
    ['diagonal, tall', { kind: 'diagonal', sigma }, { kind: 'diagonal', sigma }, norm(sigma), 1],
    [
      'quadratic',
      { kind: 'quadratic', error: e, covariance: null },
      { kind: 'quadratic', error: e, covariance: null },
      norm(e.data),
      1,
    ],
    [
      'quadratic with a covariance',
      { kind: 'quadratic', error: e, covariance: h },
      { kind: 'quadratic', error: e, covariance: h },
      norm(e.data) * norm(h.data),
      norm(h.data),
    ],
    ['trace', { kind: 'trace', trace0: 1.5 }, { kind: 'trace', trace0: 1.5 }, 1.5, 1],
    [
      'autodiff',
      { kind: 'autodiff', base, loss: distanceLoss(target) },
      { kind: 'quadratic', error: difference, covariance: null },
      norm(base.data) + norm(target.data),
      1,
    ],
  ];

  const cases = structures.flatMap(([name, structure, twin, size, weight]) =>
    [4, 8, 32].map((width) => ({ name, structure, twin, size, weight, width })),
  );

  it.each(cases)(
    '$name at width $width agrees with the twin',
    async ({ structure, twin, size, weight, width }) => {
      await agree(
        structure,
        twin,
        { n: structure.kind === 'trace' ? cols : rows, m: cols, width },
        size,
        weight,
      );
    },
  );

  it('diagonal, wide agrees with the twin', async () => {
    const structure = { kind: 'diagonal', sigma } as const;
    await agree(structure, structure, { n: cols, m: rows, width: 8 }, norm(sigma), 1);
  });

  /** Compares a batch of three with the twin; `size` and `weight` bound the norms of E H and H. */
  async function agree(
    structure: Structure,
    twin: HostStructure,
    shape: { n: number; m: number; width: number },
    size: number,
    weight: number,
  ): Promise<void> {
    const { width } = shape;
    const batch = [0, 1, 2].map((trial) => ({
      x: gaussian(shape.n, width, 60 + trial, 0.2),
      y: gaussian(shape.m, width, 70 + trial, 0.2),
    }));
    const before = tf.memory().numTensors;
    const system = loraSystem(structure, shape);
    const constants = tf.memory().numTensors - before;
    const stack = (which: 'x' | 'y') => tf.stack(batch.map((f) => tensor2d(f[which]))) as tf.Tensor3D;
    const state = [tf.tidy(() => stack('x')), tf.tidy(() => stack('y'))] as const;
    const slopes = system.derivative(state);
    const single = [system.component(0, state), system.component(1, state)];
    expect(tf.memory().numTensors).toBe(before + constants + 6);
    const [dX, dY, onlyX, onlyY] = await Promise.all([...slopes, ...single].map((z) => z.data()));
    expect(onlyX).toEqual(dX);
    expect(onlyY).toEqual(dY);
    batch.forEach(({ x, y }, i) => {
      const expected = evaluator(twin)(x.data, y.data, width);
      // The a-priori bound of float32 inner products: gamma_k = k 2^-24 times the product of the norms, with k the
      // lengths of all the sums in a row.
      const gamma = (shape.n + 2 * shape.m + 3 * width) * 2 ** -24;
      const [nx, ny] = [norm(x.data), norm(y.data)];
      const scale = (own: number, other: number) => gamma * (size * other + weight * own * other * other);
      const part = (data: ArrayLike<number>, count: number) =>
        Array.from(data).slice(i * count, (i + 1) * count);
      const errorX = norm(part(dX!, shape.n * width).map((value, at) => value - expected.dX[at]!));
      const errorY = norm(part(dY!, shape.m * width).map((value, at) => value - expected.dY[at]!));
      expect(errorX).toBeLessThan(scale(nx, ny));
      expect(errorY).toBeLessThan(scale(ny, nx));
      // In practice errors are random and far below the bound: a root of k in place of k.
      expect(errorX / norm(expected.dX)).toBeLessThan(1e-5);
      expect(errorY / norm(expected.dY)).toBeLessThan(1e-5);
      // A neighbour's slope is not within it.
      const other = batch[(i + 1) % 3]!;
      const wrong = evaluator(twin)(other.x.data, other.y.data, width);
      expect(norm(part(dX!, shape.n * width).map((value, at) => value - wrong.dX[at]!))).toBeGreaterThan(
        scale(nx, ny),
      );
    });
    tf.dispose([...state, ...slopes, ...single]);
    system.dispose();
    expect(tf.memory().numTensors).toBe(before);
  }

  it('full fine-tuning of a custom loss moves against its gradient', async () => {
    const system = fullFineTuningSystem(distanceLoss(target));
    const w = tensor2d(base).expandDims<tf.Tensor3D>(0);
    const [slope] = system.derivative([w]);
    // One subtraction of float32 numbers of size below 4: a rounding each.
    expect(relativeError(await slope!.data(), difference.data)).toBeLessThan(1e-6);
  });

  it('a custom problem knows the directions of its gradient, and nothing in closed form', () => {
    const gradient = dense(
      rows,
      cols,
      difference.data.map((value) => -value),
    );
    const problem = custom('mine.ts', base, distanceLoss(target), gradient);
    const svd = new SingularValueDecomposition(toMatrix(gradient));
    expect(problem.rate).toBeCloseTo(svd.diagonal[0]!, 10);
    const along = toMatrix(gradient)
      .mmul(toMatrix(problem.spectralDirections(2)).transpose())
      .getColumnVector(1);
    expect(along.norm()).toBeCloseTo(svd.diagonal[1]!, 10);
    expect([
      problem.initialLoss,
      problem.optimum(1),
      problem.fullFineTuningLoss(1),
      problem.valueAndGradient(base),
    ]).toEqual([null, null, null, null]);
  });

  it.each([
    [20, 12],
    [12, 20],
  ])('the Frobenius flow of a %d x %d target is the same in its frame and dense', async (tall, wide) => {
    const error = gaussian(tall, wide, 80, 0.3);
    const adapter = { loraA: gaussian(3, wide, 81, 0.4), loraB: gaussian(tall, 3, 82, 0.2) };
    const options = {
      method: method('dopri5', { rtol: 1e-6 }),
      stop: { saveTimes: [0, 0.5, 1, 2, 4, 8], steadyTolerance: null, maxSteps: 10_000 },
      chunk: 8,
    };
    const inFrame = frobenius(error);
    const rotated = {
      ...memberOf(adapter, coefficients),
      initial: () => intoFrame(toFactors(adapter, coefficients), inFrame.frame),
    };
    const [a] = await solveAll(inFrame, [rotated], options);
    const [b] = await solveAll(frobeniusDense(error), [memberOf(adapter, coefficients)], options);
    const [unrotated] = await solveAll(inFrame, [memberOf(adapter, coefficients)], options);
    // Both are within 2e-5 of the flow (rtol 1e-6, some tens of steps), relative to the initial loss.
    const gap = (p: typeof a, q: typeof a) =>
      Math.max(...p!.saved.map((o, k) => Math.abs(o!.loss - q!.saved[k]!.loss) / q!.saved[0]!.loss));
    expect(gap(a, b)).toBeLessThan(2e-5);
    expect(gap(unrotated, b)).toBeGreaterThan(1e-2);
    const end = outOfFrame(a!.factors, inFrame.frame);
    expect(relativeError(product(end).data, product(b!.factors).data)).toBeLessThan(2e-5);
  });
});

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
