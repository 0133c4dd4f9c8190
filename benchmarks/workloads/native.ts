/**
 * W1 by the fused wasm kernel against the same algorithm in C (benchmarks/w1.c), compiled for this machine with vectors
 * of 128 bits: both in one thread, both timed from state to state. The two must end at the same place. Since engines
 * without relaxed SIMD have no fused multiply-add, C is timed without it too, which no bar is set by.
 */
import { gradientMotion } from '../../src/flow/motion.js';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { arch, tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadModules } from '../../kernels/wasm/module.js';
import { packageRoot } from '../../src/host/packageRoot.js';
import { openFused } from '../backends.js';
import { FLOPS, flopsPerStep, membersOf, problemOf, rk4, STEP, stopAfter } from '../flow.js';
import { callKernel } from '../kernelCall.js';
import { interleaved, pairedRatio, samples } from '../measure.js';
import { relativeError } from '../numbers.js';
import { atLeast, Skipped, type Workload } from '../workload.js';
import { W1 } from './w1.js';

const TRAJECTORIES = 256;
const LARGEST_DIFFERENCE = 1e-4;

const source = join(packageRoot, 'benchmarks/w1.c');
const flags = ['-O3', '-march=native', ...(arch() === 'x64' ? ['-mprefer-vector-width=128'] : [])];

/** The program; @throws Skipped if there is no compiler, or it does not compile it */
function compile(folder: string, name: string, ...more: string[]): string {
  const program = join(folder, name);
  try {
    execFileSync('cc', [...flags, ...more, '-o', program, source, '-lm'], { stdio: 'pipe' });
    return program;
  } catch (error) {
    const { code, stderr } = error as { code?: string; stderr?: Buffer };
    throw new Skipped(code === 'ENOENT' ? 'no C compiler (cc)' : `cc: ${String(stderr ?? error).trim()}`);
  }
}

/** What the program writes: a float64, the seconds, and float32 numbers, the end of the first trajectory. */
function runProgram(program: string, input: Buffer) {
  const told = [W1.n, W1.m, TRAJECTORIES, W1.steps, STEP].map(String);
  const output = Uint8Array.from(execFileSync(program, told, { input, maxBuffer: 2 ** 30 }));
  return { seconds: new Float64Array(output.buffer, 0, 1)[0]!, first: new Float32Array(output.buffer, 8) };
}

export const w1C: Workload = {
  id: 'w1-c',
  claim: 'arithmetic rate of fused wasm over that of C with 128-bit SIMD',
  unit: 'x',
  bar: atLeast(0.5),
  async run() {
    const { kernel } = await openFused('wasm');
    const { structure } = problemOf(W1);
    if (structure.kind !== 'diagonal') throw new Error('the Frobenius flow in its frame is diagonal');
    const members = membersOf(W1, TRAJECTORIES);
    const starts = members.map((member) => member.initial());
    const numbers = [structure.sigma, ...starts.flatMap(({ x, y }) => [x.data, y.data])];
    const input = Buffer.concat(numbers.map((data) => Buffer.from(Float32Array.from(data).buffer)));
    const attrs = {
      structure,
      n: W1.n,
      m: W1.m,
      rank: W1.rank,
      motion: gradientMotion,
      method: rk4,
      stop: stopAfter(W1.steps),
    };
    const folder = mkdtempSync(join(tmpdir(), 'rankflow-bench-'));
    try {
      const program = compile(folder, 'w1');
      const unfused = compile(folder, 'w1-unfused', '-ffp-contract=off');
      const ends: Record<string, Float32Array> = {};
      const keep = (name: string, run: { seconds: number; first: Float32Array }) => {
        ends[name] = run.first;
        return run.seconds;
      };
      const times = await interleaved(
        {
          wasm: async () => keep('wasm', await callKernel(kernel, attrs, members)),
          c: async () => keep('c', runProgram(program, input)),
          'c, products rounded': async () => keep('c, products rounded', runProgram(unfused, input)),
        },
        5,
      );
      const difference = relativeError([ends['wasm']!], [ends['c']!]);
      const flops = TRAJECTORIES * W1.steps * flopsPerStep(W1);
      const all = samples(times);
      const rates = all.map(({ name, median }) => `${name} ${(flops / median / 1e9).toFixed(2)} GFlop/s`);
      const variant = (await loadModules('fused')) ? 'with' : 'without';
      return [
        {
          value: pairedRatio(times.c, times.wasm),
          valid: difference <= LARGEST_DIFFERENCE,
          times: all,
          note:
            `${TRAJECTORIES} trajectories; ${rates.join(', ')}; ${FLOPS}; wasm ${variant} fused multiply-add; ` +
            `cc ${flags.join(' ')}; ends differ by ${difference.toExponential(1)}, at most ${LARGEST_DIFFERENCE}`,
        },
      ];
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
};
