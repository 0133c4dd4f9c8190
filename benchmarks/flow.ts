/**
 * What most workloads run: trajectories of the Frobenius flow in its spectral frame, sigma_i = i^-1/2, from X = 0 and
 * Y = N(0, 1/m), by RK4; and how many operations that is.
 */
import { dense } from '../src/numbers/dense.js';
import type { Factors } from '../src/problem/factors.js';
import { method } from '../src/method/methods.js';
import type { StopRule } from '../src/method/track.js';
import { frobeniusFromSpectrum } from '../src/problem/frobenius.js';
import type { Problem } from '../src/problem/problem.js';
import { namedSpectrum } from '../src/problem/spectrum.js';
import { memberAt, type Member } from '../src/ensemble/member.js';
import { normals } from '../src/numbers/philox.js';

export interface Size {
  readonly n: number;
  readonly m: number;
  readonly rank: number;
}

/** Step size in time t. */
export const STEP = 0.02;
export const rk4 = method('rk4', { step: STEP });

export const problemOf = ({ n, m }: Size): Problem =>
  frobeniusFromSpectrum(namedSpectrum('power:0.5', Math.min(n, m)), n, m);

/** Initial factors of float32 numbers, so that every precision starts from the same. */
export function startOf({ n, m, rank }: Size, trial: number, seed = 1): Factors {
  const drawn = normals(m * rank, { seed, rank, trial }, 'loraA');
  const y = drawn.map((value) => Math.fround(value / Math.sqrt(m)));
  return { x: dense(n, rank), y: dense(m, rank, y) };
}

export const plain = { scale: 1, lrRatioA: 1, lrRatioB: 1 } as const;

/** Members that are drawn here and now: drawing is not what is timed. */
export const membersOf = (size: Size, count: number): Member[] =>
  Array.from({ length: count }, (_, trial) => memberAt(startOf(size, trial), plain, trial));

/** Stop rule at the end of so many steps, with nothing saved in between. */
export const stopAfter = (steps: number): StopRule => ({
  saveTimes: [steps * STEP],
  steadyTolerance: null,
  maxSteps: steps,
});

/**
 * Operations (a product or a sum each) of an evaluation of the flow. Of each of the n + m rows: its share of a Gram
 * matrix, r (r + 1) / 2 entries of 2; sigma times the other factor, r; minus its product with a Gram matrix, 2 r^2.
 */
export const flopsPerEvaluation = ({ n, m, rank: r }: Size): number =>
  (n + m) * (r * (r + 1) + r + 2 * r * r);

/**
 * Operations of a step of RK4: 4 evaluations; for each of the (n + m) r entries three stages of 2, their sum of 8, and
 * the norms of the state and its slope, 2 each.
 */
export const flopsPerStep = (size: Size): number =>
  4 * flopsPerEvaluation(size) + (size.n + size.m) * size.rank * (3 * 2 + 8 + 2 * 2);

export const FLOPS =
  'a step is 4 evaluations of (n + m) (3 r^2 + 2 r) operations and (n + m) r 18 for stages and norms';
