/**
 * The fused kernel of webgpu against its float64 twin: every method on random problems of awkward sizes, every outcome,
 * resuming, many trajectories; and that what goes wrong on the device is heard of.
 */
import * as tf from '@tensorflow/tfjs';
import type { Tensor } from '@tensorflow/tfjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { evaluator } from '../kernels/cpu/evaluate.js';
import { answered, type State64 } from '../kernels/cpu/step.js';
import { ADVANCE, PROGRESS, REPORT, report, type AdvanceAttrs } from '../kernels/fused.js';
import { webgpuKernel } from '../kernels/webgpu/advance.js';
import type { BackendInfo } from '../src/backend/backend.js';
import { closeBackends, listBackends, useBackend } from '../src/backend/useBackend.js';
import { method, type Method } from '../src/method/method.js';
import { outcomes, type Outcome } from '../src/method/outcome.js';
import type { StopRule } from '../src/solver/track.js';
import { twin, type TwinEnding } from '../src/solver/twin.js';
import { gaussian, relativeError } from './support.js';

const noWebgpu = !(await listBackends()).find(({ name }) => name === 'webgpu')!.available;

type Case = Omit<AdvanceAttrs, 'precision' | 'steps'> & { readonly starts: readonly State64[] };

let check: BackendInfo['check'];

interface Ended {
  readonly outcome: Outcome;
  readonly time: number;
  readonly acceptedSteps: number;
  readonly rejectedSteps: number;
  readonly evaluations: number;
  readonly saved: readonly number[][];
  readonly state: readonly number[];
}

/** The trajectories as the kernel ends them, in calls of so many steps. */
async function fused({ starts, ...rest }: Case, steps?: number): Promise<Ended[]> {
  const attrs = { ...rest, precision: 'float32' } as const;
  const { saveTimes } = attrs.stop;
  const batch = starts.length;
  const length = (attrs.n + attrs.m) * attrs.rank;
  const flat = new Float32Array(batch * length);
  starts.forEach(([x, y], i) => flat.set([...x!, ...y!], i * length));
  const state = tf.tensor2d(flat, [batch, length]);
  const saved = tf.zeros([batch, saveTimes.length, length]);
  let memory: Tensor | undefined;
  for (;;) {
    const inputs = memory ? { state, saved, memory } : { state, saved };
    const call = { ...attrs, steps: steps ?? webgpuKernel.stepsPerCall(attrs) };
    const [told, kept] = tf.engine().runKernel(ADVANCE, inputs, call as never) as Tensor[];
    memory?.dispose();
    memory = kept!;
    const words = await told!.data();
    told!.dispose();
    const rows = starts.map((_, i) => words.subarray(i * REPORT, (i + 1) * REPORT));
    await check();
    if (rows.some((row) => row[report.outcome]! < 0)) throw new Error('the kernel wrote nothing');
    if (rows.some((row) => row[report.outcome] === 0)) continue;
    const [states, saves] = [await state.data(), await saved.data()];
    tf.dispose([state, saved, memory]);
    return rows.map((row, i) => {
      const reached = row[report.saves]!;
      const before = reached > 0 ? saveTimes[reached - 1]! : 0;
      const next = saveTimes[reached] ?? before;
      return {
        outcome: Object.keys(outcomes)[row[report.outcome]! - 1] as Outcome,
        time: before + ((next - before) * row[report.progress]!) / PROGRESS,
        acceptedSteps: row[report.accepted]!,
        rejectedSteps: row[report.rejected]!,
        evaluations: row[report.evaluations]!,
        saved: Array.from({ length: reached }, (_, k) => {
          const at = (i * saveTimes.length + k) * length;
          return Array.from(saves.subarray(at, at + length));
        }),
        state: Array.from(states.subarray(i * length, (i + 1) * length)),
      };
    });
  }
}

/** The same trajectories as the twin ends them. */
function twins({ starts, structure, rank, clocks, method, stop }: Case): TwinEnding[] {
  const evaluate = evaluator(structure);
  const field = (states: readonly State64[]) =>
    states.map(([x, y]) => {
      const { dX, dY } = evaluate(x!, y!, rank);
      return [dX, dY];
    });
  return starts.map((start, i) => answered(twin(start, clocks[i]!, method, stop), field));
}

const flatten = (state: State64): number[] => state.flatMap((z) => Array.from(z));

const until = (saveTimes: readonly number[], rule: Partial<StopRule> = {}): StopRule => ({
  saveTimes,
  steadyTolerance: null,
  maxSteps: 100_000,
  ...rule,
});

function caseOf(
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
const budget = (method: Method): number => ('rtol' in method ? 3e-6 + 30 * method.rtol : 3e-6);

function agree(ended: readonly Ended[], expected: readonly TwinEnding[], tolerance: number): void {
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

const methods = {
  'gd-simultaneous': method('gd-simultaneous', { step: 0.05 }),
  'gd-a-then-b': method('gd-a-then-b', { step: 0.05 }),
  'gd-b-then-a': method('gd-b-then-a', { step: 0.05 }),
  rk4: method('rk4', { step: 0.05 }),
  bosh3: method('bosh3', { rtol: 1e-5 }),
  dopri5: method('dopri5', { rtol: 1e-6 }),
  rkc2: method('rkc2', { rtol: 1e-5 }),
};

describe.skipIf(noWebgpu)('the fused kernel of webgpu', () => {
  beforeAll(async () => {
    ({ check } = await useBackend('webgpu'));
  });
  afterAll(closeBackends);

  describe.each(Object.entries(methods))('%s', (_, method) => {
    it.each([
      [1, 1, 1, 1],
      [5, 3, 2, 3],
      [2, 9, 5, 2],
      [37, 50, 7, 2],
      [70, 41, 13, 1],
    ])('follows the twin: n = %i, m = %i, r = %i, %i trajectories', async (n, m, rank, batch) => {
      const one = caseOf(n, m, rank, batch, { method });
      const [ended, expected] = [await fused(one), twins(one)];
      agree(ended, expected, budget(method));
      ended.forEach(({ acceptedSteps, rejectedSteps, evaluations }, i) => {
        const other = expected[i]!;
        const slack = 'rtol' in method ? 2 : 0;
        expect(Math.abs(acceptedSteps - other.acceptedSteps)).toBeLessThanOrEqual(slack);
        expect(Math.abs(rejectedSteps - other.rejectedSteps)).toBeLessThanOrEqual(slack);
        expect(Math.abs(evaluations - other.evaluations)).toBeLessThanOrEqual(8 * slack);
      });
    });
  });
});
