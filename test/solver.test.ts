/**
 * The solver against what is known exactly: closed-form paths, an order-8 float64 integration, optima; and what it
 * promises about batches, outcomes, memory and save times.
 */
import { readFileSync } from 'node:fs';
import * as tf from '@tensorflow/tfjs';
import { SingularValueDecomposition } from 'ml-matrix';
import { beforeAll, describe, expect, it } from 'vitest';
import { loraSystem } from '../kernels/tensorOps/loraSystem.js';
import { dense, type Dense } from '../src/numbers/dense.js';
import { clock, toFactors, type Adapter, type Coefficients } from '../src/ensemble/adapter.js';
import type { Factors } from '../src/problem/factors.js';
import { initialization } from '../src/ensemble/initialization.js';
import { method, type Method } from '../src/method/method.js';
import { tableaus } from '../src/method/tableau.js';
import { custom } from '../src/problem/custom.js';
import { frobeniusDense, frobeniusFromSpectrum } from '../src/problem/frobenius.js';
import { linearRegression } from '../src/problem/linearRegression.js';
import type { Problem } from '../src/problem/problem.js';
import type { TensorLoss } from '../src/problem/structure.js';
import { namedSpectrum } from '../src/problem/spectrum.js';
import { traceSquared } from '../src/problem/traceSquared.js';
import type { HostState } from '../src/solver/batch.js';
import { integrate, type Ending } from '../src/solver/integrate.js';
import { judge, newTrack, planStep, type StopRule } from '../src/method/track.js';
import type { Path } from '../src/solver/path.js';
import { chunks, paddedWidth, type Member, type SolveOptions, type Trajectory } from '../src/solver/solve.js';
import { balancedPath } from '../src/theory/balanced.js';
import { alignedPath, eckartYoungMirsky } from '../src/theory/frobenius.js';
import { traceSquaredPath } from '../src/theory/traceSquared.js';
import {
  eachBackend,
  coefficients,
  covariance,
  flow64,
  gaussian,
  memberOf,
  norm,
  plain,
  product,
  relativeError,
  solveAll,
  useBackend,
  toMatrix,
} from './support.js';

/**
 * The bar for paths: float32 states round by 1e-7 a step, and some hundred steps at rtol 1e-6 add up to about 1e-5
 * at most.
 */
const pathTolerance = 2e-5;

const adaptive = method('dopri5', { rtol: 1e-6 });

const until = (saveTimes: readonly number[], rule: Partial<StopRule> = {}): StopRule => ({
  saveTimes,
  steadyTolerance: null,
  maxSteps: 100_000,
  ...rule,
});

const linspace = (from: number, to: number, count: number) =>
  Array.from({ length: count }, (_, i) => from + ((to - from) * i) / (count - 1));

/** Columns of a host factor held `width` wide, cut to the rank. */
const columns = (data: Float32Array, width: number, rank: number): Dense => {
  const rows = data.length / width;
  return dense(
    rows,
    rank,
    Float64Array.from({ length: rows * rank }, (_, at) => data[Math.floor(at / rank) * width + (at % rank)]!),
  );
};

const widened = ({ rows, cols, data }: Dense, width: number) =>
  Float32Array.from({ length: rows * width }, (_, at) =>
    at % width < cols ? data[Math.floor(at / width) * cols + (at % width)]! : 0,
  );

interface Seen {
  readonly state: HostState;
  readonly factors: Factors;
  readonly time: number;
  readonly tensors: number;
}

/** One trajectory with its states at the save times. */
async function trace(
  { structure, n, m }: Problem,
  start: Factors,
  how: Method,
  stop: StopRule,
  c: number,
): Promise<Ending<Seen>> {
  const rank = start.x.cols;
  const width = paddedWidth(rank);
  const system = loraSystem(structure, { n, m, width });
  const [ending] = await integrate(
    {
      system,
      shapes: [
        { rows: n, cols: width },
        { rows: m, cols: width },
      ],
      initial: [[widened(start.x, width), widened(start.y, width)]],
      clocks: [c],
      observe: (_, time, state): Seen => ({
        state,
        factors: {
          x: columns(state[0] as Float32Array, width, rank),
          y: columns(state[1] as Float32Array, width, rank),
        },
        time,
        tensors: tf.memory().numTensors,
      }),
    },
    how,
    stop,
  );
  system.dispose();
  return ending!;
}

/** s B A at every save time. */
async function updates(
  problem: Problem,
  adapter: Adapter,
  k: Coefficients,
  how: Method,
  times: readonly number[],
) {
  const { outcome, saved } = await trace(problem, toFactors(adapter, k), how, until(times), clock(k));
  expect(outcome).toBe('end-time');
  return saved.map((seen) => product(seen!.factors).data);
}

/** Largest relative error over the times. */
const worstError = (actual: readonly Float64Array[], expected: readonly ArrayLike<number>[]) =>
  Math.max(...actual.map((update, i) => relativeError(update, expected[i]!)));

/** X = B / sqrt(kB), Y = A^T / sqrt(kA) and c, as the closed forms take them. */
function scaledFactors({ loraA, loraB }: Adapter, { scale, lrRatioA, lrRatioB }: Coefficients) {
  return {
    c: scale * Math.sqrt(lrRatioA * lrRatioB),
    x0: dense(
      loraB.rows,
      loraB.cols,
      loraB.data.map((b) => b / Math.sqrt(lrRatioB)),
    ),
    y0: dense(
      loraA.cols,
      loraA.rows,
      Float64Array.from(loraA.data, (_, at) => {
        const [i, j] = [Math.floor(at / loraA.rows), at % loraA.rows];
        return loraA.data[j * loraA.cols + i]! / Math.sqrt(lrRatioA);
      }),
    ),
  };
}

const [n, r] = [64, 8];
const withoutRatio: Coefficients = { ...coefficients, lrRatioA: 1 };

eachBackend('closed-form paths on %s', (backend) => {
  beforeAll(() => useBackend(backend));

  it('trace-squared from a random initialization', async () => {
    const adapter = { loraA: gaussian(r, n, 1, 1 / r), loraB: gaussian(n, r, 2, 1 / r) };
    const times = linspace(0.05, 1, 20);
    const actual = await updates(traceSquared(n, 3), adapter, coefficients, adaptive, times);
    const path = (k: Coefficients) => {
      const { update } = traceSquaredPath({ trace0: 3, ...scaledFactors(adapter, k) });
      return times.map((t) => update(t).data);
    };
    expect(worstError(actual, path(coefficients))).toBeLessThan(pathTolerance);
    expect(worstError(actual, path(withoutRatio))).toBeGreaterThan(100 * pathTolerance);
  });

  const sigma = namedSpectrum('power:1', n).map(Math.fround);
  const problem = frobeniusFromSpectrum(sigma, n, n);

  it('Frobenius from an aligned initialization', async () => {
    const [a, b] = [gaussian(1, r, 3, 0.5).data.map(Math.abs), gaussian(1, r, 4, 0.2).data];
    const adapter = { loraA: dense(r, n), loraB: dense(n, r) };
    for (let i = 0; i < r; i++) {
      adapter.loraA.data[i * n + i] = a[i]!;
      adapter.loraB.data[i * r + i] = b[i]!;
    }
    const times = linspace(1, 20, 20);
    const actual = await updates(problem, adapter, coefficients, adaptive, times);
    const path = ({ scale, lrRatioA, lrRatioB }: Coefficients) => {
      const modes = (of: Float64Array, k: number) =>
        Float64Array.from(sigma, (_, i) => (of[i] ?? 0) / Math.sqrt(k));
      const c = scale * Math.sqrt(lrRatioA * lrRatioB);
      const { product: diagonal } = alignedPath({ sigma, c, x0: modes(b, lrRatioB), y0: modes(a, lrRatioA) });
      return times.map((t) => {
        const update = new Float64Array(n * n);
        diagonal(t).forEach((value, i) => (update[i * n + i] = value));
        return update;
      });
    };
    expect(worstError(actual, path(coefficients))).toBeLessThan(pathTolerance);
    expect(worstError(actual, path(withoutRatio))).toBeGreaterThan(100 * pathTolerance);
  });

  it.each([
    ['square', n, n],
    ['tall', 64, 48],
    ['wide', 48, 64],
  ])('Frobenius from a lambda-balanced initialization, %s', async (_, rows, cols) => {
    const lambda = 0.4;
    const values = sigma.slice(0, Math.min(rows, cols));
    const target = frobeniusFromSpectrum(values, rows, cols);
    const drawn = initialization(`balanced:${lambda}`).draw({
      n: rows,
      m: cols,
      lrRatioA: coefficients.lrRatioA,
      key: { seed: 6, rank: r, trial: 0 },
      spectralDirections: target.spectralDirections.bind(target),
    });
    const times = linspace(1, 20, 20);
    const actual = await updates(target, drawn, coefficients, adaptive, times);
    const path = (k: Coefficients) => {
      const scaled = scaledFactors(drawn, k);
      const { update } = balancedPath({
        sigma: values,
        n: rows,
        m: cols,
        lambda: (lambda * coefficients.lrRatioA) / k.lrRatioA,
        ...scaled,
      });
      return times.map((t) => update(t).data);
    };
    expect(worstError(actual, path(coefficients))).toBeLessThan(pathTolerance);
    expect(worstError(actual, path(withoutRatio))).toBeGreaterThan(100 * pathTolerance);
  });
});

interface Reference {
  n: number;
  m: number;
  rank: number;
  s: number;
  kA: number;
  kB: number;
  times: number[];
  e: Raw;
  h: Raw;
  cases: { name: string; a0: Raw; b0: Raw; updates: Raw[]; losses: number[]; a: Raw; b: Raw }[];
}

interface Raw {
  rows: number;
  cols: number;
  data: number[];
}

const reference = JSON.parse(
  readFileSync(new URL('reference/dop853.json', import.meta.url), 'utf8'),
) as Reference;

const read = ({ rows, cols, data }: Raw) => dense(rows, cols, Float64Array.from(data));

eachBackend('linear regression against DOP853 on %s', (backend) => {
  beforeAll(() => useBackend(backend));

  const problem = linearRegression(read(reference.e), read(reference.h));
  const k = { scale: reference.s, lrRatioA: reference.kA, lrRatioB: reference.kB };

  // RK4 at rate * c * step = 0.05 has a global error near 0.05^4 = 6e-6 of what moves.
  const methods: [string, Method][] = [
    ['dopri5', adaptive],
    ['rk4', method('rk4', { step: 0.025 })],
  ];

  it.each(
    reference.cases.flatMap((one) => methods.map(([name, how]) => ({ start: one.name, name, how, one }))),
  )('from $start with $name', async ({ how, one }) => {
    const adapter = { loraA: read(one.a0), loraB: read(one.b0) };
    const expected = one.updates.map(({ data }) => data);
    const actual = await updates(problem, adapter, k, how, reference.times);
    expect(worstError(actual, expected)).toBeLessThan(pathTolerance);
    if (how === adaptive) {
      const swapped = { ...k, lrRatioA: k.lrRatioB, lrRatioB: k.lrRatioA };
      const wrong = await updates(problem, adapter, swapped, how, reference.times);
      expect(worstError(wrong, expected)).toBeGreaterThan(100 * pathTolerance);
    }

    const [trajectory] = await solveAll(problem, [memberOf(adapter, k)], {
      method: how,
      stop: until(reference.times),
      chunk: 1,
    });
    // Losses are computed in float64 from the float32 state: relative to the loss, twice the path's error or so.
    const losses = trajectory!.saved.map((o) => o!.loss);
    expect(relativeError(losses, one.losses)).toBeLessThan(pathTolerance);
  });
});

describe('end points of the Frobenius flow', () => {
  beforeAll(() => useBackend('wasm'));

  it('are the truncated decomposition, for every trial', async () => {
    const sigma = namedSpectrum('power:1', n);
    const problem = frobeniusFromSpectrum(sigma, n, n);
    const ranks = [1, 2, 4, 8].flatMap((rank) => Array.from({ length: 32 }, (_, trial) => ({ rank, trial })));
    const members = ranks.map(({ rank, trial }) => drawnMember(problem, 'gaussian:0.1', rank, trial, plain));
    const trajectories = await solveAll(problem, members, {
      method: method('bosh3', { rtol: 1e-4 }),
      stop: until([3000], { steadyTolerance: 1e-3 }),
      chunk: 128,
    });
    expect(trajectories).toHaveLength(members.length);
    const gaps = trajectories.map(({ outcome, last }, i) => {
      expect(['stationary', 'end-time']).toContain(outcome);
      const error = Math.sqrt(last.loss / problem.initialLoss!);
      const gap = (rank: number) => error / eckartYoungMirsky(sigma, rank).relativeError - 1;
      const { rank } = ranks[i]!;
      // Another rank's optimum is far away.
      expect(Math.abs(gap(rank + 1))).toBeGreaterThan(1e-2);
      return gap(rank);
    });
    // A gradient norm 1e-3 of the largest leaves a relative excess of the loss near its square.
    expect(Math.max(...gaps.map(Math.abs))).toBeLessThan(1e-4);
    // Nothing is below the optimum: it is reached from above, up to float32 rounding of the state.
    expect(Math.min(...gaps)).toBeGreaterThan(-1e-6);
  }, 180_000);
});

/** A trial of a named initialization, in the problem's coordinates. */
function drawnMember(problem: Problem, spec: string, rank: number, trial: number, k: Coefficients): Member {
  const { n: rows, m: cols } = problem;
  const adapter = initialization(spec).draw({
    n: rows,
    m: cols,
    lrRatioA: k.lrRatioA,
    key: { seed: 11, rank, trial },
    spectralDirections: (count) => problem.spectralDirections(count),
  });
  return memberOf(adapter, k);
}

/**
 * 1/2 |W|^2 + 1/4 sum W^4 + 1/2 |W v|^2 with a fixed v: not quadratic, its entries coupled. It has no matrix product of
 * its own: the wasm backend rounds those of a batch of one differently, which is the loss's affair.
 */
function quarticLoss(cols: number): TensorLoss {
  const v = Float32Array.from(gaussian(1, cols, 40, 1 / Math.sqrt(cols)).data);
  return (w) =>
    tf.tidy(() => {
      const squares = tf.square(w);
      const along = tf.square(tf.sum(tf.mul(w, tf.tensor3d(v, [1, 1, cols])), 2));
      const entries = tf.sum(tf.add(squares.mul(0.5), tf.square(squares).mul(0.25)), [1, 2]);
      return tf.add<tf.Tensor1D>(entries, tf.sum(along, 1).mul(0.5));
    });
}

const customProblem = (name: string, base: Dense, loss: TensorLoss) =>
  custom(
    name,
    base,
    loss,
    dense(
      base.rows,
      base.cols,
      base.data.map((w) => w || 1),
    ),
  );

eachBackend('batches on %s', (backend) => {
  beforeAll(() => useBackend(backend));

  /** Everything a trajectory is, with the bits of its factors. */
  const bits = (trajectories: readonly Trajectory[]) =>
    trajectories.map((t) => JSON.stringify({ ...t, factors: [...t.factors.x.data, ...t.factors.y.data] }));

  // On wasm 60 columns: sums longer than the 48 in which it blocks its loop, and at rank 16 products that it computes
  // one trajectory at a time. Elsewhere nothing depends on the size.
  const [rows, cols] = backend === 'wasm' ? [70, 60] : [20, 16];
  const rectangular = linearRegression(gaussian(rows, cols, 20, 0.1), covariance(cols, 21));
  const problems: [string, Problem, number[]][] = [
    ['diagonal', frobeniusFromSpectrum(namedSpectrum('exp:0.5', 15), 20, 15), [1, 2, 3, 4, 5, 8]],
    ['linear regression', rectangular, [1, 3, 6, 7, 16]],
    ['trace-squared', traceSquared(20, 2), [1, 2, 5, 7]],
    ['custom', customProblem('quartic', gaussian(5, cols, 22, 0.2), quarticLoss(cols)), [1, 3, 8]],
  ];
  const methods: [string, Method, number][] = [
    ['adaptive', method('dopri5', { rtol: 1e-3 }), 8],
    ['fixed', method('rk4', { step: 0.1 }), 6],
    ['gradient descent', method('gd-a-then-b', { step: 0.05 }), 5],
  ];
  const cases = problems.flatMap(([name, problem, ranks]) =>
    methods.map(([how, m, end]) => ({ name, problem, ranks, how, method: m, end })),
  );

  it.each(cases)(
    'do not change a bit of a trajectory: $name, $how',
    async ({ problem, ranks, method: how, end }) => {
      // From small starts, which make steps grow on a plateau and then be rejected, at clocks up to 10 apart, so that
      // some become stationary long before others.
      const members = ranks.flatMap((rank, i) =>
        ['small:0.01', 'gaussian'].map((spec, trial) =>
          drawnMember(problem, spec, rank, trial, {
            scale: 0.3 * (1 + ((7 * i + 3 * trial) % 8)),
            lrRatioA: 1,
            lrRatioB: 1.5,
          }),
        ),
      );
      const options = (chunk: number): SolveOptions => ({
        method: how,
        stop: until([end / 4, end], { steadyTolerance: 0.05 }),
        chunk,
        detail: 'singular-values',
      });
      const together = await solveAll(problem, members, options(1000));
      expect(together).toHaveLength(members.length);
      expect(bits(await solveAll(problem, members, options(1)))).toEqual(bits(together));
      const backwards = await solveAll(problem, [...members].reverse(), options(3));
      expect(bits(backwards.reverse())).toEqual(bits(together));
      // The batch did shrink on the way, and steps were rejected.
      expect(new Set(together.map(({ acceptedSteps }) => acceptedSteps)).size).toBeGreaterThan(1);
      expect(together.some(({ outcome }) => outcome === 'stationary')).toBe(true);
      if (how.kind === 'adaptive') expect(together.some(({ rejectedSteps }) => rejectedSteps > 0)).toBe(true);
    },
  );

  it('are cut by padded width and chunk size, each member once', () => {
    expect([1, 2, 3, 4, 5, 8, 9, 16, 17].map(paddedWidth)).toEqual([4, 4, 4, 4, 8, 8, 16, 16, 32]);
    const members = [1, 8, 2, 5, 3, 4, 6].map((rank) =>
      drawnMember(problems[0]![1], 'gaussian', rank, 0, plain),
    );
    const cut = (size: number, path: Path) =>
      chunks(members, size, () => path).map(({ width, indices }) => [width, ...indices]);
    expect(cut(2, 'tensor-ops')).toEqual([
      [4, 0, 2],
      [4, 4, 5],
      [8, 1, 3],
      [8, 6],
    ]);
    expect(cut(100, 'tensor-ops')).toEqual([
      [4, 0, 2, 4, 5],
      [8, 1, 3, 6],
    ]);
    expect(cut(2, 'fused').map(([width]) => width)).toEqual([1, 8, 2, 5, 3, 4, 6]);
  });

  it('hold rank 3 at width 4 as if it were alone', async () => {
    const problem = linearRegression(gaussian(12, 9, 23, 0.4), covariance(9, 24));
    const start = toFactors(
      { loraA: gaussian(3, 9, 25, 0.4), loraB: gaussian(12, 3, 26, 0.2) },
      coefficients,
    );
    const { structure } = problem;
    if (structure.kind === 'autodiff') throw new Error('built in');
    const { saved } = await trace(problem, start, adaptive, until([3]), clock(coefficients));
    const [x, y] = saved[0]!.state;
    // The fourth column never leaves zero.
    expect([...x!, ...y!].every((value, at) => at % 4 !== 3 || value === 0)).toBe(true);
    const exact = flow64(tableaus.rk4, structure, start, 3 * clock(coefficients), 600);
    expect(relativeError(saved[0]!.factors.x.data, exact.x.data)).toBeLessThan(pathTolerance);
    expect(relativeError(saved[0]!.factors.y.data, exact.y.data)).toBeLessThan(pathTolerance);
    const early = flow64(tableaus.rk4, structure, start, 3, 600);
    expect(relativeError(saved[0]!.factors.x.data, early.x.data)).toBeGreaterThan(100 * pathTolerance);
  });
});

eachBackend('outcomes on %s', (backend) => {
  beforeAll(() => useBackend(backend));

  const problem = frobeniusDense(gaussian(10, 8, 30, 0.3));
  const slow = drawnMember(problem, 'gaussian', 2, 0, { scale: 0.01, lrRatioA: 1, lrRatioB: 1 });
  const fast = drawnMember(problem, 'gaussian', 2, 1, { scale: 5, lrRatioA: 1, lrRatioB: 1 });
  const wild = drawnMember(problem, 'gaussian', 2, 2, { scale: 5e3, lrRatioA: 1, lrRatioB: 1 });
  const run = (members: Member[], how: Method, stop: StopRule, of = problem) =>
    solveAll(of, members, { method: how, stop, chunk: 100 });

  it('end-time and stationary', async () => {
    const times = [...linspace(0, 0.5, 51), 20, 40];
    const [a, b] = await run([slow, fast], adaptive, until(times, { steadyTolerance: 1e-2 }));
    expect(a!.outcome).toBe('end-time');
    expect(a!.time).toBeCloseTo(40, 12);
    expect(a!.saved.map((o) => o!.time)).toEqual(times);
    expect(b!.outcome).toBe('stationary');
    expect(b!.time).toBeLessThan(40);
    // Relative to the largest at a save time, which is close to the largest at a step.
    const peak = Math.max(...b!.saved.map((o) => o!.gradientNorm!));
    expect(b!.last.gradientNorm).toBeLessThan(1.1e-2 * peak);
    // What is stationary stays: its last observation stands for the later save times.
    expect(b!.saved.at(-1)).toEqual(b!.last);
    expect(b!.last.time).toBe(b!.time);
  });

  it('stationary at once, from a stationary start', async () => {
    const zero = memberOf({ loraA: dense(2, 8), loraB: dense(10, 2) }, plain);
    for (const how of [adaptive, method('rk4', { step: 0.1 }), method('gd-simultaneous', { step: 0.1 })]) {
      const [a] = await run([zero], how, until([1], { steadyTolerance: 1e-3 }));
      expect(a!.outcome).toBe('stationary');
      expect(a!.acceptedSteps).toBe(1);
    }
  });

  it('step-budget', async () => {
    const [a] = await run([slow], adaptive, until([1e6], { maxSteps: 7 }));
    expect(a!.outcome).toBe('step-budget');
    expect(a!.acceptedSteps + a!.rejectedSteps).toBe(7);
    expect(a!.saved).toEqual([null]);
    expect(a!.last.loss).toBeLessThan(problem.initialLoss!);
    // A budget that is just enough is enough.
    const stop = (maxSteps: number) => until([1], { maxSteps });
    const outcome = async (maxSteps: number) =>
      (await run([slow], method('rk4', { step: 0.1 }), stop(maxSteps)))[0]!.outcome;
    expect([await outcome(9), await outcome(10), await outcome(11)]).toEqual([
      'step-budget',
      'end-time',
      'end-time',
    ]);
  });

  it.each(['rk4', 'gd-simultaneous', 'gd-b-then-a'] as const)(
    'diverged: %s with far too large a step',
    async (name) => {
      const how = method(name, { step: 1 });
      const stop = until([10, 200], { steadyTolerance: 1e-6 });
      const alone = await run([slow, fast], how, until([10, 200]));
      const stable = alone[0]!;
      expect(stable.outcome).toBe('end-time');
      const [a, b, c] = await run([slow, wild, slow], how, stop);
      expect(b!.outcome).toBe('diverged');
      expect(b!.saved).toEqual([null, null]);
      // The last finite state is kept.
      expect(b!.factors.x.data.every(Number.isFinite)).toBe(true);
      expect(b!.time).toBeLessThan(200);
      // A neighbour's infinities do not touch the others.
      const [undisturbed] = await run([slow], how, stop);
      expect(JSON.stringify(a)).toBe(JSON.stringify(undisturbed));
      expect(JSON.stringify(c)).toBe(JSON.stringify(undisturbed));
    },
  );

  const zeros = dense(5, 4);
  const at = (scale: number, size: number) =>
    memberOf(
      {
        loraA: dense(2, 4, new Float64Array(8).fill(size)),
        loraB: dense(5, 2, new Float64Array(10).fill(size)),
      },
      { ...plain, scale },
    );

  it('diverged: an adaptive run that grows without bound', async () => {
    const unbounded = customProblem('-sum W', zeros, (w) =>
      tf.tidy(() => tf.sum<tf.Tensor1D>(w, [1, 2]).neg()),
    );
    const [a, b] = await run([at(1, 0.1), at(0.01, 0.1)], adaptive, until([5, 100]), unbounded);
    expect(a!.outcome).toBe('diverged');
    expect(a!.saved[0]).not.toBeNull();
    expect(a!.saved[1]).toBeNull();
    expect(a!.factors.x.data.every(Number.isFinite)).toBe(true);
    expect(b!.outcome).toBe('end-time');
    const [alone] = await run([at(0.01, 0.1)], adaptive, until([5, 100]), unbounded);
    expect(JSON.stringify(b)).toBe(JSON.stringify(alone));
  });

  it('step-too-small: an adaptive run that blows up in finite time', async () => {
    const blowUp = customProblem('-sum W^4', zeros, (w) =>
      tf.tidy(() => tf.sum<tf.Tensor1D>(tf.square(tf.square(w)), [1, 2]).neg()),
    );
    const [a, b] = await run([at(1, 1), at(1, 0.01)], adaptive, until([10]), blowUp);
    // The step shrinks with the time that is left, and float64 time runs out of digits before float32 states do.
    expect(a!.outcome).toBe('step-too-small');
    expect(a!.saved).toEqual([null]);
    expect(a!.last.loss).toBeLessThan(-1);
    expect(b!.outcome).toBe('end-time');
  });
});

eachBackend('memory on %s', (backend) => {
  beforeAll(() => useBackend(backend));

  const problems: [string, Problem][] = [
    ['diagonal', frobeniusFromSpectrum(namedSpectrum('power:1', 10), 12, 10)],
    ['linear regression', linearRegression(gaussian(12, 10, 50, 0.3), covariance(10, 51))],
    ['trace-squared', traceSquared(10, 1)],
    ['custom', customProblem('quartic', gaussian(12, 10, 52, 0.3), quarticLoss(10))],
  ];
  const methods = [adaptive, method('rk4', { step: 0.05 }), method('gd-a-then-b', { step: 0.05 })];

  it.each(problems)('%s leaves no tensor behind', async (_, problem) => {
    for (const how of methods) {
      const before = tf.memory().numTensors;
      const members = [0, 1, 2, 3, 4].map((trial) =>
        drawnMember(problem, 'small:0.3', 2, trial, { ...plain, scale: 1 + 3 * trial }),
      );
      await solveAll(problem, members, {
        method: how,
        stop: until([0, 1, 2, 20], { steadyTolerance: 1e-2 }),
        chunk: 3,
      });
      expect(tf.memory().numTensors).toBe(before);
    }
  });

  it.each(problems)('%s holds the same tensors at every save time', async (_, problem) => {
    for (const how of methods) {
      const { x, y } = drawnMember(problem, 'small:0.3', 2, 0, plain).initial();
      const { saved } = await trace(problem, { x, y }, how, until(linspace(0.5, 8, 16)), 1);
      expect(new Set(saved.map((seen) => seen!.tensors)).size).toBe(1);
    }
  });

  it('nothing is left after a failure', async () => {
    const problem = problems[0]![1];
    const before = tf.memory().numTensors;
    const failing = { ...drawnMember(problem, 'gaussian', 2, 0, plain) };
    const broken: Member = {
      ...failing,
      initial: () => {
        throw new Error('no start');
      },
    };
    await expect(
      solveAll(problem, [broken], { method: adaptive, stop: until([1]), chunk: 1 }),
    ).rejects.toThrow('no start');
    expect(tf.memory().numTensors).toBe(before);
  });
});

eachBackend('save times on %s', (backend) => {
  beforeAll(() => useBackend(backend));

  const problem = linearRegression(gaussian(12, 9, 60, 0.4), covariance(9, 61));
  const member = drawnMember(problem, 'gaussian', 3, 0, coefficients);
  const run = async (how: Method, saveTimes: number[], start = member) =>
    (await solveAll(problem, [start], { method: how, stop: until(saveTimes), chunk: 1 }))[0]!;

  it('may be 0: the start itself', async () => {
    for (const how of [adaptive, method('rk4', { step: 0.5 })]) {
      const { saved } = await run(how, [0, 1]);
      expect(saved[0]!.time).toBe(0);
      // B = 0 at the start.
      expect(Math.abs(saved[0]!.loss / problem.initialLoss! - 1)).toBeLessThan(1e-14);
      const only = await run(how, [0]);
      expect(only.outcome).toBe('end-time');
      expect(only.acceptedSteps).toBe(0);
      expect(only.saved).toEqual([saved[0]]);
    }
  });

  it('do not change one another, to within the tolerance', async () => {
    const sparse = await run(adaptive, [4]);
    const crowded = await run(adaptive, [0, 0.1, 0.11, 0.1100001, 1, 2, 2.5, 4 - 1e-9, 4]);
    const [a, b] = [sparse, crowded].map(({ factors }) => product(factors).data);
    expect(relativeError(b!, a!)).toBeLessThan(pathTolerance);
    expect(crowded.saved.map((o) => o!.time)).toEqual([0, 0.1, 0.11, 0.1100001, 1, 2, 2.5, 4 - 1e-9, 4]);
    const early = await run(adaptive, [3.5]);
    expect(relativeError(product(early.factors).data, a!)).toBeGreaterThan(100 * pathTolerance);
    // Cutting steps short does not make the controller forget its step: few steps are added.
    expect(crowded.acceptedSteps).toBeLessThan(sparse.acceptedSteps + 2 * 9);
  });

  // At a clock of 1 the step 0.01 rounds down to float32, by enough to fall behind in 100 steps, and 0.1 rounds up:
  // neither may cost or save a step.
  it.each([0.01, 0.1, 0.25])('of a fixed step %d are hit by whole multiples', async (step) => {
    for (const name of ['rk4', 'gd-simultaneous'] as const) {
      const how = method(name, { step });
      for (const k of [plain, coefficients]) {
        const start = drawnMember(problem, 'gaussian', 3, 0, k);
        const whole = await run(how, [2], start);
        expect(whole.acceptedSteps).toBe(Math.round(2 / step));
        expect(whole.evaluations).toBe(whole.acceptedSteps * (name === 'rk4' ? 4 : 1));
        const cut = await run(how, [0, 0.5, 1, 2], start);
        expect(cut.acceptedSteps).toBe(whole.acceptedSteps);
        expect(cut.factors).toEqual(whole.factors);
      }
    }
  });

  it('of a fixed step are hit after a million steps', () => {
    const how = method('rk4', { step: 1e-3 });
    const stop = until([1000], { maxSteps: Infinity });
    const track = newTrack<null>(0, 1, how);
    const measured = { size: 1, rate: 1, errorRate: 0, radius: NaN };
    for (let hit = false; !hit;) {
      const step = planStep(track, how, stop);
      judge(track, step, measured, how, stop);
      hit = step.hit;
    }
    expect(track.accepted).toBe(1_000_000);
    expect(track.tau).toBe(1000);
  });
});

eachBackend('what the flow conserves on %s', (backend) => {
  beforeAll(() => useBackend(backend));

  const sigma = namedSpectrum('power:1', 20);
  const problems: [string, Problem][] = [
    ['diagonal', frobeniusFromSpectrum(sigma, 24, 20)],
    ['linear regression', linearRegression(gaussian(24, 20, 70, 0.3), covariance(20, 71))],
    ['trace-squared', traceSquared(20, 1)],
    ['custom', customProblem('quartic', gaussian(24, 20, 72, 0.3), quarticLoss(20))],
  ];

  it.each(problems)('%s: balancedness stays, the loss falls', async (_, problem) => {
    const member = drawnMember(problem, 'small:0.3', 5, 0, coefficients);
    const options = { stop: until([0, ...linspace(0.5, 20, 40)]), chunk: 1 };
    const [trajectory] = await solveAll(problem, [member], { method: adaptive, ...options });
    const saved = trajectory!.saved.map((o) => o!);
    const drift = (b: number[]) => Math.max(...b.map((value) => Math.abs(value / b[0]! - 1)));
    // B^T B / kB - A A^T / kA is of the size of its terms here: a few 1e-7 of rounding and 1e-6 of error a step.
    expect(drift(saved.map((o) => o.balancedness!))).toBeLessThan(1e-4);
    saved.slice(1).forEach((o, i) => {
      // The loss of a float32 state is known to about 1e-6 of the start.
      expect(o.loss).toBeLessThan(saved[i]!.loss + 1e-6 * Math.abs(saved[0]!.loss));
    });
    expect(saved.at(-1)!.loss).toBeLessThan(saved[0]!.loss - 0.05 * Math.abs(saved[0]!.loss));
    // Gradient descent at a finite step does not conserve it.
    const [descent] = await solveAll(problem, [member], {
      method: method('gd-simultaneous', { step: 0.1 }),
      ...options,
      stop: until(linspace(0, 20, 5)),
    });
    expect(drift(descent!.saved.map((o) => o!.balancedness!))).toBeGreaterThan(1e-3);
  });

  it('df/dt is minus the squared gradient norm', async () => {
    for (const [, problem] of problems.slice(0, 3)) {
      const member = drawnMember(problem, 'small:0.3', 5, 0, coefficients);
      const dt = 0.004;
      const [t] = await solveAll(problem, [member], {
        method: adaptive,
        stop: until([0.5 - dt, 0.5, 0.5 + dt]),
        chunk: 1,
      });
      const [before, middle, after] = t!.saved.map((o) => o!);
      const slope = (after!.loss - before!.loss) / (2 * dt);
      // A central difference: dt^2 / 6 of the third derivative, which is at most (rate 4)^3 of the slope here.
      expect(Math.abs(slope / -(middle!.gradientNorm! ** 2) - 1)).toBeLessThan(1e-2);
    }
  });

  it.each([1, 3, 8])('singular values at rank %d are those of the formed update', async (rank) => {
    for (const [rows, cols] of [
      [24, 20],
      [20, 24],
      [6, 24],
    ] as const) {
      if (rank > Math.min(rows, cols)) continue;
      const problem = frobeniusDense(gaussian(rows, cols, 73, 0.3));
      const member = drawnMember(problem, 'small:0.3', rank, 0, coefficients);
      const [t] = await solveAll(problem, [member], {
        method: adaptive,
        stop: until([2]),
        chunk: 1,
        detail: 'singular-values',
      });
      const svd = new SingularValueDecomposition(toMatrix(product(t!.factors)), { autoTranspose: true });
      const values = t!.last.singularValues!;
      expect(values).toHaveLength(rank);
      // Both in float64 from the same factors.
      expect(relativeError(values, svd.diagonal.slice(0, rank))).toBeLessThan(1e-12);
      expect(t!.last.distance).toBeCloseTo(Math.sqrt(2 * t!.last.loss), 12);
      expect(norm(values.slice(1))).toBeLessThan(norm(values));
    }
  });
});
