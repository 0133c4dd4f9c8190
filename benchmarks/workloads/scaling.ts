/**
 * How time grows: of the fused kernel per trajectory and step of RK4 with n = m, r and the number of trajectories; and
 * what share of W1, with the loss at the default 32 save times, is spent outside the kernel. There are no bars.
 */
import { gradientMotion } from '../../src/flow/motion.js';
import { openFused } from '../backends.js';
import { flopsPerStep, membersOf, problemOf, rk4, STEP, stopAfter, type Size } from '../flow.js';
import type { FusedKernel } from '../../kernels/fused.js';
import { solve } from '../../src/solver/solve.js';
import { callKernel } from '../kernelCall.js';
import { interleaved, median, samples } from '../measure.js';
import type { Measured, Workload } from '../workload.js';
import { W1 } from './w1.js';

const SAVES = 32;

interface Grid {
  readonly n: readonly number[];
  readonly rank: readonly number[];
  readonly trajectories: readonly number[];
  /** Operations of a measurement, about. */
  readonly flops: number;
}

const square = (n: number, rank: number): Size => ({ n, m: n, rank });

function kernelTime(
  kernel: FusedKernel,
  size: Size,
  trajectories: number,
  flops: number,
): () => Promise<number> {
  const { structure } = problemOf(size);
  if (structure.kind !== 'diagonal') throw new Error('the Frobenius flow in its frame is diagonal');
  const members = membersOf(size, trajectories);
  const steps = Math.min(5000, Math.max(2, Math.round(flops / trajectories / flopsPerStep(size))));
  const attrs = { structure, ...size, motion: gradientMotion, method: rk4, stop: stopAfter(steps) };
  return async () => (await callKernel(kernel, attrs, members)).seconds / trajectories / steps;
}

export const scaling = (name: 'wasm' | 'webgpu', { n, rank, trajectories, flops }: Grid): Workload => ({
  id: `scaling-${name}`,
  claim: `time of fused ${name} per trajectory and step of RK4 as n, r or the number of trajectories grows`,
  unit: 'us',
  async run() {
    const device = await openFused(name);
    const points: [label: string, size: Size, trajectories: number][] = [
      ...n.map((each) => [`n=${each}`, square(each, 8), 1] as [string, Size, number]),
      ...rank.map((each) => [`r=${each}`, square(256, each), 1] as [string, Size, number]),
      ...trajectories.map((each) => [`trajectories=${each}`, square(64, 8), each] as [string, Size, number]),
    ];
    const results: Measured[] = [];
    for (const [label, size, count] of points) {
      const times = await interleaved({ kernel: kernelTime(device.kernel, size, count, flops) }, 3);
      const value = 1e6 * median(times.kernel);
      results.push({ id: `${this.id}-${label}`, value, unit: this.unit, times: samples(times) });
    }
    await device.check();
    return results;
  },
});

/** Time of the whole solution beside that of the kernel alone, from the same starts. */
export const overhead: Workload = {
  id: 'w1-overhead',
  claim: `share of W1 with the loss at ${SAVES} save times that is spent outside the kernel, on wasm`,
  unit: '',
  async run() {
    const device = await openFused('wasm');
    const problem = problemOf(W1);
    if (problem.structure.kind !== 'diagonal') throw new Error('the Frobenius flow in its frame is diagonal');
    const { n, m, rank, steps } = W1;
    const members = membersOf(W1, 256);
    const saveTimes = Array.from({ length: SAVES }, (_, k) => STEP * Math.round(((k + 1) * steps) / SAVES));
    const stop = { ...stopAfter(steps), saveTimes };
    const attrs = { structure: problem.structure, n, m, rank, motion: gradientMotion, method: rk4, stop };
    const options = { method: rk4, stop, chunk: 256, kernel: 'fused', detail: 'loss', device } as const;
    const times = await interleaved(
      {
        whole: () => solve({ problem, members }, options).all(),
        kernel: async () => (await callKernel(device.kernel, attrs, members)).seconds,
      },
      5,
    );
    const value = median(times.whole.map((whole, i) => 1 - times.kernel[i]! / whole));
    return [{ value, times: samples(times), note: '256 trajectories, one thread' }];
  },
};
