/**
 * Observables of states beside NumPy and SciPy on dense matrices (reference/make_observables.py), and what they are
 * where closed forms say: at rest, at aligned states, of zero ones.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { toFactors } from '../src/ensemble/adapter.js';
import { motionOf } from '../src/flow/motion.js';
import { clock } from '../src/flow/normalization.js';
import { InputError } from '../src/host/inputError.js';
import { dense, identity, type Dense } from '../src/numbers/dense.js';
import { largestEigenvalue } from '../src/numbers/largestEigenvalue.js';
import { largestPrincipalAngle } from '../src/numbers/principalAngle.js';
import { effectiveRank, stableRank } from '../src/numbers/spectralRanks.js';
import { intoFrame, type Factors } from '../src/problem/factors.js';
import { frobenius, frobeniusDense, frobeniusFromSpectrum } from '../src/problem/frobenius.js';
import { kroneckerQuadratic } from '../src/problem/kronecker.js';
import { linearRegression } from '../src/problem/linearRegression.js';
import type { Problem } from '../src/problem/problem.js';
import { traceSquared } from '../src/problem/traceSquared.js';
import { observablesOf, observeTask, type ObservableName } from '../src/solver/observables.js';
import { gaussian, plain } from './support.js';

interface Sizes {
  readonly n: number;
  readonly m: number;
  readonly rank: number;
  readonly scale: number;
  readonly a: readonly number[];
  readonly b: readonly number[];
}
interface State extends Sizes {
  readonly loss: string;
  readonly kA: number;
  readonly kB: number;
  readonly e: readonly number[];
  readonly outputCovariance: readonly number[];
  readonly covariance: readonly number[];
  readonly stableRank: number;
  readonly effectiveRank: number;
  readonly angleLeft: number;
  readonly angleRight: number;
  readonly sharpness: number;
}
interface Tuned extends Sizes {
  readonly base: readonly number[];
  readonly intruders: number;
}

const { states, intruders } = JSON.parse(
  readFileSync(new URL('reference/observables.json', import.meta.url), 'utf8'),
) as { states: State[]; intruders: Tuned[] };

const matrix = (rows: number, cols: number, data: readonly number[]): Dense =>
  dense(rows, cols, Float64Array.from(data));

const adapterOf = ({ n, m, rank, a, b }: Sizes) => ({
  loraA: matrix(rank, m, a),
  loraB: matrix(n, rank, b),
});

/** The problem of a state, as many ways as it has. */
function problemsOf({ loss, n, m, e, outputCovariance, covariance }: State): Problem[] {
  const error = matrix(n, m, e);
  if (loss === 'frobenius') return [frobenius(error), frobeniusDense(error)];
  const h = matrix(m, m, covariance);
  return loss === 'linear-regression'
    ? [linearRegression(error, h), kroneckerQuadratic(error, identity(n), h)]
    : [kroneckerQuadratic(error, matrix(n, n, outputCovariance), h)];
}

const observed = (
  problem: Problem,
  factors: Factors,
  names: readonly ObservableName[],
  k = plain,
  bases: Parameters<typeof observeTask>[3] = null,
) =>
  observablesOf(problem, motionOf(k), observeTask(problem, names, factors.x.cols, bases)!)(factors, clock(k));

describe.each(states)('of the $loss loss, $n x $m, rank $rank, kA $kA, kB $kB', (state) => {
  const k = { scale: state.scale, lrRatioA: state.kA, lrRatioB: state.kB };

  it('are those of NumPy and SciPy, in every form of the problem', () => {
    for (const problem of problemsOf(state)) {
      const factors = intoFrame(toFactors(adapterOf(state), k), problem.frame);
      const found = observed(problem, factors, ['ranks', 'angles', 'sharpness'], k);
      // Eigenvalues to the square of a residual of 1e-7, over relative gaps above 1e-3; the rest to rounding.
      for (const name of ['stableRank', 'effectiveRank', 'angleLeft', 'angleRight', 'sharpness'] as const)
        expect(Math.abs(found[name]! / state[name] - 1), name).toBeLessThan(1e-9);
      expect(found.largestStep! * found.sharpness!).toBeCloseTo(2, 14);
      expect(found.intruders).toBeNull();
    }
  });

  it('are not those of other coefficients', () => {
    const [problem] = problemsOf(state);
    const other = { ...k, scale: 1.1 * k.scale };
    const factors = intoFrame(toFactors(adapterOf(state), other), problem!.frame);
    const found = observed(problem!, factors, ['sharpness'], other);
    expect(Math.abs(found.sharpness! / state.sharpness - 1)).toBeGreaterThan(1e-2);
    expect(found).toMatchObject({ stableRank: null, effectiveRank: null, angleLeft: null });
  });
});

describe.each(intruders)('intruders of $n x $m, rank $rank: $intruders', (tuned) => {
  const base = matrix(tuned.n, tuned.m, tuned.base);
  const k = { scale: tuned.scale, lrRatioA: 1.3, lrRatioB: 2.1 };

  it('are as many as NumPy counts, in the coordinates of W and in a frame', () => {
    const error = gaussian(tuned.n, tuned.m, 3);
    for (const problem of [frobenius(error), frobeniusDense(error)]) {
      const factors = intoFrame(toFactors(adapterOf(tuned), k), problem.frame);
      const bases = { original: base, frozen: base };
      expect(observed(problem, factors, ['intruders'], k, bases).intruders).toBe(tuned.intruders);
    }
  });
});

describe('the sharpness', () => {
  const sigma = Float64Array.of(3, 2, 1);
  const problem = frobeniusFromSpectrum(sigma, 5, 4);
  const alongTop = (size: number): Factors => {
    const at = (rows: number) => {
      const z = dense(rows, 2);
      [0, 1].forEach((j) => (z.data[j * 2 + j] = size * Math.sqrt(sigma[j]!)));
      return z;
    };
    return { x: at(5), y: at(4) };
  };

  it('is twice the largest singular value at the balanced optimum, and that value at zero', () => {
    // f = |X Y^T - S|^2 / 2 at X = Y = sqrt(S): along (x_1, y_1) the Hessian is s_1 [[1, 1], [1, 1]].
    expect(observed(problem, alongTop(1), ['sharpness']).sharpness).toBeCloseTo(6, 10);
    expect(observed(problem, alongTop(0), ['sharpness']).sharpness).toBeCloseTo(3, 10);
  });

  it('bounds the steps of gradient descent: just below it converges, just above it does not', () => {
    const { largestStep } = observed(problem, alongTop(1), ['sharpness']);
    const evaluate = (z: Float64Array) => {
      const [x, y] = [z.subarray(0, 10), z.subarray(10)];
      const grad = new Float64Array(18);
      for (let i = 0; i < 5; i++)
        for (let j = 0; j < 4; j++) {
          let residual = i === j ? -(sigma[i] ?? 0) : 0;
          for (let c = 0; c < 2; c++) residual += x[i * 2 + c]! * y[j * 2 + c]!;
          for (let c = 0; c < 2; c++) {
            grad[i * 2 + c]! += residual * y[j * 2 + c]!;
            grad[10 + j * 2 + c]! += residual * x[i * 2 + c]!;
          }
        }
      return grad;
    };
    const { x, y } = alongTop(1);
    const start = Float64Array.from([...x.data, ...y.data]);
    const distanceAfter = (step: number, steps: number) => {
      // Off along the sharpest direction, (x_1, y_1) together.
      const z = start.slice();
      z[0]! += 1e-6;
      z[10]! += 1e-6;
      for (let i = 0; i < steps; i++) evaluate(z).forEach((g, at) => (z[at]! -= step * g));
      return Math.hypot(z[0]! - start[0]!, z[10]! - start[10]!);
    };
    const off = Math.SQRT2 * 1e-6;
    // Each step multiplies the deviation by 1 - h lambda = -+(1 -+ 0.02).
    expect(distanceAfter(0.99 * largestStep!, 60)).toBeLessThan(0.5 * off);
    expect(distanceAfter(1.01 * largestStep!, 60)).toBeGreaterThan(2 * off);
  });
});

describe('the largest eigenvalue', () => {
  const diagonal = (values: readonly number[]) => (v: Float64Array) =>
    v.map((value, i) => value * values[i]!);

  it('is the algebraically largest, over many restarts, of few numbers, and of none but equal ones', () => {
    const close = Array.from({ length: 300 }, (_, i) => -5 + (i / 299) ** 2 * 6);
    expect(largestEigenvalue(300, diagonal(close))).toBeCloseTo(1, 10);
    expect(largestEigenvalue(3, diagonal([-7, -2, -3]))).toBeCloseTo(-2, 12);
    expect(largestEigenvalue(1, diagonal([4]))).toBeCloseTo(4, 14);
    expect(largestEigenvalue(50, diagonal(new Array(50).fill(2)))).toBeCloseTo(2, 12);
    expect(largestEigenvalue(4, diagonal([0, 0, 0, 0]))).toBe(0);
  });

  it('is not made up where a product is not finite', () => {
    expect(largestEigenvalue(3, diagonal([1, Infinity, NaN]))).toBeNull();
  });
});

describe('ranks', () => {
  it('count equal directions, and fall with uneven ones', () => {
    for (const rank of [stableRank, effectiveRank]) {
      expect(rank([2, 2, 2])).toBeCloseTo(3, 14);
      expect(rank([5, 0, 0])).toBeCloseTo(1, 14);
      expect(rank([0, 0])).toBeNull();
      expect(rank([])).toBeNull();
    }
    expect(stableRank([2, 1])).toBeCloseTo(1.25, 14);
    expect(effectiveRank([3, 1])).toBeCloseTo(4 / 3 ** 0.75, 14);
  });
});

describe('the largest principal angle', () => {
  const basis = dense(4, 2, Float64Array.of(1, 0, 0, 1, 0, 0, 0, 0));
  const plane = (angle: number, scale = 1) =>
    dense(4, 2, Float64Array.of(scale * Math.cos(angle), 0, 0, 1, scale * Math.sin(angle), 0, 0, 0));

  it.each([0, 1e-9, 1e-4, 0.3, 1.2, Math.PI / 2])('finds %d, however the columns are scaled', (angle) => {
    for (const scale of [1, 1e-6, 1e5])
      expect(Math.abs(largestPrincipalAngle(plane(angle, scale), basis)! - angle)).toBeLessThan(
        1e-15 + 1e-9 * angle,
      );
  });

  it('takes what there is of dependent columns, and nothing of zero ones', () => {
    const twice = dense(4, 2, Float64Array.of(0.6, 1.2, 0, 0, 0.8, 1.6, 0, 0));
    expect(largestPrincipalAngle(twice, basis)).toBeCloseTo(Math.acos(0.6), 12);
    expect(largestPrincipalAngle(dense(4, 2), basis)).toBeNull();
  });
});

describe('what a problem does not have', () => {
  const task = (problem: Problem, name: ObservableName) => () => observeTask(problem, [name], 2, null);

  it('is refused by name', () => {
    expect(task(traceSquared(4, 1), 'angles')).toThrow(/observe.*angles.*target/);
    expect(task(frobenius(gaussian(5, 4, 1)), 'intruders')).toThrow(/base matrix W0/);
    expect(task(traceSquared(4, 1), 'angles')).toThrow(InputError);
  });
});
