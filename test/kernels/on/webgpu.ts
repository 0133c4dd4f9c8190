/** Tasks for the fused kernel of webgpu in tests: problems, methods, and what the twin makes of them. */
import { expect } from 'vitest';
import { evaluator } from '../../../kernels/cpu/evaluate.js';
import { answered, fieldOf } from '../../../kernels/cpu/field.js';
import type { State64 } from '../../../kernels/cpu/state.js';
import { twin, type TwinEnding } from '../../../kernels/cpu/twin.js';
import type { AdvanceTask } from '../../../kernels/fused.js';
import { gradientMotion } from '../../../src/flow/motion.js';
import type { Method } from '../../../src/method/method.js';
import { method } from '../../../src/method/methods.js';
import type { Outcome } from '../../../src/method/outcome.js';
import type { StopRule } from '../../../src/method/track.js';
import { gaussian, relativeError } from '../../support.js';

export type Case = Omit<AdvanceTask, 'precision'> & { readonly starts: readonly State64[] };

export interface Ended {
  readonly outcome: Outcome;
  readonly time: number;
  readonly acceptedSteps: number;
  readonly rejectedSteps: number;
  readonly evaluations: number;
  readonly saved: readonly number[][];
  readonly state: readonly number[];
}

/** The same trajectories as the twin ends them. */
export function twins({ starts, structure, rank, motion, clocks, method, stop }: Case): TwinEnding[] {
  const field = fieldOf(evaluator(structure), rank, motion);
  return starts.map((start, i) => answered(twin(start, clocks[i]!, method, stop), field));
}

export const flatten = (state: State64): number[] => state.flatMap((z) => Array.from(z));

export const until = (saveTimes: readonly number[], rule: Partial<StopRule> = {}): StopRule => ({
  saveTimes,
  steadyTolerance: null,
  maxSteps: 100_000,
  ...rule,
});

export function caseOf(
  n: number,
  m: number,
  rank: number,
  batch: number,
  rest: Partial<Case> & { method: Method },
): Case {
  const sigma = Float64Array.from({ length: Math.min(n, m) }, (_, i) => Math.fround(1 / (1 + i)));
  return {
    structure: { kind: 'diagonal', sigma },
    n,
    m,
    rank,
    motion: gradientMotion,
    stop: until([0, 0.5, 2, 3]),
    clocks: Array.from({ length: batch }, (_, i) => 1 + 0.3 * (i % 5)),
    starts: Array.from({ length: batch }, (_, i) => [
      gaussian(n, rank, 100 + i, 0.4).data,
      gaussian(m, rank, 200 + i, 0.4).data,
    ]),
    ...rest,
  };
}

/**
 * Rounding of float32 states, 6e-8 a step, adds up over the steps of a trajectory; adaptive ones also choose other
 * steps then, each right to its tolerance.
 */
export const budget = ({ control }: Method): number =>
  3e-6 + (control.kind === 'error' ? 30 * control.rtol : 0);

export function agree(ended: readonly Ended[], expected: readonly TwinEnding[], tolerance: number): void {
  expect(ended.map(({ outcome }) => outcome)).toEqual(expected.map(({ outcome }) => outcome));
  ended.forEach((one, i) => {
    const other = expected[i]!;
    expect(one.time).toBeCloseTo(other.time, 5);
    expect(one.saved.length).toBe(other.saved.length);
    one.saved.forEach((state, k) =>
      expect(relativeError(state, flatten(other.saved[k]!))).toBeLessThan(tolerance),
    );
    expect(relativeError(one.state, flatten(other.state))).toBeLessThan(tolerance);
  });
}

export const methods = {
  'gd-simultaneous': method('gd-simultaneous', { step: 0.05 }),
  'gd-a-then-b': method('gd-a-then-b', { step: 0.05 }),
  'gd-b-then-a': method('gd-b-then-a', { step: 0.05 }),
  rk4: method('rk4', { step: 0.05 }),
  bosh3: method('bosh3', { rtol: 1e-5 }),
  dopri5: method('dopri5', { rtol: 1e-6 }),
  tsit5: method('tsit5', { rtol: 1e-6 }),
  // Rounding of float32 does not yet show in its estimate.
  dop853: method('dop853', { rtol: 1e-5 }),
  rkc2: method('rkc2', { rtol: 1e-5 }),
};
