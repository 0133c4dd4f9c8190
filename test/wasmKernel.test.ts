/** The fused kernel of the wasm backend against the float64 twin: every method, structure, variant and precision. */
import { gradientMotion, type Motion } from '../src/flow/motion.js';
import * as tf from '@tensorflow/tfjs';
import { setFlagsFromString } from 'node:v8';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { answered, fieldOf } from '../kernels/cpu/field.js';
import { evaluator } from '../kernels/cpu/evaluate.js';
import type { HostStructure } from '../src/problem/structure.js';
import { ADVANCE, type AdvanceAttrs } from '../kernels/fused.js';
import { fromProgress, outcomeOf, REPORT, report } from '../kernels/report.js';
import type { Precision } from '../src/numbers/precision.js';
import { registerWasmKernel } from '../kernels/wasm/kernel.js';
import { variants } from '../kernels/wasm/module.js';
import { dense } from '../src/numbers/dense.js';
import { method, methodNames, isAdaptive, type MethodName } from '../src/method/methods.js';
import type { Method } from '../src/method/method.js';
import { rungeKutta } from '../src/method/schemes/rungeKutta.js';
import { tableaus } from '../src/method/tableaus.js';
import { twin } from '../kernels/cpu/twin.js';
import type { StopRule } from '../src/method/track.js';
import { covariance, gaussian, relativeError, useBackend } from './support.js';

interface Case {
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

const sigmaOf = (n: number, m: number): Float64Array =>
  Float64Array.from({ length: Math.min(n, m) }, (_, i) => Math.fround(1.5 / (1 + i)));

const diagonal = (n: number, m: number): HostStructure => ({ kind: 'diagonal', sigma: sigmaOf(n, m) });

const quadratic = (n: number, m: number, weighted: boolean): HostStructure => ({
  kind: 'quadratic',
  error: gaussian(n, m, 3, 0.4),
  covariance: weighted ? covariance(m, 4) : null,
});

const methodOf = (name: MethodName): Method =>
  isAdaptive(name) ? method(name, { rtol: 1e-4, atol: 1e-8 }) : method(name, { step: 0.05 });

/** Save times are multiples of the fixed step. */
const everyDay: StopRule = { saveTimes: [0, 0.5, 1, 2], steadyTolerance: null, maxSteps: 1000 };

function caseOf(
  structure: HostStructure,
  [n, m, rank]: readonly [number, number, number],
  name: MethodName,
  stop = everyDay,
  clocks: readonly number[] = [1, 0.7, 1.9],
): Case {
  const starts = startsOf(n, m, rank, clocks.length);
  const motion = gradientMotion;
  return { structure, n, m, rank, motion, method: methodOf(name), stop, clocks, starts };
}

function expected({ structure, n, rank, method, stop, clocks, starts }: Case): Ending[] {
  const field = fieldOf(evaluator(structure), rank);
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
function actual(task: Case, precision: Precision, steps = Infinity): Ending[] {
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

const counts = ({ outcome, accepted, rejected, evaluations, saved }: Ending) => ({
  outcome,
  accepted,
  rejected,
  evaluations,
  saves: saved.length,
});

const worst = (ended: readonly Ending[], wanted: readonly Ending[]): number =>
  Math.max(
    ...wanted.flatMap(({ saved, state }, i) => [
      ...saved.map((z, k) => relativeError(ended[i]!.saved[k]!, z)),
      relativeError(ended[i]!.state, state),
    ]),
  );

/**
 * Fixed steps differ by rounding alone. An estimated error is a small difference: rounding changes its last digits,
 * and with them, now and then, the last digit of the next float32 step size.
 */
const tolerance64 = ({ control }: Method): number => (control.kind === 'fixed' ? 1e-12 : 1e-9);

function expectTwin(task: Case): void {
  const [ended, wanted] = [actual(task, 'float64'), expected(task)];
  expect(ended.map(counts)).toEqual(wanted.map(counts));
  expect(worst(ended, wanted)).toBeLessThan(tolerance64(task.method));
}

const shapes: readonly (readonly [number, number, number])[] = [
  [5, 7, 3],
  [1, 6, 1],
  [9, 1, 2],
  [3, 4, 5],
  [8, 8, 8],
  [6, 10, 9],
  [17, 3, 13],
];

beforeAll(async () => {
  // Node 20 has relaxed SIMD behind this flag.
  setFlagsFromString('--experimental-wasm-relaxed-simd');
  await useBackend('wasm');
});

afterAll(() => tf.unregisterKernel(ADVANCE, 'wasm'));

describe.each(variants)('%s', (variant) => {
  beforeAll(async () => {
    if (tf.getKernel(ADVANCE, 'wasm')) tf.unregisterKernel(ADVANCE, 'wasm');
    await registerWasmKernel(variant);
  });

  it.each(methodNames)('float64 is the twin: %s', (name) => {
    for (const shape of shapes) {
      const [n, m] = shape;
      expectTwin(caseOf(diagonal(n, m), shape, name));
      expectTwin(caseOf(quadratic(n, m, false), shape, name));
      expectTwin(caseOf(quadratic(n, m, true), shape, name));
    }
    expectTwin(caseOf({ kind: 'trace', trace0: 0.6 }, [5, 5, 3], name));
  });

  it('float64 is the twin at every rank', () => {
    for (let rank = 1; rank <= 18; rank++)
      for (const structure of [diagonal(11, 6), quadratic(11, 6, true)])
        expectTwin(caseOf(structure, [11, 6, rank], 'rk4'));
  });

  it.each(methodNames)('float32 follows the twin: %s', (name) => {
    for (const shape of shapes) {
      const [n, m] = shape;
      for (const structure of [diagonal(n, m), quadratic(n, m, true)]) {
        const task = caseOf(structure, shape, name);
        const [ended, wanted] = [actual(task, 'float32'), expected(task)];
        expect(ended.map(({ outcome }) => outcome)).toEqual(wanted.map(({ outcome }) => outcome));
        // Forty fixed steps round to 2^-24 each; steps that rounding chose otherwise differ by the error per step.
        expect(worst(ended, wanted)).toBeLessThan(isAdaptive(name) ? 1e-3 : 5e-6);
      }
    }
  });

  it('a fixed step of a first-same-as-last tableau', () => {
    const task = caseOf(diagonal(5, 7), [5, 7, 3], 'rk4');
    const { control } = task.method;
    expectTwin({ ...task, method: { scheme: rungeKutta(tableaus.dopri5), control } });
  });

  it.each(methodNames)('stops where the flow does: %s', (name) => {
    const stop = { saveTimes: [1, 100], steadyTolerance: 1e-3, maxSteps: 5000 };
    const task = caseOf(diagonal(4, 5), [4, 5, 2], name, stop);
    expectTwin(task);
    expect(actual(task, 'float32').map(({ outcome }) => outcome)).toContain('stationary');
  });

  it.each(methodNames)('is stationary, even where it ends: %s', (name) => {
    const stop = { saveTimes: [isAdaptive(name) ? 1e-6 : 0.05], steadyTolerance: 1, maxSteps: 10 };
    const task = caseOf(diagonal(4, 5), [4, 5, 2], name, stop, [1]);
    expectTwin(task);
    expect(actual(task, 'float64')[0]).toMatchObject({ outcome: 'stationary', accepted: 1 });
  });

  it.each(methodNames)('stays where there is no slope: %s', (name) => {
    const task = caseOf(diagonal(4, 5), [4, 5, 2], name);
    const starts = task.starts.map((start) => start.fill(0));
    expect(actual({ ...task, starts }, 'float64').map(counts)).toEqual(
      expected({ ...task, starts }).map(counts),
    );
  });

  it.each(methodNames)('ends when its steps are spent: %s', (name) => {
    expectTwin(caseOf(diagonal(4, 5), [4, 5, 2], name, { ...everyDay, maxSteps: 7 }));
  });

  it.each(methodNames)('ends at a start that is all there is: %s', (name) => {
    expectTwin(caseOf(diagonal(4, 5), [4, 5, 2], name, { ...everyDay, saveTimes: [0] }));
  });

  it.each(methodNames)('ends where the flow does: %s', (name) => {
    // A loss without a lower bound: its flow leaves every range at some time, which adaptive steps never reach.
    const structure: HostStructure = {
      kind: 'quadratic',
      error: gaussian(4, 3, 3, 0.4),
      covariance: dense(3, 3, Float64Array.of(-1, 0, 0, 0, -1, 0, 0, 0, -1)),
    };
    const stop = { saveTimes: [0, 1000], steadyTolerance: null, maxSteps: 20000 };
    const task = caseOf(structure, [4, 3, 2], name, stop);
    const wanted = expected(task);
    const ended = actual(task, 'float64');
    // Close to that time, rounding decides on the last of a thousand adaptive steps.
    if (!isAdaptive(name)) expect(ended.map(counts)).toEqual(wanted.map(counts));
    expect(ended.map(({ outcome }) => outcome)).toEqual(wanted.map(({ outcome }) => outcome));
    for (const { outcome, state } of [...ended, ...actual(task, 'float32')]) {
      expect(isAdaptive(name) ? ['diverged', 'step-too-small'] : ['diverged']).toContain(outcome);
      expect(Array.from(state).every(Number.isFinite)).toBe(true);
    }
    const infinite = task.starts.map((start) => start.map((value) => value * 1e200));
    expect(actual({ ...task, starts: infinite }, 'float64').map(counts)).toEqual(
      expected({ ...task, starts: infinite }).map(counts),
    );
  });

  it('rkc2 goes on with its power iteration', () => {
    const stiff = { kind: 'diagonal', sigma: sigmaOf(12, 9).map((value) => 20 * value) } as const;
    const stop = { saveTimes: [1, 30, 200], steadyTolerance: null, maxSteps: 5000 };
    const task = caseOf(stiff, [12, 9, 3], 'rkc2', stop);
    expectTwin(task);
    expect(actual(task, 'float64', 7)).toEqual(actual(task, 'float64'));
  });

  it.each(methodNames)('does not depend on the batch or on where calls end: %s', (name) => {
    for (const precision of ['float32', 'float64'] as const) {
      const task = caseOf(quadratic(6, 9, true), [6, 9, 3], name);
      const once = actual(task, precision);
      expect(actual(task, precision, 3)).toEqual(once);
      task.starts.forEach((start, i) => {
        const alone = { ...task, starts: [start], clocks: [task.clocks[i]!] };
        expect(actual(alone, precision)).toEqual([once[i]]);
      });
    }
  });

  it('writes down a structure once, however many calls there are', () => {
    let reads = 0;
    const sigma = sigmaOf(4, 5);
    const structure: HostStructure = {
      kind: 'diagonal',
      get sigma() {
        reads++;
        return sigma;
      },
    };
    const task = caseOf(structure, [4, 5, 2], 'rk4');
    const readsOf = (steps?: number) => {
      reads = 0;
      actual(task, 'float64', steps);
      return reads;
    };
    expect(readsOf(5)).toBe(readsOf());
    expect(readsOf()).toBeGreaterThan(0);
  });

  it('leaves no tensors and no memory behind', () => {
    const task = caseOf(quadratic(30, 40, true), [30, 40, 6], 'rkc2', { ...everyDay, maxSteps: 12 });
    const { memory } = (tf.backend() as unknown as { wasm: { asm: { memory: WebAssembly.Memory } } }).wasm
      .asm;
    const once = () => {
      actual(task, 'float64', 4);
      return [tf.memory().numTensors, tf.memory().numDataBuffers, memory.buffer.byteLength];
    };
    const before = once();
    for (let i = 0; i < 300; i++) once();
    expect(once()).toEqual(before);
  });

  it('sees a wrong sigma', () => {
    const task = caseOf(diagonal(5, 7), [5, 7, 3], 'rk4');
    const sigma = sigmaOf(5, 7);
    sigma[4]! += 1e-9;
    const wrong = { ...task, structure: { kind: 'diagonal', sigma } as const };
    expect(worst(actual(wrong, 'float64'), expected(task))).toBeGreaterThan(tolerance64(task.method));
  });

  it('reports how far it has come', () => {
    const task = caseOf(diagonal(5, 7), [5, 7, 3], 'rk4', { ...everyDay, saveTimes: [0.5, 1] }, [1]);
    const attrs = { ...task, precision: 'float32', steps: 14 };
    const rows = tf.tidy(() => {
      const state = tf.tensor(Array.from(task.starts[0]!), [1, 36]);
      const outputs = tf
        .engine()
        .runKernel(ADVANCE, { state, saved: tf.zeros([1, 2, 36]) }, attrs as unknown as tf.NamedAttrMap);
      return (outputs as unknown as tf.Tensor[])[0]!.dataSync();
    });
    expect(rows[report.saves]).toBe(1);
    expect(fromProgress(rows)).toBeCloseTo(0.4, 8);
  });

  it('refuses tensors of other shapes', () => {
    const task = { ...caseOf(diagonal(5, 7), [5, 7, 3], 'rk4'), precision: 'float32', steps: 1 };
    const inputs = { state: tf.zeros([3, 35]), saved: tf.zeros([3, 4, 35]) };
    expect(() => tf.engine().runKernel(ADVANCE, inputs, task as unknown as tf.NamedAttrMap)).toThrow(
      'invalid shapes',
    );
  });
});
