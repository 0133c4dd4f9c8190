/** Chunks that the memory of wasm, or a buffer of webgpu, really cannot hold: solved in parts, to the same bits. */
import * as tf from '@tensorflow/tfjs';
import { afterAll, describe, expect, it } from 'vitest';
import { OutOfMemoryError } from '../kernels/outOfMemory.js';
import { closeBackends } from '../src/backend/useBackend.js';
import { method } from '../src/method/methods.js';
import { frobeniusFromSpectrum } from '../src/problem/frobenius.js';
import type { Member } from '../src/ensemble/member.js';
import { openDevice, type Device } from '../src/solver/device.js';
import { solve, type SolveOptions } from '../src/solver/solve.js';
import { isOutOfMemory } from '../src/solver/withinMemory.js';
import { gaussian, memberOf, plain } from './support.js';
import { available } from './backends.js';

let device: Device;

/** Opens a device, and puts TensorFlow.js on it. */
async function onDevice(name: 'wasm' | 'webgpu'): Promise<Device> {
  const opened = await openDevice(name, { workers: 1 });
  await tf.setBackend(name);
  return opened;
}

const noWebgpu = !(await available('webgpu'));
afterAll(closeBackends);

const problem = frobeniusFromSpectrum(
  Float64Array.from({ length: 64 }, (_, i) => 1 / (1 + i)),
  64,
  64,
);
const membersOf = (count: number): Member[] =>
  Array.from({ length: count }, (_, i) =>
    memberOf({ loraA: gaussian(4, 64, i % 7, 0.1), loraB: gaussian(64, 4, 50 + (i % 7), 0.1) }, plain),
  );
const options: Omit<SolveOptions, 'device'> = {
  method: method('rk4', { step: 0.1 }),
  stop: {
    saveTimes: Array.from({ length: 50 }, (_, i) => (i + 1) / 10),
    steadyTolerance: null,
    maxSteps: 1000,
  },
  chunk: Infinity,
};

describe('on wasm, whose memory may not grow beyond a limit', () => {
  const { prototype } = (
    globalThis as unknown as { WebAssembly: { Memory: { prototype: { grow(pages: number): number } } } }
  ).WebAssembly.Memory;
  const { grow } = prototype;

  /** Runs while no memory of WebAssembly becomes larger than so many bytes; how often that was refused. */
  async function limited(bytes: number, work: () => Promise<void>): Promise<number> {
    let refusals = 0;
    prototype.grow = function (this: { buffer: ArrayBuffer }, pages: number) {
      if (this.buffer.byteLength + pages * 2 ** 16 > bytes) {
        refusals++;
        throw new RangeError('WebAssembly.Memory.grow(): Maximum memory size exceeded');
      }
      return grow.call(this, pages);
    };
    try {
      await work();
    } finally {
      prototype.grow = grow;
    }
    return refusals;
  }

  const held = () => {
    const { memory } = (tf.backend() as unknown as { wasm: { asm: { memory: { buffer: ArrayBuffer } } } })
      .wasm.asm;
    return memory.buffer.byteLength;
  };

  it.each([
    ['fused', 'float32'],
    ['fused', 'float64'],
    ['tensor-ops', 'float32'],
  ] as const)('a chunk is halved: %s, %s', async (kernel, precision) => {
    device = await onDevice('wasm');
    // 50 states of 2 KiB each in float32 at save times: 400 trajectories need 40 MiB, with tensor operations 10 states.
    const members = membersOf(kernel === 'fused' ? 400 : 4000);
    const stop = kernel === 'fused' ? options.stop : { ...options.stop, saveTimes: [0.2] };
    const few = { ...options, stop, kernel, precision, chunk: 7 };
    const expected = (await solve({ problem, members: members.slice(0, 7) }, { ...few, device }).all()).map(
      ({ last }) => last,
    );
    const { numTensors } = tf.memory();
    let all: unknown[] = [];
    const refusals = await limited(held() + 2 ** 22, async () => {
      const ended = await solve({ problem, members }, { ...few, chunk: Infinity, device }).all();
      all = ended.map(({ last }) => last);
    });
    expect(refusals).toBeGreaterThan(0);
    expect(all.slice(0, 7)).toEqual(expected);
    expect(all.slice(-3)).toEqual(members.slice(-3).map((_, i) => expected[(members.length - 3 + i) % 7]));
    expect(tf.memory().numTensors).toBe(numTensors);
  });

  it('a tensor is refused, and nothing is written at address 0', async () => {
    device = await onDevice('wasm');
    const before = tf.tensor1d([1, 2, 3]);
    await limited(held(), () => {
      expect(() => tf.zeros([2 ** 26])).toThrow(OutOfMemoryError);
      return Promise.resolve();
    });
    // More than 32 bits address: a size modulo 2^32 would be given.
    expect(() => tf.zeros([2 ** 30 + 1])).toThrow(OutOfMemoryError);
    expect(Array.from(before.dataSync())).toEqual([1, 2, 3]);
    before.dispose();
  });
});

describe('the error of a kernel', () => {
  it('is known by its words after the way from another thread, which its class does not outlive', () => {
    const arrived: unknown = structuredClone(new OutOfMemoryError('5 bytes'));
    expect(arrived).not.toBeInstanceOf(OutOfMemoryError);
    expect(isOutOfMemory(arrived)).toBe(true);
    expect(isOutOfMemory(new Error('invalid shapes'))).toBe(false);
  });

  it.each([() => new Float64Array(2 ** 40), () => new ArrayBuffer(2 ** 52)])(
    '%# of JavaScript is known',
    (make) => {
      let error: unknown;
      try {
        make();
      } catch (caught) {
        error = caught;
      }
      expect(isOutOfMemory(error)).toBe(true);
    },
  );
});

describe.skipIf(noWebgpu)('on webgpu, whose buffers have a limit', () => {
  it('a chunk beyond it is halved', async () => {
    device = await onDevice('webgpu');
    const { device: gpu } = tf.backend() as unknown as { device: GPUDevice };
    const members = membersOf(64);
    const whole = await solve({ problem, members }, { ...options, device }).all();
    const { limits } = gpu;
    // 50 saved states of 2 KiB: 10 trajectories, but not 16.
    const most = 10 * 50 * 2048;
    const told = {
      maxComputeWorkgroupStorageSize: limits.maxComputeWorkgroupStorageSize,
      maxComputeWorkgroupsPerDimension: limits.maxComputeWorkgroupsPerDimension,
      maxStorageBufferBindingSize: most,
      maxBufferSize: most,
    };
    Object.defineProperty(gpu, 'limits', { value: told, configurable: true });
    const sizes: number[] = [];
    const parts = await solve(
      { problem, members },
      {
        ...options,
        device: { ...device, check: () => Promise.resolve(void sizes.push(1)) },
      },
    ).all();
    Reflect.deleteProperty(gpu, 'limits');
    expect(sizes).toHaveLength(8);
    expect(parts.map(({ last }) => last)).toEqual(whole.map(({ last }) => last));
  });
});
