/** The time that a trajectory has reached, however far the next save time is, on every path; and that it turns the event loop meanwhile. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fromProgress, toProgress } from '../kernels/report.js';
import { registerCpuKernel } from '../kernels/cpu/advance.js';
import { registerWasmKernel } from '../kernels/wasm/kernel.js';
import { closeBackends } from '../src/backend/useBackend.js';
import { method } from '../src/method/methods.js';
import { frobeniusFromSpectrum } from '../src/problem/frobenius.js';
import { openDevice, type Device } from '../src/solver/device.js';
import { solve, type SolveOptions } from '../src/solver/solve.js';
import { gaussian, memberOf, plain } from './support.js';
import { available } from './backends.js';

let device: Device;

const sigma = (count: number) => Float64Array.from({ length: count }, (_, i) => 1 / (1 + i));
const problem = frobeniusFromSpectrum(sigma(6), 8, 6);
const members = [0, 1].map((i) =>
  memberOf({ loraA: gaussian(2, 6, i, 0.3), loraB: gaussian(8, 2, 9 + i, 0.3) }, { ...plain, scale: 1 + i }),
);
const noWebgpu = !(await available('webgpu'));

/** Times where a budget of 40 steps ends, with save times before and after it. */
async function timesOf(end: number, options: Partial<SolveOptions>): Promise<readonly number[]> {
  const ended = await solve(
    { problem, members },
    {
      method: method('dopri5', { rtol: 1e-5 }),
      stop: { saveTimes: [0, 0.25, end], steadyTolerance: null, maxSteps: 40 },
      chunk: 8,
      ...options,
      device,
    },
  ).all();
  expect(ended.map(({ outcome }) => outcome)).toEqual(['step-budget', 'step-budget']);
  expect(ended.map(({ last, time }) => last.time === time)).toEqual([true, true]);
  return ended.map(({ time }) => time);
}

describe('a fraction of the way to the next save time', () => {
  it.each([0, 1, 0.3, 1 / 3, 2 ** -30, 1e-9, 1.234e-25, 7.7e-150, 3e-300])(
    '%d is told to 1e-9',
    (fraction) => {
      const [progress, progressRest, progressZeros] = toProgress(fraction);
      for (const entry of [progress, progressRest, progressZeros]) expect(entry | 0).toBe(entry);
      const told = fromProgress([0, 0, 0, 0, 0, progress, progressRest, progressZeros]);
      expect(Math.abs(told - fraction)).toBeLessThanOrEqual(1e-9 * fraction);
    },
  );
});

describe('the time that a step budget ends at', () => {
  afterAll(closeBackends);
  let reference: readonly number[];
  beforeAll(async () => {
    registerCpuKernel();
    await registerWasmKernel();
    device = await openDevice('cpu', { workers: 1 });
    // By track.ts in float64 numbers of time, with no report between.
    reference = await timesOf(50, { precision: 'float64' });
    expect(Math.min(...reference)).toBeGreaterThan(1);
  });

  /** Estimated errors of float32 states near the end are rounding, so that steps differ; a lost time is off by 1. */
  const close = (times: readonly number[], tolerance: number) =>
    times.forEach((time, i) => expect(Math.abs(time / reference[i]! - 1)).toBeLessThan(tolerance));

  it.each([1e3, 1e12, 1e30, 1e300])('before the save time %d', async (end) => {
    close(await timesOf(end, { precision: 'float64' }), 1e-9);
    close(await timesOf(end, { kernel: 'tensor-ops' }), 0.1);
    device = await openDevice('wasm', { workers: 1 });
    close(await timesOf(end, { precision: 'float64' }), 1e-6);
    close(await timesOf(end, {}), 0.1);
    close(await timesOf(end, { kernel: 'tensor-ops' }), 0.1);
    device = await openDevice('cpu', { workers: 1 });
  });

  it.skipIf(noWebgpu).each([1e3, 1e12, 1e30, 1e300])('before the save time %d, on webgpu', async (end) => {
    device = await openDevice('webgpu', { workers: 1 });
    close(await timesOf(end, {}), 0.1);
    device = await openDevice('cpu', { workers: 1 });
  });
});

describe('the event loop', () => {
  it.each([
    ['cpu', 'fused', 'float64', 40],
    ['wasm', 'fused', 'float32', 800],
    ['wasm', 'tensor-ops', 'float32', 40],
  ] as const)('turns while %s works, %s', async (backend, kernel, precision, end) => {
    device = await openDevice(backend, { workers: 1 });
    const large = frobeniusFromSpectrum(sigma(64), 64, 64);
    const many = Array.from({ length: 6 }, (_, i) =>
      memberOf({ loraA: gaussian(16, 64, i, 0.1), loraB: gaussian(64, 16, 50 + i, 0.1) }, plain),
    );
    let turns = 0;
    let done = false;
    const count = () => {
      turns++;
      if (!done) setTimeout(count);
    };
    setTimeout(count);
    const stop = { saveTimes: [end], steadyTolerance: null, maxSteps: 100_000 };
    const options = { method: method('rk4', { step: 0.1 }), stop, chunk: 6, kernel, precision } as const;
    const ended = await solve({ problem: large, members: many }, { ...options, device }).all();
    done = true;
    expect(ended.map(({ outcome }) => outcome)).toEqual(many.map(() => 'end-time'));
    // A single call, or operations that are awaited in one turn, would let no timer in.
    expect(turns).toBeGreaterThan(2);
  });
});
