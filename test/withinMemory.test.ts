/** Chunks that the device has no memory for, solved in parts, to the same results; and threads that die. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { Piscina } from 'piscina';
import { afterAll, describe, expect, it } from 'vitest';
import { closeBackends } from '../src/backend/useBackend.js';
import { method } from '../src/method/methods.js';
import { frobeniusFromSpectrum } from '../src/problem/frobenius.js';
import type { Chunk, ChunkStart, Trajectory } from '../src/solver/chunk.js';
import { onceMore } from '../src/solver/pool.js';
import { memberAt, type Member } from '../src/ensemble/member.js';
import { solve } from '../src/solver/solve.js';
import { isOutOfMemory, withinMemory } from '../src/solver/withinMemory.js';
import { gaussian, noTensorflow, plain, useBackend } from './support.js';

afterAll(closeBackends);

/** A chunk of numbered trajectories; all that is solved of one is its number. */
const chunkOf = (count: number): Chunk =>
  ({
    width: 2,
    starts: Array.from({ length: count }, (_, rank) => ({ rank }) as ChunkStart),
  }) as unknown as Chunk;

function limited(room: number, refusal = 'Invalid TF_Status: 8\nMessage: OOM when allocating tensor') {
  const sizes: number[] = [];
  const solve = withinMemory(({ starts }) => {
    sizes.push(starts.length);
    if (starts.length > room) return Promise.reject(new Error(refusal));
    return Promise.resolve(starts.map(({ rank }) => ({ time: rank }) as Trajectory));
  });
  const times = async (count: number) => [...(await solve(chunkOf(count)))].map(({ time }) => time);
  return { sizes, times };
}

describe('a chunk without memory', () => {
  it('is halved until it fits, in order', async () => {
    const { times, sizes } = limited(3);
    expect(await times(10)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(sizes).toEqual([10, 5, 3, 2, 3, 2]);
  });

  it('is not tried again in a size that did not fit', async () => {
    const { times, sizes } = limited(3);
    await times(8);
    sizes.length = 0;
    expect(await times(8)).toHaveLength(8);
    expect(sizes).toEqual([2, 2, 2, 2]);
  });

  it('is an error where not even one trajectory fits', async () => {
    await expect(limited(0).times(4)).rejects.toThrow('OOM when allocating');
  });

  it('is no cover for other errors', async () => {
    const { times, sizes } = limited(3, 'the GPU device was lost (unknown)');
    await expect(times(4)).rejects.toThrow('was lost');
    expect(sizes).toEqual([4]);
  });

  it('gives the same trajectories, with whom it was told of late', async () => {
    const device = await useBackend('wasm');
    const problem = frobeniusFromSpectrum(Float64Array.of(2, 1, 0.5), 3, 3);
    const members = Array.from({ length: 6 }, (_, i): Member => {
      const initial = () => ({ x: gaussian(3, 2, i, 0.1), y: gaussian(3, 2, i + 9, 0.1) });
      return memberAt(initial(), plain, i);
    });
    const stop = { saveTimes: [1], steadyTolerance: null, maxSteps: 1000 };
    const options = { method: method('dopri5'), stop, chunk: 6, kernel: 'tensor-ops' } as const;
    const whole = await solve({ problem, members }, { ...options, device }).all();
    let asked = 0;
    const check = () =>
      asked++ === 0 ? Promise.reject(new Error('the GPU refused work: out of memory: x')) : Promise.resolve();
    expect(await solve({ problem, members }, { ...options, device: { ...device, check } }).all()).toEqual(
      whole,
    );
    expect(asked).toBe(3);
  });

  it.skipIf(noTensorflow)('is what TensorFlow says when it has none', async () => {
    await useBackend('tensorflow');
    // 1 TiB.
    const outer = () => tf.tidy(() => tf.mul(tf.ones([2 ** 19, 1]), tf.ones([1, 2 ** 19])));
    const error = (() => {
      try {
        return outer();
      } catch (caught) {
        return caught;
      }
    })();
    expect(isOutOfMemory(error)).toBe(true);
  });
});

describe('work in a thread that dies', () => {
  /** Piscina with a worker that ends itself over the first task it is given, if its file is not there yet. */
  const folder = mkdtempSync(join(tmpdir(), 'rankflow-worker-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const worker = join(folder, 'worker.mjs');
  writeFileSync(
    worker,
    `import { existsSync, writeFileSync } from 'node:fs';
     export default ({ times, file }) => {
       for (let k = 0; k < times; k++)
         if (!existsSync(file + k)) { writeFileSync(file + k, ''); process.exit(7); }
       return 'done';
     };`,
  );

  it('is done again, once', async () => {
    const threads = new Piscina({ filename: worker, maxThreads: 1 });
    threads.on('error', () => undefined);
    const solve = onceMore((task: { times: number; file: string }) => threads.run(task));
    expect(await solve({ times: 1, file: join(folder, 'a') })).toBe('done');
    await expect(solve({ times: 2, file: join(folder, 'b') })).rejects.toThrow('worker exited with code: 7');
    await threads.destroy();
  });

  it('but not for another reason', async () => {
    let runs = 0;
    const solve = onceMore(() => {
      runs++;
      return Promise.reject(new Error('the GPU device was lost'));
    });
    await expect(solve(null)).rejects.toThrow('lost');
    expect(runs).toBe(1);
  });
});
