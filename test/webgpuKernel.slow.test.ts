/**
 * The fused kernel of webgpu against its float64 twin: every method on random problems of awkward sizes, every outcome,
 * resuming, many trajectories; and that what goes wrong on the device is heard of.
 */
import * as tf from '@tensorflow/tfjs';
import type { Tensor } from '@tensorflow/tfjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ADVANCE, fusedKernel } from '../kernels/fused.js';
import { fromProgress, outcomeOf, REPORT, report } from '../kernels/report.js';
import { webgpuKernel } from '../kernels/webgpu/kernel.js';
import type { BackendInfo } from '../src/backend/backend.js';
import { closeBackends, listBackends, useBackend } from '../src/backend/useBackend.js';
import { method } from '../src/method/methods.js';
import { rungeKutta } from '../src/method/schemes/rungeKutta.js';
import { tableau } from '../src/method/tableau.js';
import { tableaus } from '../src/method/tableaus.js';
import { frozenRange, motions, wrongMotions } from './kernels/on/motions.js';
import {
  agree,
  budget,
  caseOf,
  flatten,
  methods,
  twins,
  until,
  type Case,
  type Ended,
} from './kernels/on/webgpu.js';
import { inOne, relativeError } from './support.js';
import { deviceOf, pretending, type Device } from './webgpuDevice.js';

const noWebgpu = !(await listBackends()).find(({ name }) => name === 'webgpu')!.available;

let check: BackendInfo['check'];

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
    const [reports, kept] = tf.engine().runKernel(ADVANCE, inputs, call as never) as Tensor[];
    memory?.dispose();
    memory = kept!;
    const words = await reports!.data();
    reports!.dispose();
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
        outcome: outcomeOf(row[report.outcome]!)!,
        time: before + (next - before) * fromProgress(row),
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

/** n, m, rank, and how many trajectories. */
const shapes: readonly (readonly [number, number, number, number])[] = [
  [1, 1, 1, 1],
  [5, 3, 2, 3],
  [37, 50, 7, 2],
];

type MethodKey = keyof typeof methods;

/**
 * The methods that follow motions, every other motion the ones and the others, on each structure. A software driver takes
 * seconds to compile each of them, and the texts of schemes, motions and structures know of each other one call alone:
 * so every motion meets every text of a scheme, and both structures, but not all three of every choice.
 */
const turns: readonly { readonly diagonal: readonly MethodKey[]; readonly trace: readonly MethodKey[] }[] = [
  { diagonal: ['gd-simultaneous', 'gd-a-then-b', 'dopri5'], trace: ['gd-b-then-a', 'rk4', 'rkc2'] },
  { diagonal: ['gd-simultaneous', 'gd-b-then-a', 'rk4', 'rkc2'], trace: ['gd-a-then-b', 'dopri5'] },
];

describe.skipIf(noWebgpu)('the fused kernel of webgpu', () => {
  beforeAll(async () => {
    ({ check } = await useBackend('webgpu'));
  });
  afterAll(closeBackends);

  describe.each(Object.entries(methods))('%s', (_, method) => {
    // The text of bosh3 and dop853 at the largest shape is that of dopri5, but for the number of stages.
    it.each(method === methods.bosh3 || method === methods.dop853 ? shapes.slice(0, 2) : shapes)(
      'follows the twin: n = %i, m = %i, r = %i, %i trajectories',
      async (n, m, rank, batch) => {
        const one = caseOf(n, m, rank, batch, { method });
        const [ended, expected] = [await fused(one), twins(one)];
        agree(ended, expected, budget(method));
        ended.forEach(({ acceptedSteps, rejectedSteps, evaluations }, i) => {
          const other = expected[i]!;
          const slack = method.control.kind === 'error' ? 2 : 0;
          expect(Math.abs(acceptedSteps - other.acceptedSteps)).toBeLessThanOrEqual(slack);
          expect(Math.abs(rejectedSteps - other.rejectedSteps)).toBeLessThanOrEqual(slack);
          expect(Math.abs(evaluations - other.evaluations)).toBeLessThanOrEqual(8 * slack);
        });
      },
    );

    it('follows the twin on the squared trace', async () => {
      const structure = { kind: 'trace', trace0: -1.5 } as const;
      const one = caseOf(6, 6, 3, 2, { method, structure });
      agree(await fused(one), twins(one), budget(method));
    });

    it('gives the same bits in many calls as in one', async () => {
      const one = caseOf(5, 3, 2, 2, { method });
      expect(await fused(one, 3)).toEqual(await fused(one, 1_000_000));
    });
  });

  describe.each(Object.entries(motions).map(([name, motion], i) => [name, motion, turns[i % 2]!] as const))(
    'under %s',
    (_, motion, { diagonal, trace }) => {
      const on = (name: MethodKey) => caseOf(20, 33, 7, 2, { method: methods[name], motion });
      const onTrace = (name: MethodKey) =>
        caseOf(6, 6, 3, 2, {
          ...{ method: methods[name], motion },
          structure: { kind: 'trace', trace0: -1.5 },
        });

      it.each([
        ...diagonal.map((name) => [name, 'diagonal', on(name)] as const),
        ...trace.map((name) => [name, 'trace', onTrace(name)] as const),
      ])('follows the twin: %s, %s', async (_, __, one) => {
        const ended = await fused(one);
        agree(ended, twins(one), budget(one.method));
        const { n, m, rank, starts } = one;
        const [from, to] = frozenRange(motion, n, m, rank) ?? [0, 0];
        ended.forEach(({ state }, i) =>
          expect(state.slice(from, to)).toEqual(flatten(starts[i]!).slice(from, to)),
        );
      });

      it.each([
        ['of several subgroups', 32, 32768],
        ['in slices of a buffer', 4, 1024],
      ])('follows the twin in workgroups %s', async (_, subgroup, workgroupBytes) => {
        const one = on('gd-simultaneous');
        const ended = await pretending({ subgroup, workgroupBytes }, () => fused(one));
        agree(ended, twins(one), budget(one.method));
      });

      it('gives the same bits in many calls as in one, and alone as in a batch', async () => {
        // One that carries slopes from step to step.
        const one = on(diagonal.at(-1)!);
        const once = await fused(one, 1_000_000);
        expect(await fused(one, 3)).toEqual(once);
        const alone = { ...one, starts: one.starts.slice(1), clocks: one.clocks.slice(1) };
        expect(await fused(alone)).toEqual(once.slice(1));
      });

      it.each(Object.entries(wrongMotions(motion)))('is told from a kernel with %s', async (_, wrong) => {
        const one = on('gd-simultaneous');
        const ended = await fused({ ...one, motion: wrong });
        expect(() => agree(ended, twins(one), 100 * budget(one.method))).toThrow();
      });
    },
  );

  it.each([
    ['one stage', { order: 1, a: [[]], b: [1] }],
    ['a last stage that is not the next first', { order: 2, a: [[], [1]], b: [1 / 2, 1 / 2] }],
    ['eight stages', inOne(2, tableaus.rk4)],
  ])('takes fixed steps of a tableau of %s', async (_, coefficients) => {
    const scheme = rungeKutta(tableau(coefficients));
    const one = caseOf(5, 3, 2, 2, { method: { scheme, control: { kind: 'fixed', step: 0.05 } } });
    const [ended, expected] = [await fused(one), twins(one)];
    agree(ended, expected, budget(one.method));
    expect(ended.map(({ evaluations }) => evaluations)).toEqual(
      expected.map(({ evaluations }) => evaluations),
    );
  });

  it.each([
    ['fits', 4, 32768, 70, 41, 13, methods.dopri5],
    ['spans several subgroups', 32, 32768, 70, 41, 13, methods.rk4],
    ['does not fit, but for its Gram matrices', 4, 4096, 40, 33, 6, methods.dopri5],
    ['does not fit at all', 4, 1024, 9, 12, 10, methods.rkc2],
    ['does not fit at all, on several subgroups', 32, 2048, 150, 90, 18, methods.rk4],
  ])('advances a trajectory that %s', async (_, subgroup, workgroupBytes, n, m, rank, method) => {
    const one = caseOf(n, m, rank, 3, { method, stop: until([0.5, 1]) });
    const ended = await pretending({ subgroup, workgroupBytes }, () => fused(one));
    agree(ended, twins(one), budget(method));
  });

  it('advances more trajectories than a dispatch has workgroups', async () => {
    const few = caseOf(2, 2, 1, 3, { method: methods.rk4, stop: until([0.1]) });
    const count = 65_600;
    const ended = await fused({
      ...few,
      starts: Array.from({ length: count }, (_, i) => few.starts[i % 3]!),
      clocks: Array.from({ length: count }, (_, i) => few.clocks[i % 3]!),
    });
    agree(ended.slice(0, 3), twins(few), budget(methods.rk4));
    expect(ended.findIndex(({ state }, i) => state.some((z, k) => z !== ended[i % 3]!.state[k]))).toBe(-1);
  });

  it.each(Object.entries(methods))('stops %s where it is stationary', async (_, method) => {
    const stop = until([1, 200], { steadyTolerance: 0.05 });
    const one = caseOf(5, 3, 2, 2, { method, stop });
    const [ended, expected] = [await fused(one), twins(one)];
    ended.forEach(({ outcome, time, saved, state }, i) => {
      const other = expected[i]!;
      expect(outcome).toBe('stationary');
      expect(saved.length).toBe(other.saved.length);
      // A step earlier or later, of which those of order 8 are longer.
      expect(Math.abs(time / other.time - 1)).toBeLessThan(method === methods.dop853 ? 0.1 : 0.05);
      expect(relativeError(state, flatten(other.state))).toBeLessThan(0.05);
    });
  });

  it.each(['rk4', 'dopri5', 'rkc2'] as const)('spends no more steps of %s than it may', async (name) => {
    const one = caseOf(5, 3, 2, 2, { method: methods[name], stop: until([5], { maxSteps: 7 }) });
    const [ended, expected] = [await fused(one, 2), twins(one)];
    ended.forEach(({ outcome, time, acceptedSteps, rejectedSteps }, i) => {
      expect(outcome).toBe('step-budget');
      expect(acceptedSteps + rejectedSteps).toBe(7);
      // In float32 the error estimate of the first steps, and so their size, is a little different.
      expect(Math.abs(time / expected[i]!.time - 1)).toBeLessThan(0.01);
    });
  });

  it('stops where the norm squared leaves float32, at the last state that does not', async () => {
    const gd = method('gd-simultaneous', { step: 3 });
    const starts = [[new Float64Array([10]), new Float64Array([10])]];
    const [ended] = await fused(caseOf(1, 1, 1, 1, { method: gd, starts, stop: until([300]) }));
    expect(ended!.outcome).toBe('diverged');
    expect(ended!.rejectedSteps).toBe(1);
    expect(ended!.state.every(Number.isFinite)).toBe(true);
    // The next is 3 z^3, of either sign, which is beyond 1.8e19.
    expect(3 * Math.abs(ended!.state[0]!) ** 3).toBeGreaterThan(1e19);

    const huge = [[new Float64Array([1e14]), new Float64Array([1e14])]];
    const stop = until([300]);
    const [adaptive] = await fused(caseOf(1, 1, 1, 1, { method: methods.dopri5, starts: huge, stop }));
    expect(adaptive!.outcome).toBe('diverged');
    expect(adaptive!.state).toEqual([Math.fround(1e14), Math.fround(1e14)]);
  });

  it('takes many stages a step over a long time', async () => {
    const one = caseOf(5, 3, 2, 2, { method: methods.rkc2, stop: until([1, 300, 3000]) });
    const [ended, expected] = [await fused(one), twins(one)];
    agree(ended, expected, budget(methods.rkc2));
    ended.forEach(({ acceptedSteps, evaluations }, i) => {
      expect(evaluations / acceptedSteps).toBeGreaterThan(5);
      // Over long steps float32 rounding is most of the estimated error.
      expect(evaluations).toBeLessThan(1.5 * expected[i]!.evaluations);
    });
  });

  it('sums no rounding of time over a hundred thousand steps', async () => {
    const gd = method('gd-simultaneous', { step: 1e-4 });
    const one = caseOf(1, 1, 1, 1, { method: gd, stop: until([10], { maxSteps: 99_990 }) });
    const [ended] = await fused(one);
    // The report tells it in units of 2^-30 of the span.
    expect(ended!.time).toBeCloseTo(9.999, 7);
  });

  it('is far from the twin of another sigma', async () => {
    const one = caseOf(5, 3, 2, 1, { method: methods.rk4 });
    const other = {
      ...one,
      structure: { kind: 'diagonal', sigma: new Float64Array([1.001, 0.5, 0.25]) },
    } as const;
    const ended = await fused(one);
    expect(() => agree(ended, twins(other), budget(methods.rk4))).toThrow();
  });

  it('keeps no tensors', async () => {
    const held = () => {
      const { numTensors, numDataBuffers } = tf.memory();
      return { numTensors, numDataBuffers };
    };
    const before = held();
    await fused(caseOf(5, 3, 2, 3, { method: methods.rk4 }), 5);
    expect(held()).toEqual(before);
  });

  it('tells beforehand what does not fit', async () => {
    const attrs = { ...caseOf(5, 3, 2, 1, { method: methods.rk4 }), precision: 'float32' } as const;
    const { obstacle } = fusedKernel('webgpu')!;
    expect(obstacle!(attrs)).toBeNull();
    expect(obstacle!({ ...attrs, n: 2 ** 28 })).toMatch(
      /the states of 1 trajectories need .* a buffer holds/,
    );
    const many = { ...attrs, clocks: { length: 1e9 } as readonly number[] };
    expect(obstacle!(many)).toMatch(/a buffer holds/);
    expect(() => tf.engine().runKernel(ADVANCE, {}, { ...many, steps: 1 } as never)).toThrow(
      'out of memory: the states of 1000000000 trajectories',
    );
  });

  describe('on a device that fails', () => {
    const reopen = async () => {
      await closeBackends();
      ({ check } = await useBackend('webgpu'));
    };

    it('writes nothing by an invalid shader, and says so', async () => {
      const device: Device = deviceOf();
      const create = device.createShaderModule.bind(device);
      device.createShaderModule = ({ code }) => create({ code: code.replace('fn total', 'fn totally') });
      const one = caseOf(3, 2, 1, 1, { method: methods.rk4 });
      await expect(fused(one)).rejects.toThrow('the GPU refused work');
      // With no check, the report tells.
      const silent = check;
      check = () => Promise.resolve();
      await expect(fused(one)).rejects.toThrow('the kernel wrote nothing');
      check = silent;
      await reopen();
      agree(await fused(one), twins(one), budget(methods.rk4));
    });

    it('fails on a device that was lost', async () => {
      const one = caseOf(3, 2, 1, 1, { method: methods.rk4 });
      deviceOf().destroy();
      await expect(fused(one)).rejects.toThrow();
      await expect(check()).rejects.toThrow('the GPU device was lost');
      await reopen();
    });
  });
});
