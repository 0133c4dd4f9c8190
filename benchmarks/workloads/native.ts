/**
 * The native kernel against the wasm kernel, alone and in one thread, on the problems of benchmarks/peers: each variant
 * that runs here, in turns, by the time of the processor, which other work on the machine does not add to. The two must
 * end at the same place.
 */
import * as tf from '@tensorflow/tfjs';
import { ADVANCE } from '../../kernels/fused.js';
import { registerWasmKernel } from '../../kernels/wasm/kernel.js';
import { variantsHere, type FusedVariant } from '../../kernels/wasm/variants.js';
import { gradientMotion } from '../../src/flow/motion.js';
import { method } from '../../src/method/methods.js';
import type { Method } from '../../src/method/method.js';
import type { StopRule } from '../../src/method/track.js';
import type { Precision } from '../../src/numbers/precision.js';
import { openFused } from '../backends.js';
import { FLOPS, flopsPerStep, membersOf, problemOf, rk4, stopAfter, type Size } from '../flow.js';
import { callKernel } from '../kernelCall.js';
import { interleaved, median, pairedRatio, samples } from '../measure.js';
import { relativeError } from '../numbers.js';
import { Skipped, type Measured, type Workload } from '../workload.js';

interface Case {
  readonly id: string;
  readonly size: Size;
  readonly precision: Precision;
  readonly method: Method;
  readonly stop: StopRule;
  readonly trajectories: number;
  /** Largest difference of the ends: of rounding, and of errors within the tolerance. */
  readonly difference: number;
}

const w1: Size = { n: 64, m: 64, rank: 8 };
const w2: Size = { n: 256, m: 256, rank: 16 };
const w5: Size = { n: 16384, m: 16384, rank: 8 };

const steps = (
  id: string,
  size: Size,
  trajectories: number,
  count: number,
  precision: Precision = 'float32',
): Case => ({
  ...{ id: `native-${id}`, size, precision, trajectories, method: rk4, stop: stopAfter(count) },
  difference: precision === 'float64' ? 1e-12 : 1e-4,
});

const until = (
  id: string,
  size: Size,
  trajectories: number,
  end: number,
  chosen: Method,
  precision: Precision = 'float32',
): Case => ({
  ...{ id: `native-${id}`, size, precision, trajectories, method: chosen, difference: 1e-3 },
  stop: { saveTimes: [end], steadyTolerance: null, maxSteps: 1_000_000 },
});

const dopri5 = method('dopri5', { rtol: 1e-6, atol: 1e-9 });
const rkc2 = method('rkc2', { rtol: 1e-4, atol: 1e-9 });

const cases: readonly Case[] = [
  steps('w1-rk4', w1, 64, 500),
  steps('w1-rk4-float64', w1, 32, 500, 'float64'),
  until('w1-dopri5', w1, 512, 10, dopri5),
  until('w1-rkc2', w1, 256, 200, rkc2),
  until('w1-rkc2-float64', w1, 128, 200, rkc2, 'float64'),
  steps('w2-rk4', w2, 8, 500),
  until('w2-rkc2', w2, 32, 200, rkc2),
  steps('w5-rk4', w5, 2, 100),
  until('w5-dopri5', w5, 2, 10, dopri5),
];

const ROUNDS = 5;

async function measured(each: Case, variants: readonly FusedVariant[]): Promise<Measured> {
  const { id, size, precision, trajectories, difference } = each;
  const { structure } = problemOf(size);
  if (structure.kind === 'autodiff') throw new Error('the Frobenius flow is built in');
  const attrs = { ...size, structure, motion: gradientMotion, method: each.method, stop: each.stop };
  const members = membersOf(size, trajectories);
  const ends = new Map<FusedVariant, Float32Array | Float64Array>();
  const timed = (variant: FusedVariant) => async () => {
    tf.unregisterKernel(ADVANCE, 'wasm');
    await registerWasmKernel(variant);
    const { kernel } = await openFused('wasm');
    const { cpuSeconds, first } = await callKernel(kernel, attrs, members, precision);
    ends.set(variant, first);
    return cpuSeconds;
  };
  const times = await interleaved(
    Object.fromEntries(variants.map((variant) => [variant, timed(variant)])),
    ROUNDS,
  );
  const wasm = variants.find((variant) => variant.startsWith('wasm'))!;
  const natives = variants.filter((variant) => variant.startsWith('native'));
  const ratios = natives.map((name) => `${name} ${pairedRatio(times[wasm]!, times[name]!).toFixed(2)} x`);
  const apart = Math.max(...natives.map((name) => relativeError([ends.get(name)!], [ends.get(wasm)!])));
  const flops = trajectories * flopsPerStep(size) * each.stop.maxSteps;
  const rates = variants.map((name) => `${name} ${(flops / median(times[name]!) / 1e9).toFixed(1)}`);
  return {
    id,
    unit: 'x',
    value: pairedRatio(times[wasm]!, times[natives[0]!]!),
    valid: apart <= difference,
    times: samples(times),
    note:
      `${natives[0]} over ${wasm}, ${precision}, ${trajectories} trajectories (${ratios.join(', ')})` +
      `${each.method === rk4 ? `; GFlop/s: ${rates.join(', ')}; ${FLOPS}` : ''}; ends differ by ` +
      `${apart.toExponential(1)}, at most ${difference}`,
  };
}

export const native: Workload = {
  id: 'native',
  claim: 'native kernel against the wasm kernel, in one thread, by time of the processor, times as fast',
  unit: 'x',
  async run() {
    await openFused('wasm');
    const variants = await variantsHere();
    if (!variants.some((variant) => variant.startsWith('native'))) throw new Skipped('no native kernel here');
    const results: Measured[] = [];
    try {
      for (const each of cases) results.push(await measured(each, variants));
    } finally {
      // The workloads after this one measure the kernel that rankflow takes.
      tf.unregisterKernel(ADVANCE, 'wasm');
      await registerWasmKernel();
    }
    return results;
  },
};
