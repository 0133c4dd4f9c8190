import { spawnSync } from 'node:child_process';
import * as tf from '@tensorflow/tfjs';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { gram, matMul } from '../kernels/tensorOps/matMul.js';
import { loraSystem } from '../kernels/tensorOps/loraSystem.js';
import { backendNames, trajectoriesTogether, type BackendName } from '../src/backend/backend.js';
import { closeBackends, listBackends, useBackend } from '../src/backend/useBackend.js';
import type { Dense } from '../src/numbers/dense.js';
import { InputError } from '../src/host/inputError.js';
import type { Structure } from '../src/problem/structure.js';
import { normals } from '../src/numbers/philox.js';
import { squaredNorms } from '../src/solver/batch.js';

const reports = await listBackends();
const report = (name: BackendName) => reports.find((r) => r.name === name)!;
const noWebgpu = !report('webgpu').available;
const noGpu = (noWebgpu || report('webgpu').software) && !report('tensorflow').device.startsWith('GPU');

afterAll(closeBackends);

describe('listBackends', () => {
  it('reports every backend once, prefers one, and explains the absent ones', () => {
    expect(reports.map(({ name }) => name)).toEqual(backendNames);
    expect(reports.filter(({ preferred }) => preferred)).toHaveLength(1);
    for (const { available, device, reason } of reports) {
      expect(Boolean(device)).toBe(available);
      expect(Boolean(reason)).toBe(!available);
    }
    expect(report('webgl').reason).toContain('browsers only');
    expect(report('cpu').available).toBe(true);
    expect(report('wasm').device).toContain('WebAssembly SIMD');
  });

  it('leaves TensorFlow.js on the backend it was on', async () => {
    await useBackend('wasm');
    const x = tf.tensor1d([1, 2]);
    expect(await listBackends()).toEqual(reports);
    expect(tf.getBackend()).toBe('wasm');
    expect(Array.from(await x.square().data())).toEqual([1, 4]);
  });

  it('lets the process end by itself, with nothing on standard output', () => {
    const script = `
      const { createJiti } = await import('jiti');
      const { listBackends, useBackend } = await createJiti(process.cwd() + '/').import('./src/backend/useBackend.ts');
      await listBackends();
      await useBackend('auto');
      await useBackend(${JSON.stringify(noWebgpu ? 'cpu' : 'webgpu')});`;
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      ['--input-type=module', '--eval', script],
      { encoding: 'utf8', timeout: 50_000 },
    );
    expect({ status, stdout, banner: stderr.includes('Hi, looks like') }).toEqual({
      status: 0,
      stdout: '',
      banner: false,
    });
  });
});

describe('useBackend', () => {
  it.skipIf(!noGpu)('takes wasm without a GPU', async () => {
    expect((await useBackend('auto')).name).toBe('wasm');
  });

  it('takes the preferred backend', async () => {
    const info = await useBackend('auto');
    expect(info).toMatchObject({ name: tf.getBackend(), precision: 'float32', tfjs: '4.22.0' });
    expect(report(info.name)).toMatchObject({ preferred: true, device: info.device, limits: info.limits });
    await info.check();
  });

  it.each(backendNames.filter((name) => !report(name).available))('refuses %s', async (name) => {
    const before = tf.getBackend();
    await expect(useBackend(name)).rejects.toThrow(InputError);
    await expect(useBackend(name)).rejects.toThrow(report(name).reason);
    expect(tf.getBackend()).toBe(before);
  });

  it('refuses an unknown name', async () => {
    await expect(useBackend('cuda' as BackendName)).rejects.toThrow(
      'invalid backend: cuda; must be one of auto, tensorflow, webgpu, webgl, wasm, cpu',
    );
  });

  it('leaves no handler of WebAssembly on the process', async () => {
    await useBackend('wasm');
    const handlers = process.listeners('uncaughtException').map(String);
    expect(handlers.filter((code) => code.includes('ExitStatus') || code.includes('throw ex'))).toEqual([]);
  });

  it('prints nothing on the first use of the cpu backend', async () => {
    const warn = vi.spyOn(console, 'warn');
    await useBackend('cpu');
    await tf.tensor1d([1]).data();
    expect(warn).not.toHaveBeenCalled();
    warn.mockRestore();
  });
});

describe('trajectoriesTogether', () => {
  it('fills the chunk, within the most trajectories, and is at least one', () => {
    const device = { chunkElements: 1000, mostTrajectories: 50 };
    expect([10, 30, 5000].map((elements) => trajectoriesTogether(device, elements))).toEqual([50, 33, 1]);
  });
});

const gaussian = (rows: number, cols: number, seed: number): Dense => ({
  rows,
  cols,
  data: normals(rows * cols, { seed, rank: 1, trial: 0 }, 'mixing'),
});

const structures = (n: number, m: number): Structure[] => [
  { kind: 'diagonal', sigma: Float64Array.from({ length: Math.min(n, m) }, (_, i) => 1 / (i + 1)) },
  { kind: 'quadratic', error: gaussian(n, m, 1), covariance: null },
  { kind: 'quadratic', error: gaussian(n, m, 1), covariance: gaussian(m, m, 2) },
  { kind: 'trace', trace0: 0.3 },
  { kind: 'autodiff', base: gaussian(n, m, 3), loss: (w) => tf.sum(tf.square(w), [1, 2]) },
];

const bits = async (tensors: readonly tf.Tensor[]) =>
  Promise.all(tensors.map(async (t) => new Uint32Array(Float32Array.from(await t.data()).buffer)));

/** Everything that a trajectory's fate depends on, for the trajectories [from, to) of the states x, y. */
async function fate(structure: Structure, x: tf.Tensor3D, y: tf.Tensor3D, from: number, to: number) {
  const [, n, width] = x.shape;
  const m = y.shape[1];
  const system = loraSystem(structure, { n, m, width });
  const tensors = tf.tidy(() => {
    const state = [x, y].map((z) => z.slice([from, 0, 0], [to - from, z.shape[1], width]));
    const slope = system.derivative(state);
    return [...slope, system.component(0, state), squaredNorms(state), squaredNorms(slope)];
  });
  const read = await bits(tensors);
  tf.dispose(tensors);
  system.dispose();
  return read;
}

const BATCH = 64;

describe.each(['cpu', 'wasm', 'webgpu', 'tensorflow'] as const)('on %s', (name) => {
  describe.skipIf(!report(name).available)('a trajectory and its batch', () => {
    beforeAll(async () => void (await useBackend(name)));

    // Widths 4, 8 and 32 lie on both sides of the thresholds of matMul.ts and, in webgpu, of vector programs.
    it.each([
      [64, 64, 4],
      [50, 30, 8],
      [96, 96, 32],
      [130, 130, 32],
    ])(
      'is the same alone and in a batch: n = %i, m = %i, r = %i',
      async (n, m, width) => {
        const info = await useBackend(name);
        const draw = (rows: number, seed: number) =>
          tf.tensor3d(Float32Array.from(gaussian(BATCH * rows, width, seed).data), [BATCH, rows, width]);
        const [x, y] = [draw(n, 4), draw(m, 5)];
        for (const structure of structures(n, m)) {
          if (structure.kind === 'trace' && n !== m) continue;
          if (structure.kind === 'autodiff' && n > 64) continue;
          // A software driver compiles slowly; the largest size is there for a threshold on wasm.
          if (info.software && (n > 96 || (width > 4 && structure.kind === 'autodiff'))) continue;
          const whole = await fate(structure, x, y, 0, BATCH);
          for (const [from, to] of [
            [0, 1],
            [2, 3],
            [0, 3],
            [BATCH - 1, BATCH],
          ] as const) {
            const part = await fate(structure, x, y, from, to);
            part.forEach((found, i) => {
              const size = whole[i]!.length / BATCH;
              const expected = whole[i]!.subarray(from * size, to * size);
              const different = found.reduce((sum, value, k) => sum + Number(value !== expected[k]), 0);
              expect([structure.kind, i, found.length, different]).toEqual([
                structure.kind,
                i,
                expected.length,
                0,
              ]);
            });
          }
        }
        await info.check();
        tf.dispose([x, y]);
      },
      170_000,
    );

    it('multiplies right on both sides of the thresholds', async () => {
      for (const [n, r] of [
        [33, 4],
        [130, 32],
      ] as const) {
        for (const batch of [1, 3]) {
          const draw = (rows: number, cols: number, seed: number) => {
            const { data } = gaussian(batch * rows, cols, seed);
            return tf.tensor3d(Float32Array.from(data), [batch, rows, cols]);
          };
          const [x, z, g] = [draw(n, r, 6), draw(n, r, 7), draw(r, r, 8)];
          const p = tf.tensor2d(Float32Array.from(gaussian(n, n, 9).data), [n, n]);
          const sum = (a: tf.Tensor3D, b: tf.Tensor3D) => tf.sum(tf.mul(a.expandDims(3), b.expandDims(1)), 2);
          const results = [
            [matMul(x, g), sum(x, g)],
            [matMul(p, x), sum(tf.tile(p.expandDims<tf.Tensor3D>(0), [batch, 1, 1]), x)],
            [gram(x, z), sum(tf.transpose(x, [0, 2, 1]), z)],
          ] as const;
          for (const [found, expected] of results) {
            expect(found.shape).toEqual(expected.shape);
            const [error, size] = await Promise.all(
              [tf.norm(tf.sub(found, expected)), tf.norm(expected)].map(async (t) => (await t.data())[0]!),
            );
            expect(error! / size!).toBeLessThan(1e-6);
          }
        }
      }
    });
  });
});

describe.skipIf(noWebgpu)('the webgpu device', () => {
  interface Backend {
    readonly device: {
      createBuffer(options: { size: number; usage: number }): unknown;
      destroy(): void;
      readonly limits: { readonly maxBufferSize: number };
    };
  }
  const device = () => (tf.backend() as unknown as Backend).device;

  afterEach(closeBackends);

  it('has more than the default limits and computes small tensors itself', async () => {
    const info = await useBackend('webgpu');
    expect(device().limits.maxBufferSize).toBe(info.limits['maxBufferSize']);
    expect(info.limits['maxBufferSize']).toBeGreaterThan(2 ** 28);
    expect(tf.env().getBool('WEBGPU_CPU_FORWARD')).toBe(false);
    expect(info.chunkElements * 4 * 12).toBeLessThanOrEqual(2 ** 30);
  });

  it('surfaces work that the device refused', async () => {
    const { check } = await useBackend('webgpu');
    await check();
    device().createBuffer({ size: 16, usage: 0xffff });
    await expect(check()).rejects.toThrow('the GPU refused work');
  });

  it('surfaces a lost device, and opens another one', async () => {
    const { check } = await useBackend('webgpu');
    device().destroy();
    await expect(check()).rejects.toThrow('the GPU device was lost');
    await closeBackends();
    expect(tf.getBackend()).toBe('cpu');
    const again = await useBackend('webgpu');
    await again.check();
    expect(Array.from(await tf.tensor1d([1, 2]).square().data())).toEqual([1, 4]);
  });
});
