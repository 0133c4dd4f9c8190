/** The fused kernel of the wasm backend, in every variant that runs here, against the float64 twin: every method, structure and precision. */
import * as tf from '@tensorflow/tfjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ADVANCE } from '../kernels/fused.js';
import { fromProgress, report } from '../kernels/report.js';
import { registerWasmKernel } from '../kernels/wasm/kernel.js';
import { variantsHere } from '../kernels/wasm/variants.js';
import { flowMethodNames, isAdaptive } from '../src/method/methods.js';
import { rungeKutta } from '../src/method/schemes/rungeKutta.js';
import { tableaus } from '../src/method/tableaus.js';
import { dense } from '../src/numbers/dense.js';
import type { HostStructure } from '../src/problem/structure.js';
import {
  actual,
  caseOf,
  counts,
  diagonal,
  everyDay,
  expected,
  expectTwin,
  quadratic,
  sigmaOf,
  tolerance64,
  worst,
} from './kernels/on/wasm.js';
import { gaussian, useBackend } from './support.js';

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
  await useBackend('wasm');
});

afterAll(() => tf.unregisterKernel(ADVANCE, 'wasm'));

describe.each(await variantsHere())('%s', (variant) => {
  beforeAll(async () => {
    if (tf.getKernel(ADVANCE, 'wasm')) tf.unregisterKernel(ADVANCE, 'wasm');
    await registerWasmKernel(variant);
  });

  it.each(flowMethodNames)('float64 is the twin: %s', (name) => {
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

  it.each(flowMethodNames)('float32 follows the twin: %s', (name) => {
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

  it.each(flowMethodNames)('stops where the flow does: %s', (name) => {
    const stop = { saveTimes: [1, 100], steadyTolerance: 1e-3, maxSteps: 5000 };
    const task = caseOf(diagonal(4, 5), [4, 5, 2], name, stop);
    expectTwin(task);
    expect(actual(task, 'float32').map(({ outcome }) => outcome)).toContain('stationary');
  });

  it.each(flowMethodNames)('is stationary, even where it ends: %s', (name) => {
    const stop = { saveTimes: [isAdaptive(name) ? 1e-6 : 0.05], steadyTolerance: 1, maxSteps: 10 };
    const task = caseOf(diagonal(4, 5), [4, 5, 2], name, stop, [1]);
    expectTwin(task);
    expect(actual(task, 'float64')[0]).toMatchObject({ outcome: 'stationary', accepted: 1 });
  });

  it.each(flowMethodNames)('stays where there is no slope: %s', (name) => {
    const task = caseOf(diagonal(4, 5), [4, 5, 2], name);
    const starts = task.starts.map((start) => new Float64Array(start.length));
    expect(actual({ ...task, starts }, 'float64').map(counts)).toEqual(
      expected({ ...task, starts }).map(counts),
    );
  });

  it.each(flowMethodNames)('ends when its steps are spent: %s', (name) => {
    expectTwin(caseOf(diagonal(4, 5), [4, 5, 2], name, { ...everyDay, maxSteps: 7 }));
  });

  it.each(flowMethodNames)('ends at a start that is all there is: %s', (name) => {
    expectTwin(caseOf(diagonal(4, 5), [4, 5, 2], name, { ...everyDay, saveTimes: [0] }));
  });

  it.each(flowMethodNames)('ends where the flow does: %s', (name) => {
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

  it.each(flowMethodNames)('does not depend on the batch or on where calls end: %s', (name) => {
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
    const task = { ...caseOf(diagonal(4, 5), [4, 5, 2], 'rk4'), structure };
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
