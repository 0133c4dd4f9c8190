/**
 * rankflow as a contestant: the fused kernel, on all cores by a pool of workers, or on WebGPU. Started as the others
 * are: `node rankflow.js FOLDER cpu|gpu [METHOD]`.
 */
import { gradientMotion } from '../../src/flow/motion.js';
import { createInterface } from 'node:readline';
import * as tf from '@tensorflow/tfjs';
import { method, type MethodName } from '../../src/method/methods.js';
import { frobeniusFromSpectrum } from '../../src/problem/frobenius.js';
import { release } from '../../src/host/release.js';
import { memberAt } from '../../src/ensemble/member.js';
import { openDevice } from '../../src/solver/device.js';
import { solve, type SolveOptions } from '../../src/solver/solve.js';
import { plain } from '../flow.js';
import { callKernel } from '../kernelCall.js';
import { problems, readStarts, writeEnds, type PeerProblem } from './problems.js';
import type { Answer, DeviceKind, Hello, Question, Run } from './protocol.js';

/** RK4 by its step; or to a tolerance a pair, and over a long time the stabilized method. */
const methodOf = ({ integration }: PeerProblem, { step, rtol }: Run, pair: MethodName) =>
  step === null
    ? method(integration.kind === 'free' ? 'rkc2' : pair, { rtol: rtol! })
    : method('rk4', { step });

/** Problem and members of a run, from the files in the folder. */
function arranged(folder: string, problem: PeerProblem, run: Run) {
  const { sigma, starts } = readStarts(folder, problem, run.trajectories);
  const members = starts.map((start, trial) => memberAt(start, plain, trial));
  return { problem: frobeniusFromSpectrum(sigma, run.n, run.n), members };
}

const stopOf = ({ end, step }: Run) => ({
  saveTimes: [end],
  steadyTolerance: null,
  maxSteps: step === null ? 1_000_000 : Math.round(end / step),
});

async function main(folder: string, kind: DeviceKind, pair: MethodName): Promise<void> {
  const answer = (told: Hello | Answer) => process.stdout.write(`${JSON.stringify(told)}\n`);
  const device = await openDevice(kind === 'gpu' ? 'webgpu' : 'wasm').catch((error: unknown) => {
    answer({ absent: error instanceof Error ? error.message : String(error) });
    process.exit(0);
  });
  const { info: backend, pool } = device;
  const versions = { rankflow: release.version, node: process.versions.node, tfjs: backend.tfjs };
  const words = pool ? `${backend.device}, ${pool.workers} workers` : backend.device;
  answer({ versions, device: words, software: backend.software });

  let held = { key: '', of: null as ReturnType<typeof arranged> | null };
  for await (const line of createInterface({ input: process.stdin })) {
    const { problem: id, run, checked, ends } = JSON.parse(line) as Question;
    const problem = { ...problems.find((each) => each.id === id)!, n: run.n, rank: run.rank };
    const key = `${id} ${run.trajectories}`;
    if (held.key !== key) held = { key, of: arranged(folder, problem, run) };
    const { problem: flow, members } = held.of!;
    const [how, stop] = [methodOf(problem, run, pair), stopOf(run)];
    const options: SolveOptions = { method: how, stop, kernel: 'fused', detail: 'loss', device };
    const begun = performance.now();
    const found = await solve({ problem: flow, members }, options).all();
    const seconds = (performance.now() - begun) / 1000;
    await device.check();
    writeEnds(
      ends,
      problem,
      found.slice(0, checked).map(({ factors }) => factors),
    );
    const kernelSeconds = kind === 'gpu' ? await kernelAlone() : undefined;
    const memory = tf.memory() as tf.MemoryInfo & { numBytesAllocatedInGPU?: number };
    answer({
      seconds,
      transferSeconds: null,
      ...(kernelSeconds !== undefined && { kernelSeconds }),
      peakBytes: process.resourceUsage().maxRSS * 1024,
      gpuPeakBytes: kind === 'gpu' ? (memory.numBytesAllocatedInGPU ?? null) : null,
    });

    async function kernelAlone(): Promise<number> {
      const { structure, n, m } = flow;
      const { kernel } = device;
      if (structure.kind !== 'diagonal' || !kernel) throw new Error('no fused kernel');
      const most = device.chunkRule(flow, stop.saveTimes.length)(run.rank, 'fused');
      const attrs = { structure, n, m, rank: run.rank, motion: gradientMotion, method: how, stop };
      let sum = 0;
      for (let at = 0; at < members.length; at += most)
        sum += (await device.run(() => callKernel(kernel, attrs, members.slice(at, at + most)))).seconds;
      return sum;
    }
  }
  await device.close();
  process.exit(0);
}

if (process.argv[1] === import.meta.filename) {
  const [folder, device, pair = 'sharpverner6'] = process.argv.slice(2);
  await main(folder!, device as DeviceKind, pair as MethodName);
}
