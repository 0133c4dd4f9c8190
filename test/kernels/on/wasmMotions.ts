/**
 * The fused kernel of wasm under weight decay and with a frozen factor, against the float64 twin: tests of some of its
 * variants, of some methods, on problems of some shapes.
 */
import * as tf from '@tensorflow/tfjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ADVANCE, fusedKernel } from '../../../kernels/fused.js';
import { registerWasmKernel } from '../../../kernels/wasm/kernel.js';
import type { FusedVariant } from '../../../kernels/wasm/variants.js';
import { gradientMotion, type Motion } from '../../../src/flow/motion.js';
import { isAdaptive, type MethodName } from '../../../src/method/methods.js';
import { useBackend } from '../../support.js';
import { frozenRange, motions, wrongMotions } from './motions.js';
import {
  actual,
  caseOf,
  diagonal,
  expected,
  expectTwin,
  quadratic,
  tolerance64,
  worst,
  type Case,
} from './wasm.js';

type Shape = readonly [n: number, m: number, rank: number];

const under = (motion: Motion, structure: Case['structure'], shape: Shape, name: MethodName) =>
  caseOf(structure, shape, name, undefined, undefined, motion);

/** A task of every structure. */
const tasksOf = (motion: Motion, name: MethodName, shapes: readonly Shape[]): Case[] => [
  ...shapes.flatMap((shape) => {
    const [n, m] = shape;
    return [diagonal(n, m), quadratic(n, m, false), quadratic(n, m, true)].map((structure) =>
      under(motion, structure, shape, name),
    );
  }),
  under(motion, { kind: 'trace', trace0: 0.6 }, [5, 5, 3], name),
];

export function testMotions(
  variants: readonly FusedVariant[],
  methods: readonly MethodName[],
  shapes: readonly Shape[],
): void {
  beforeAll(async () => {
    await useBackend('wasm');
  });

  afterAll(() => tf.unregisterKernel(ADVANCE, 'wasm'));

  describe.each(variants)('%s', (variant) => {
    const tasks = (motion: Motion, name: MethodName) => tasksOf(motion, name, shapes);

    beforeAll(async () => {
      if (tf.getKernel(ADVANCE, 'wasm')) tf.unregisterKernel(ADVANCE, 'wasm');
      await registerWasmKernel(variant);
    });

    describe.each(Object.entries(motions))('%s', (_, motion) => {
      it.each(methods)('float64 is the twin: %s', (name) => {
        for (const task of tasks(motion, name)) expectTwin(task);
      });

      it.each(methods)('float32 follows the twin: %s', (name) => {
        for (const task of tasks(motion, name)) {
          const [ended, wanted] = [actual(task, 'float32'), expected(task)];
          expect(ended.map(({ outcome }) => outcome)).toEqual(wanted.map(({ outcome }) => outcome));
          // Steps that rounding chose otherwise differ by the error per step, 1e-4.
          expect(worst(ended, wanted)).toBeLessThan(isAdaptive(name) ? 1e-3 : 1e-5);
        }
      });

      it.each(methods)('holds a frozen factor to the last bit, and moves the other: %s', (name) => {
        for (const precision of ['float32', 'float64'] as const)
          for (const task of tasks(motion, name)) {
            const { n, m, rank } = task;
            const range = frozenRange(motion, n, m, rank);
            // A zero of either sign among them.
            const starts = task.starts.map((start) => start.map((z, i) => (i % 5 === 0 ? -0 : z)));
            actual({ ...task, starts }, precision).forEach(({ state, saved }, i) => {
              for (const reached of [state, ...saved.slice(1)]) {
                const same = starts[i]!.map((z, k) => Number(Object.is(z, reached[k])));
                const count = (from: number, to: number) =>
                  same.slice(from, to).reduce((sum, one) => sum + one, 0);
                const [from, to] = range ?? [0, 0];
                expect(count(from, to)).toBe(to - from);
                expect(count(0, from) + count(to, same.length)).toBeLessThan(same.length - (to - from));
              }
            });
          }
      });

      it.each(methods)('does not depend on the batch or on where calls end: %s', (name) => {
        for (const precision of ['float32', 'float64'] as const) {
          const task = under(motion, quadratic(5, 7, true), [5, 7, 3], name);
          const once = actual(task, precision);
          expect(actual(task, precision, 3)).toEqual(once);
          task.starts.forEach((start, i) => {
            const alone = { ...task, starts: [start], clocks: [task.clocks[i]!] };
            expect(actual(alone, precision)).toEqual([once[i]]);
          });
        }
      });

      it.each(Object.entries(wrongMotions(motion)))('is told from a kernel with %s', (_, wrong) => {
        for (const task of tasks(motion, 'rk4')) {
          const [ended, wanted] = [actual({ ...task, motion: wrong }, 'float64'), expected(task)];
          expect(worst(ended, wanted)).toBeGreaterThan(1e6 * tolerance64(task.method));
        }
      });
    });

    it.each(['gd-a-then-b', 'gd-b-then-a'] as const)(
      '%s is the simultaneous update where a factor is frozen',
      (name) => {
        for (const motion of [motions['frozen A']!, motions['frozen B and both decays']!])
          for (const precision of ['float32', 'float64'] as const) {
            const [one, other] = [name, 'gd-simultaneous' as const].map((each) =>
              actual(under(motion, quadratic(5, 7, true), [5, 7, 3], each), precision),
            );
            expect(one!.map(({ state }) => state)).toEqual(other!.map(({ state }) => state));
          }
      },
    );
  });

  it('says what it moves', () => {
    const { moves } = fusedKernel('wasm')!;
    expect([gradientMotion, ...Object.values(motions)].map(moves)).not.toContain(false);
    expect(moves({ ...gradientMotion, coupled: [0.1, 0] })).toBe(false);
    expect(moves({ ...gradientMotion, rates: [0.5, 0.5] })).toBe(false);
  });
}
