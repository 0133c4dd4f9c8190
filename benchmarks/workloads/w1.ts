/**
 * W1: 1,024 trajectories of the Frobenius flow at n = m = 64, r = 8, 500 steps of RK4 in float32, of which the ends are
 * kept. By the fused kernels against tensor operations, by two workers against one, and in float64.
 */
import { availableParallelism } from 'node:os';
import type { Precision } from '../../src/numbers/precision.js';
import type { Path } from '../../src/solver/paths.js';
import { openPool } from '../../src/solver/pool.js';
import type { Device } from '../../src/solver/device.js';
import { solve } from '../../src/solver/solve.js';
import { openFused } from '../backends.js';
import { membersOf, problemOf, rk4, stopAfter, type Size } from '../flow.js';
import { interleaved, pairedRatio, samples, type Variant } from '../measure.js';
import { atLeast, Skipped, type Workload } from '../workload.js';

export const W1: Size & { readonly steps: number; readonly trajectories: number } = {
  ...{ n: 64, m: 64, rank: 8 },
  steps: 500,
  trajectories: 1024,
};

const problem = problemOf(W1);
const all = membersOf(W1, W1.trajectories);

/** Seconds per trajectory and step of a whole solution. */
async function perStep(device: Device, kernel: Path, trajectories: number, steps: number): Promise<number> {
  const stop = stopAfter(steps);
  const begun = performance.now();
  const members = all.slice(0, trajectories);
  await solve({ problem, members }, { method: rk4, stop, kernel, device }).all();
  return (performance.now() - begun) / 1000 / trajectories / steps;
}

/** The fused kernel against tensor operations, which are given less to do: both are timed per trajectory and step. */
const againstTensorOps = (
  id: string,
  name: 'wasm' | 'webgpu',
  bar: number,
  trajectories: { readonly fused: number; readonly tensorOps: number },
): Workload => ({
  id,
  claim: `fused ${name} against tensor operations on ${name}, times as fast`,
  unit: 'x',
  bar: atLeast(bar),
  async run() {
    const device = await openFused(name);
    // A driver that imitates a GPU takes so long for a step that all else is nothing to it.
    const tensorOpsSteps = device.info.software ? 5 : W1.steps;
    const fused = (steps: number) => perStep(device, 'fused', trajectories.fused, steps);
    const tensorOps = (steps: number) => perStep(device, 'tensor-ops', trajectories.tensorOps, steps);
    await fused(50);
    await tensorOps(2);
    const times = await interleaved(
      { fused: () => fused(W1.steps), 'tensor-ops': () => tensorOps(tensorOpsSteps) },
      3,
      0,
    );
    await device.check();
    return [
      {
        value: pairedRatio(times['tensor-ops'], times.fused),
        times: samples(times),
        note:
          `seconds per trajectory and step; fused: ${trajectories.fused} trajectories, ${W1.steps} steps; ` +
          `tensor ops: ${trajectories.tensorOps} trajectories, ${tensorOpsSteps} steps; ${device.info.device}`,
      },
    ];
  },
});

export const w1 = againstTensorOps('w1', 'wasm', 15, { fused: W1.trajectories, tensorOps: 128 });
export const w1Webgpu = againstTensorOps('w1-webgpu', 'webgpu', 20, { fused: 64, tensorOps: 64 });

/** Enough chunks that workers end about together. */
const chunk = 64;

/** Solves W1, or its first trajectories. */
const whole = (precision: Precision, device: Device, trajectories = W1.trajectories): Variant => {
  const options = {
    method: rk4,
    stop: stopAfter(W1.steps),
    chunk,
    kernel: 'fused',
    precision,
    device,
  } as const;
  return () => solve({ problem, members: all.slice(0, trajectories) }, options).all();
};

export const w1Workers: Workload = {
  id: 'w1-workers',
  claim: 'two workers against one, times as fast',
  unit: 'x',
  bar: atLeast(1.7),
  async run() {
    if (availableParallelism() < 2) throw new Skipped('a single core');
    const device = await openFused('wasm');
    const pools = [openPool('wasm', 1), openPool('wasm', 2)] as const;
    try {
      const [one, two] = pools.map((pool) => whole('float32', { ...device, pool })) as [Variant, Variant];
      const times = await interleaved({ 'one worker': one, 'two workers': two }, 5);
      const value = pairedRatio(times['one worker'], times['two workers']);
      const note = `pools of both, warm; ${availableParallelism()} cores`;
      return [{ value, times: samples(times), note }];
    } finally {
      await Promise.all(pools.map((pool) => pool.close()));
    }
  },
};

export const w1Float64: Workload = {
  id: 'w1-float64',
  claim: 'rate of fused wasm in float64 over that in float32',
  unit: 'x',
  bar: atLeast(0.4),
  async run() {
    const device = await openFused('wasm');
    const [float32, float64] = [whole('float32', device, 256), whole('float64', device, 256)];
    const times = await interleaved({ float32, float64 }, 5);
    const value = pairedRatio(times.float32, times.float64);
    return [{ value, times: samples(times), note: '256 trajectories' }];
  },
};
