/**
 * The share of the fused wasm kernel in the CPU time of computing trials: draws, transfers, the kernel, observation and
 * rows, in one thread, without starting, files and plots (which `npm run bench:shares` has).
 */
import * as tf from '@tensorflow/tfjs';
import { ADVANCE } from '../../kernels/fused.js';
import { packageRoot } from '../../src/host/packageRoot.js';
import { checkConfig } from '../../src/input/checkConfig.js';
import { Agenda } from '../../src/run/agenda.js';
import { runAgenda } from '../../src/run/runner.js';
import type { Device } from '../../src/solver/device.js';
import { chunksOf } from '../../src/sweep/chunks.js';
import { sweepSchema, type SweepInput } from '../../src/sweep/config.js';
import { makePlan } from '../../src/sweep/plan.js';
import { openFused } from '../backends.js';
import { median, sample } from '../measure.js';
import { atLeast, type Measured, type Workload } from '../workload.js';

interface Case {
  readonly id: string;
  readonly bar: number;
  readonly config: SweepInput;
}

const w1: SweepInput = { spectrum: 'power:0.5', shape: ['64x64'], ranks: [8], trials: 1024, time: 10 };

const cases: readonly Case[] = [
  { id: 'w1-rk4', bar: 0.75, config: { ...w1, method: 'rk4', step: 0.05 } },
  { id: 'w1-dopri5', bar: 0.6, config: { ...w1, method: 'dopri5' } },
  {
    id: 'w2-rk4',
    bar: 0.75,
    config: { ...w1, shape: ['256x256'], ranks: [16], trials: 32, method: 'rk4', step: 0.05 },
  },
  {
    id: 'small',
    bar: 0.6,
    config: {
      ...{ spectrum: 'power:1', shape: ['32x32'], ranks: [1, 2, 4, 8], init: ['small:0.1'] },
      ...{ time: 20, rtol: 1e-3, trials: 2000 },
    },
  },
  {
    id: 'main-job',
    bar: 0.6,
    config: {
      ...{ target: 'src/data/minilm-query/matrix.safetensors', ranks: [1, 2, 4, 8, 16, 32] },
      ...{ init: ['kaiming'], trials: 32, time: 1000, rtol: 1e-4, steady: 1e-3 },
      saveTimes: [0.1, 0.15, 0.2, 0.3, 0.5, 0.7, 1, 1.5, 2, 3, 5, 7, 10, 20, 50, 100, 300, 1000],
    },
  },
];

/** Seconds of CPU time of all threads since some time. */
const since = (start: NodeJS.CpuUsage): number => {
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1e6;
};

/** Has the kernel of the wasm backend counted; returns the seconds of its calls so far. */
function counted(): () => number {
  const config = tf.getKernel(ADVANCE, 'wasm');
  let seconds = 0;
  tf.unregisterKernel(ADVANCE, 'wasm');
  tf.registerKernel({
    ...config,
    kernelFunc(params) {
      const start = process.cpuUsage();
      try {
        return config.kernelFunc(params);
      } finally {
        seconds += since(start);
      }
    },
  });
  return () => seconds;
}

/** Computes all trials of a config, whose rows are let go. */
async function compute(config: SweepInput, device: Device): Promise<void> {
  const plan = await makePlan(checkConfig(sweepSchema, config), undefined, packageRoot);
  const chunks = runAgenda(plan, new Agenda(plan, chunksOf(plan)), device);
  while (!(await chunks.next()).done);
}

const ROUNDS = 3;

export const kernelShare: Workload = {
  id: 'kernel-share',
  claim: 'share of the fused wasm kernel in the CPU time of computing trials',
  unit: '',
  async run() {
    const device = await openFused('wasm');
    const kernelSeconds = counted();
    const measured: Measured[] = [];
    for (const { id, bar, config } of cases) {
      await compute({ ...config, trials: 2 }, device);
      const [whole, shares]: [number[], number[]] = [[], []];
      for (let round = 0; round < ROUNDS; round++) {
        const [before, start] = [kernelSeconds(), process.cpuUsage()];
        await compute(config, device);
        whole.push(since(start));
        shares.push((kernelSeconds() - before) / whole.at(-1)!);
      }
      const name = `kernel-share-${id}`;
      const times = [sample('CPU time', whole)];
      measured.push({ id: name, value: median(shares), bar: atLeast(bar), times, note: words(config) });
    }
    await device.close();
    return measured;
  },
};

const words = (config: SweepInput): string =>
  Object.entries(config)
    .map(([name, value]) => `${name} ${String(value)}`)
    .join(', ');
