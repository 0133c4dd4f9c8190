/** What the tests of the solver share: stop rules, single trajectories with their states, and losses of their own. */
import * as tf from '@tensorflow/tfjs';
import { expect } from 'vitest';
import { loraSystem } from '../../kernels/tensorOps/loraSystem.js';
import { dense, type Dense } from '../../src/numbers/dense.js';
import { toFactors, type Adapter } from '../../src/ensemble/adapter.js';
import type { Coefficients } from '../../src/flow/coefficients.js';
import { clock } from '../../src/flow/normalization.js';
import type { Factors } from '../../src/problem/factors.js';
import { initialization } from '../../src/ensemble/initialization.js';
import { method } from '../../src/method/methods.js';
import type { Method } from '../../src/method/method.js';
import { custom } from '../../src/problem/custom.js';
import type { Problem } from '../../src/problem/problem.js';
import type { TensorLoss } from '../../src/problem/structure.js';
import type { HostState } from '../../src/solver/batch.js';
import { integrate, type Ending } from '../../src/solver/integrate.js';
import type { StopRule } from '../../src/method/track.js';
import type { Member } from '../../src/ensemble/member.js';
import { paddedWidth } from '../../src/solver/solve.js';
import { gaussian, memberOf, product, relativeError } from '../support.js';

/**
 * The bar for paths: float32 states round by 1e-7 a step, and some hundred steps at rtol 1e-6 add up to about 1e-5
 * at most.
 */
export const pathTolerance = 2e-5;

export const adaptive = method('dopri5', { rtol: 1e-6 });

export const until = (saveTimes: readonly number[], rule: Partial<StopRule> = {}): StopRule => ({
  saveTimes,
  steadyTolerance: null,
  maxSteps: 100_000,
  ...rule,
});

export const linspace = (from: number, to: number, count: number) =>
  Array.from({ length: count }, (_, i) => from + ((to - from) * i) / (count - 1));

/** Columns of a host factor held `width` wide, cut to the rank. */
export const columns = (data: Float32Array, width: number, rank: number): Dense => {
  const rows = data.length / width;
  return dense(
    rows,
    rank,
    Float64Array.from({ length: rows * rank }, (_, at) => data[Math.floor(at / rank) * width + (at % rank)]!),
  );
};

export const widened = ({ rows, cols, data }: Dense, width: number) =>
  Float32Array.from({ length: rows * width }, (_, at) =>
    at % width < cols ? data[Math.floor(at / width) * cols + (at % width)]! : 0,
  );

export interface Seen {
  readonly state: HostState;
  readonly factors: Factors;
  readonly time: number;
  readonly tensors: number;
}

/** One trajectory with its states at the save times. */
export async function trace(
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
export async function updates(
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
export const worstError = (actual: readonly Float64Array[], expected: readonly ArrayLike<number>[]) =>
  Math.max(...actual.map((update, i) => relativeError(update, expected[i]!)));

export const [n, r] = [64, 8];

/** A trial of a named initialization, in the problem's coordinates. */
export function drawnMember(
  problem: Problem,
  spec: string,
  rank: number,
  trial: number,
  k: Coefficients,
): Member {
  const { n: rows, m: cols } = problem;
  const adapter = initialization(spec).draw({
    n: rows,
    m: cols,
    lrRatioA: k.lrRatioA,
    key: { seed: 11, rank, trial },
    lrRatioB: k.lrRatioB,
    spectralDirections: (count) => problem.spectralDirections(count),
    descentTriples: (count) => problem.descentTriples(count),
  });
  return memberOf(adapter, k);
}

/**
 * 1/2 |W|^2 + 1/4 sum W^4 + 1/2 |W v|^2 with a fixed v: not quadratic, its entries coupled. It has no matrix product of
 * its own: the wasm backend rounds those of a batch of one differently, which is the loss's affair.
 */
export function quarticLoss(cols: number): TensorLoss {
  const v = Float32Array.from(gaussian(1, cols, 40, 1 / Math.sqrt(cols)).data);
  return (w) =>
    tf.tidy(() => {
      const squares = tf.square(w);
      const along = tf.square(tf.sum(tf.mul(w, tf.tensor3d(v, [1, 1, cols])), 2));
      const entries = tf.sum(tf.add(squares.mul(0.5), tf.square(squares).mul(0.25)), [1, 2]);
      return tf.add<tf.Tensor1D>(entries, tf.sum(along, 1).mul(0.5));
    });
}

export const customProblem = (name: string, base: Dense, loss: TensorLoss) =>
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
