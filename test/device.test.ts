/**
 * Devices: two at once against each alone, what a loss that is tried does to the one in use, and plans of a process in
 * which no backend was chosen against plans of one in which there is one.
 */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import * as tf from '@tensorflow/tfjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { inTurn } from '../src/backend/turn.js';
import { closeBackends } from '../src/backend/useBackend.js';
import { ensemble } from '../src/ensemble/ensemble.js';
import { InputError } from '../src/host/inputError.js';
import { checkConfig } from '../src/input/checkConfig.js';
import { customProblem } from '../src/input/customLoss.js';
import { method } from '../src/method/methods.js';
import { linearRegression } from '../src/problem/linearRegression.js';
import { lossNames } from '../src/problem/losses.js';
import { curvatureKeys } from '../src/problem/source.js';
import { openDevice, type Device } from '../src/solver/device.js';
import { openPool, poolFor } from '../src/solver/pool.js';
import { solve } from '../src/solver/solve.js';
import { sweepSchema } from '../src/sweep/config.js';
import { makePlan } from '../src/sweep/plan.js';
import { covariance, gaussian } from './support.js';

let cpu: Device;
let wasm: Device;
beforeAll(async () => {
  cpu = await openDevice('cpu', { workers: 1 });
  wasm = await openDevice('wasm', { workers: 1 });
});
afterAll(closeBackends);

/** The bits of the ends of some trajectories by tensor operations, in chunks so small that devices meet often. */
async function endsOn(device: Device): Promise<Float64Array[]> {
  const problem = linearRegression(gaussian(24, 20, 1, 0.3), covariance(20, 2));
  const some = ensemble({ problem, ranks: [2, 5], initialization: 'small:0.1', trials: 3 });
  const stop = { saveTimes: [1, 4] };
  const options = { method: method('dopri5'), stop, kernel: 'tensor-ops', chunk: 2, device } as const;
  return (await solve(some, options).all()).map(({ factors }) => factors.x.data);
}

describe('two devices', () => {
  it('compute at once what each computes alone', async () => {
    const alone = [await endsOn(cpu), await endsOn(wasm)];
    expect(alone[0]).not.toEqual(alone[1]);
    expect(await Promise.all([endsOn(cpu), endsOn(wasm)])).toEqual(alone);
  });

  it('would not, if they took no turns', async () => {
    const alone = [await endsOn(cpu), await endsOn(wasm)];
    const pushy = (device: Device): Device => ({
      ...device,
      async run(work) {
        await tf.setBackend(device.info.name);
        return work();
      },
    });
    expect(await Promise.all([endsOn(pushy(cpu)), endsOn(pushy(wasm))])).not.toEqual(alone);
  });

  it('of one backend are closed one by one', async () => {
    const [first, second] = [
      await openDevice('cpu', { workers: 1 }),
      await openDevice('cpu', { workers: 1 }),
    ];
    const before = await endsOn(second);
    await first.close();
    await first.close();
    expect(await endsOn(second)).toEqual(before);
    await second.close();
    expect(await endsOn(cpu)).toEqual(before);
  });
});

describe('turns', () => {
  it('are shared by work of one key, and in the order in which keys were asked for', async () => {
    const log: string[] = [];
    const work = (key: string) =>
      inTurn(key, async () => {
        log.push(`${key} begins`);
        await new Promise((resolve) => setTimeout(resolve, 5));
        log.push(`${key} ends`);
      });
    await Promise.all([work('a'), work('b'), work('c'), work('a'), work('b')]);
    const [a, b] = [
      ['a begins', 'a begins', 'a ends', 'a ends'],
      ['b begins', 'b begins', 'b ends', 'b ends'],
    ];
    expect(log).toEqual([...a, ...b, 'c begins', 'c ends']);
  });

  it('go on after work that fails', async () => {
    const failing = inTurn('a', () => Promise.reject(new Error('no')));
    const next = inTurn('b', () => Promise.resolve('done'));
    await expect(failing).rejects.toThrow('no');
    expect(await next).toBe('done');
  });
});

describe('workers', () => {
  it('are for the backends of the processor, several of them alone', () => {
    expect(poolFor({ name: 'wasm', fusedVariant: null }, 1)).toBe(null);
    expect(poolFor({ name: 'webgpu', fusedVariant: null }, undefined)).toBe(null);
    expect(() => poolFor({ name: 'webgpu', fusedVariant: null }, 2)).toThrow(InputError);
  });

  it('whose threads cannot start fails, as what it should solve does', async () => {
    // Of the sources no worker is built.
    const pool = openPool('wasm', 2);
    await expect(pool.solve(undefined as never)).rejects.toThrow(/Cannot find module .*worker\.js/);
    await pool.close();
  });
});

const loss = fileURLToPath(new URL('fixtures/losses/logCosh.ts', import.meta.url));

describe('a custom loss', () => {
  it('is tried on the processor, and leaves alone what is in use', async () => {
    const seen: string[] = [];
    const sum = (w: tf.Tensor3D) => {
      seen.push(tf.getBackend());
      return tf.sum<tf.Tensor1D>(tf.square(w), [1, 2]);
    };
    await wasm.run(async () => {
      const kept = tf.tensor1d([1, 2]);
      const { numTensors } = tf.memory();
      const { rate } = customProblem('mine', gaussian(4, 3, 5), sum);
      expect(rate).toBeGreaterThan(0);
      expect(new Set(seen)).toEqual(new Set(['cpu']));
      expect(tf.getBackend()).toBe('wasm');
      expect(tf.memory().numTensors).toBe(numTensors);
      expect(Array.from(await kept.data())).toEqual([1, 2]);
      kept.dispose();
      expect(() => customProblem('mine', gaussian(4, 3, 5), () => tf.scalar(1).reshape([1]))).toThrow();
      expect(tf.getBackend()).toBe('wasm');
      return Promise.resolve();
    });
  });
});

describe('a plan', () => {
  const input = {
    ...{ spectrum: 'power:1', shape: ['6x6'], ranks: [1, 3] },
    ...Object.fromEntries(curvatureKeys.map((key) => [key, 'power:0.5'])),
    loss: [...lossNames, loss],
    init: ['gaussian', 'spectral'],
  };
  const rates = `cells.map(({ problem, stop }) => [problem.loss.name, problem.rate, stop.saveTimes.at(-1)])`;

  it('of every loss needs no backend, and is that of a process with one', async () => {
    const dist = new URL('../dist/src/', import.meta.url).href;
    const script = `
      const { checkConfig } = await import('${dist}input/checkConfig.js');
      const { sweepSchema } = await import('${dist}sweep/config.js');
      const { makePlan } = await import('${dist}sweep/plan.js');
      const { cells } = await makePlan(checkConfig(sweepSchema, ${JSON.stringify(input)}));
      console.log(JSON.stringify(${rates}));`;
    const output = execFileSync(process.execPath, ['--input-type=module', '-e', script], {
      encoding: 'utf8',
      cwd: fileURLToPath(new URL('..', import.meta.url)),
    });
    const { cells } = await wasm.run(() => makePlan(checkConfig(sweepSchema, input)));
    expect(cells).toHaveLength((lossNames.length + 1) * 4);
    expect(JSON.parse(output)).toEqual(
      cells.map(({ problem, stop }) => [problem.loss.name, problem.rate, stop.saveTimes.at(-1)]),
    );
  });
});
