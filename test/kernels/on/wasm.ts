/** Tasks for the fused kernel of wasm in tests: random problems, what the kernel makes of them, and what the twin does. */
import * as tf from '@tensorflow/tfjs';
import { expect } from 'vitest';
import { evaluator } from '../../../kernels/cpu/evaluate.js';
import { answered, fieldOf } from '../../../kernels/cpu/field.js';
import { twin } from '../../../kernels/cpu/twin.js';
import { ADVANCE, type AdvanceAttrs } from '../../../kernels/fused.js';
import { outcomeOf, REPORT, report } from '../../../kernels/report.js';
import { gradientMotion, type Motion } from '../../../src/flow/motion.js';
import { isAdaptive, method, type MethodName } from '../../../src/method/methods.js';
import type { Method } from '../../../src/method/method.js';
import type { StopRule } from '../../../src/method/track.js';
import type { Precision } from '../../../src/numbers/precision.js';
import type { HostStructure } from '../../../src/problem/structure.js';
import { covariance, gaussian, relativeError } from '../../support.js';

export interface Case {
  readonly structure: HostStructure;
  readonly n: number;
  readonly m: number;
  readonly rank: number;
  readonly motion: Motion;
  readonly method: Method;
  readonly stop: StopRule;
  readonly clocks: readonly number[];
  /** X and then Y, row-major, of each trajectory. */
  readonly starts: readonly Float64Array[];
  readonly threads?: number;
}

interface Ending {
  readonly outcome: string | null;
  readonly accepted: number;
  readonly rejected: number;
  readonly evaluations: number;
  readonly saved: readonly ArrayLike<number>[];
  readonly state: ArrayLike<number>;
}

const startsOf = (n: number, m: number, rank: number, count: number, std = 0.4): Float64Array[] =>
  Array.from({ length: count }, (_, i) => gaussian(n + m, rank, 10 + i, std).data);

export const sigmaOf = (n: number, m: number): Float64Array =>
  Float64Array.from({ length: Math.min(n, m) }, (_, i) => Math.fround(1.5 / (1 + i)));

export const diagonal = (n: number, m: number): HostStructure => ({ kind: 'diagonal', sigma: sigmaOf(n, m) });

export const quadratic = (n: number, m: number, weighted: boolean): HostStructure => ({
  kind: 'quadratic',
  error: gaussian(n, m, 3, 0.4),
  covariance: weighted ? covariance(m, 4) : null,
});

const methodOf = (name: MethodName): Method =>
  isAdaptive(name) ? method(name, { rtol: 1e-4, atol: 1e-8 }) : method(name, { step: 0.05 });

/** Save times are multiples of the fixed step. */
export const everyDay: StopRule = { saveTimes: [0, 0.5, 1, 2], steadyTolerance: null, maxSteps: 1000 };

const cases = new Map<string, Case>();

/** A random problem; the same for the same arguments, so that the twin has to follow it once for all variants. */
export function caseOf(
  structure: HostStructure,
  [n, m, rank]: readonly [number, number, number],
  name: MethodName,
  stop = everyDay,
  clocks: readonly number[] = [1, 0.7, 1.9],
  motion = gradientMotion,
): Case {
  const key = JSON.stringify([structure, n, m, rank, name, stop, clocks, motion]);
  let known = cases.get(key);
  if (!known) {
    const starts = startsOf(n, m, rank, clocks.length);
    known = { structure, n, m, rank, motion, method: methodOf(name), stop, clocks, starts };
    cases.set(key, known);
  }
  return known;
}

const endings = new WeakMap<Case, readonly Ending[]>();

/** What the twin makes of it. */
export function expected(task: Case): readonly Ending[] {
  const known = endings.get(task) ?? twinsOf(task);
  endings.set(task, known);
  return known;
}

function twinsOf({ structure, n, rank, motion, method, stop, clocks, starts }: Case): Ending[] {
  const field = fieldOf(evaluator(structure), rank, motion);
  const joined = (state: readonly Float64Array[]) => Float64Array.from(state.flatMap((z) => Array.from(z)));
  return starts.map((start, i) => {
    const pair = [start.slice(0, n * rank), start.slice(n * rank)];
    const ending = answered(twin(pair, clocks[i]!, method, stop), field);
    return {
      outcome: ending.outcome,
      accepted: ending.acceptedSteps,
      rejected: ending.rejectedSteps,
      evaluations: ending.evaluations,
      saved: ending.saved.map(joined),
      state: joined(ending.state),
    };
  });
}

/** What the kernel makes of it, in calls of at most so many steps. */
export function actual(task: Case, precision: Precision, steps = Infinity): Ending[] {
  const { n, m, rank, stop, clocks, starts } = task;
  const attrs: AdvanceAttrs = { ...task, precision, steps };
  const entries = (n + m) * rank;
  const saves = stop.saveTimes.length;
  const Reals = precision === 'float64' ? Float64Array : Float32Array;
  const words = entries * (precision === 'float64' ? 2 : 1);
  const upload = (numbers: ArrayLike<number>, shape: number[]) =>
    tf.tensor(new Float32Array(Reals.from(numbers).buffer), shape);
  const download = (tensor: tf.Tensor) =>
    new Reals(Uint8Array.from(new Uint8Array(tensor.dataSync().buffer)).buffer);
  let endings: Ending[] = [];
  tf.tidy(() => {
    const all = starts.flatMap((start) => Array.from(start));
    const state = upload(all, [clocks.length, words]);
    const saved = upload(new Float64Array(all.length * saves), [clocks.length, saves, words]);
    let memory: tf.Tensor | undefined;
    let rows: Int32Array;
    let calls = 0;
    do {
      const inputs = memory ? { state, saved, memory } : { state, saved };
      const outputs = tf.engine().runKernel(ADVANCE, inputs, attrs as unknown as tf.NamedAttrMap);
      const [reports, kept] = outputs as unknown as tf.Tensor[];
      rows = reports!.dataSync<'int32'>();
      memory = kept;
      if (++calls > stop.maxSteps) throw new Error('the kernel does not move on');
    } while (clocks.some((_, i) => rows[i * REPORT + report.outcome] === 0));
    const [ends, reached] = [download(state), download(saved)];
    endings = clocks.map((_, i) => {
      const entry = (name: keyof typeof report) => rows[i * REPORT + report[name]]!;
      return {
        outcome: outcomeOf(entry('outcome')) ?? null,
        accepted: entry('accepted'),
        rejected: entry('rejected'),
        evaluations: entry('evaluations'),
        saved: Array.from({ length: entry('saves') }, (_, k) =>
          reached.subarray((i * saves + k) * entries, (i * saves + k + 1) * entries),
        ),
        state: ends.subarray(i * entries, (i + 1) * entries),
      };
    });
  });
  return endings;
}

export const counts = ({ outcome, accepted, rejected, evaluations, saved }: Ending) => ({
  outcome,
  accepted,
  rejected,
  evaluations,
  saves: saved.length,
});

export const worst = (ended: readonly Ending[], wanted: readonly Ending[]): number =>
  Math.max(
    ...wanted.flatMap(({ saved, state }, i) => [
      ...saved.map((z, k) => relativeError(ended[i]!.saved[k]!, z)),
      relativeError(ended[i]!.state, state),
    ]),
  );

/**
 * Fixed steps differ by rounding alone. An estimated error is a small difference: rounding changes its last digits,
 * and with them, now and then, the last digit of the next float32 step size. One of order 8 is rounding altogether where
 * a save time cuts the step: what follows is of another size, right to the tolerance.
 */
export const tolerance64 = ({ scheme, control }: Method): number =>
  control.kind === 'fixed' ? 1e-12 : scheme.errorOrder! < 8 ? 1e-9 : control.rtol;

export function expectTwin(task: Case): void {
  const [ended, wanted] = [actual(task, 'float64'), expected(task)];
  expect(ended.map(counts)).toEqual(wanted.map(counts));
  expect(worst(ended, wanted)).toBeLessThan(tolerance64(task.method));
}
