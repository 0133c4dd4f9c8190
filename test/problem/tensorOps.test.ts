/** The flow by tensor operations against the float64 twin, within the a-priori bound of float32 sums. */
import * as tf from '@tensorflow/tfjs';
import { SingularValueDecomposition } from 'ml-matrix';
import { beforeAll, expect, it } from 'vitest';
import { evaluator } from '../../kernels/cpu/evaluate.js';
import type { HostStructure } from '../../src/problem/structure.js';
import { fullFineTuningSystem } from '../../kernels/tensorOps/fullFineTuningSystem.js';
import { loraSystem } from '../../kernels/tensorOps/loraSystem.js';
import { tensor2d } from '../../kernels/tensorOps/tensor2d.js';
import { dense, type Dense } from '../../src/numbers/dense.js';
import { toFactors } from '../../src/ensemble/adapter.js';
import { intoFrame, outOfFrame } from '../../src/problem/factors.js';
import { method } from '../../src/method/methods.js';
import { custom } from '../../src/problem/custom.js';
import { frobenius, frobeniusDense } from '../../src/problem/frobenius.js';
import type { Structure, TensorLoss } from '../../src/problem/structure.js';
import { namedSpectrum } from '../../src/problem/spectrum.js';
import type { Device } from '../../src/solver/device.js';
import { solve } from '../../src/solver/solve.js';
import {
  eachBackend,
  coefficients,
  covariance,
  fewDirections,
  gaussian,
  memberOf,
  norm,
  product,
  relativeError,
  spelledOut,
  useBackend,
  toMatrix,
} from '../support.js';

let device: Device;

/** 1/2 |W - M|^2, what 'quadratic' computes for E = M - W0. */
const distanceLoss =
  (target: Dense): TensorLoss =>
  (w) =>
    tf.tidy(() => tf.sum<tf.Tensor1D>(tf.square(tf.sub(w, tensor2d(target))), [1, 2]).mul(0.5));

eachBackend('tensor operations on %s', (backend) => {
  beforeAll(async () => void (device = await useBackend(backend)));

  // At width 32 both products with [130, 60] matrices and the Gram matrix of X take the separate path of
  // kernels/tensorOps/matMul.ts on wasm; at 4 and 8 nothing does.
  const [rows, cols] = [130, 60];
  const e = gaussian(rows, cols, 50, 1 / Math.sqrt(cols));
  const h = covariance(cols, 51);
  const s = covariance(rows, 53);
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

  const few = {
    ...{ kind: 'expansion' as const, constant: 1, descent: fewDirections(rows, cols, 24, 54) },
    ...{ outputCovariance: fewDirections(rows, rows, 16, 55, true) },
    ...{ covariance: fewDirections(cols, cols, 16, 56, true) },
  };

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
    [
      'curvature on both sides',
      { kind: 'kronecker', error: e, outputCovariance: s, covariance: h },
      { kind: 'kronecker', error: e, outputCovariance: s, covariance: h },
      norm(s.data) * norm(e.data) * norm(h.data),
      norm(s.data) * norm(h.data),
    ],
    [
      'expansion',
      { kind: 'expansion', constant: 1, descent: e, outputCovariance: s, covariance: h },
      { kind: 'expansion', constant: 1, descent: e, outputCovariance: s, covariance: h },
      norm(e.data),
      norm(s.data) * norm(h.data),
    ],
    [
      'expansion with the curvature of inputs alone',
      { kind: 'expansion', constant: 1, descent: e, outputCovariance: null, covariance: h },
      { kind: 'expansion', constant: 1, descent: e, outputCovariance: null, covariance: h },
      norm(e.data),
      norm(h.data),
    ],
    [
      'expansion of low-rank matrices',
      few,
      few,
      norm(spelledOut(few.descent).data),
      norm(spelledOut(few.outputCovariance).data) * norm(spelledOut(few.covariance).data),
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
    const [a] = await solve({ problem: inFrame, members: [rotated] }, { ...options, device }).all();
    const [b] = await solve(
      { problem: frobeniusDense(error), members: [memberOf(adapter, coefficients)] },
      { ...options, device },
    ).all();
    const [unrotated] = await solve(
      { problem: inFrame, members: [memberOf(adapter, coefficients)] },
      { ...options, device },
    ).all();
    // Both are within 2e-5 of the flow (rtol 1e-6, some tens of steps), relative to the initial loss.
    const gap = (p: typeof a, q: typeof a) =>
      Math.max(...p!.saved.map((o, k) => Math.abs(o!.loss - q!.saved[k]!.loss) / q!.saved[0]!.loss));
    expect(gap(a, b)).toBeLessThan(2e-5);
    expect(gap(unrotated, b)).toBeGreaterThan(1e-2);
    const end = outOfFrame(a!.factors, inFrame.frame);
    expect(relativeError(product(end).data, product(b!.factors).data)).toBeLessThan(2e-5);
  });
});
