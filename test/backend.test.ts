/** Backends: which there are, how one is chosen, refused and closed, against what TensorFlow.js and the device say. */
import { spawnSync } from 'node:child_process';
import * as tf from '@tensorflow/tfjs';
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import { backendNames, trajectoriesTogether, type BackendName } from '../src/backend/backend.js';
import { closeBackends, listBackends, useBackend } from '../src/backend/useBackend.js';
import { InputError } from '../src/host/inputError.js';
import { available } from './backends.js';

const reports = await listBackends();
const report = (name: BackendName) => reports.find((r) => r.name === name)!;
const noWebgpu = !(await available('webgpu'));
const noGpu =
  (!report('webgpu').available || report('webgpu').software) &&
  !report('tensorflow').device.startsWith('GPU');

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
      const { listBackends, useBackend } = await import('./dist/src/backend/useBackend.js');
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
