/** The addon of the native kernel where it is not there, and its threads. What it computes, wasmKernel.test.ts compares. */
import * as tf from '@tensorflow/tfjs';
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addonIn, loadAddon, type Addon } from '../kernels/native/addon.js';
import { ADVANCE } from '../kernels/fused.js';
import { registerWasmKernel } from '../kernels/wasm/kernel.js';
import { variantsHere } from '../kernels/wasm/variants.js';
import { actual, caseOf, diagonal, expected, quadratic } from './kernels/on/wasm.js';
import { useBackend } from './support.js';

const folder = mkdtempSync(join(tmpdir(), 'rankflow-native-'));
afterAll(() => rmSync(folder, { recursive: true }));

const script = fileURLToPath(new URL('../scripts/build-native.js', import.meta.url));

/** What a build by a compiler leaves, and says. */
function builtBy(compiler: string, name: string) {
  const target = join(folder, name);
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, target], {
    env: { ...process.env, CXX: compiler },
    encoding: 'utf8',
  });
  expect([status, stdout, stderr]).toEqual([0, '', '']);
  return addonIn(pathToFileURL(`${target}/`));
}

describe('a build of the native kernel', () => {
  it('without a compiler is quiet, and says why there is none', () => {
    expect(builtBy('no-such-compiler', 'none')).toBe('no C++ compiler: no-such-compiler is not installed');
    expect(readdirSync(join(folder, 'none'))).toEqual(['reason.txt']);
  });

  it('by a compiler that fails is quiet, and says what is wrong', () => {
    const compiler = join(folder, 'old');
    writeFileSync(compiler, '#!/bin/sh\necho "kernel.cpp:1: error: too old" >&2\nexit 1\n');
    chmodSync(compiler, 0o755);
    expect(builtBy(compiler, 'failed')).toBe(`${compiler} fails: kernel.cpp:1: error: too old`);
  });

  it('that does not load is not used', () => {
    writeFileSync(join(folder, 'rankflow.node'), 'no library');
    expect(addonIn(pathToFileURL(`${folder}/`))).toMatch(/^it does not load: .*rankflow\.node/);
    expect(addonIn(pathToFileURL(join(folder, 'nowhere/')))).toBe('it was not built');
  });
});

const natives = (await variantsHere()).filter((variant) => variant.startsWith('native'));

it('is there where there is a compiler', () => {
  const compiles = spawnSync(process.env['CXX'] || 'c++', ['--version']).status === 0;
  if (compiles && ['x64', 'arm64'].includes(process.arch) && process.platform !== 'win32')
    expect(loadAddon()).not.toBeTypeOf('string');
});

it('is not taken where WebAssembly is asked for, which is said', async () => {
  await useBackend('wasm');
  tf.unregisterKernel(ADVANCE, 'wasm');
  expect(await registerWasmKernel('wasm')).toMatchObject({
    variant: expect.stringMatching(/^wasm-/),
    notNative: 'as asked',
  });
});

describe.each(natives)('%s', (variant) => {
  beforeAll(async () => {
    await useBackend('wasm');
    tf.unregisterKernel(ADVANCE, 'wasm');
    await registerWasmKernel(variant);
  });

  it.each([
    ['at once', Infinity, 0],
    ['in a call that goes on', 3, 1],
  ])('keeps no tensors where it finds no room, %s', (_, steps, calls) => {
    const addon = loadAddon() as Addon;
    const { advance } = addon;
    let left = calls;
    const held = () => tf.backend().numDataIds();
    const before = held();
    addon.advance = (...call) => left-- > 0 && advance(...call);
    try {
      const task = caseOf(diagonal(5, 7), [5, 7, 3], 'rk4');
      expect(() => actual(task, 'float32', steps)).toThrow('room of the native kernel');
      expect(left).toBe(-1);
    } finally {
      addon.advance = advance;
    }
    expect(held()).toBe(before);
  });

  it.each(['dopri5', 'rkc2'] as const)(
    'takes the evaluations of the twin in float32, up to a hundredth: %s',
    (name) => {
      const clocks = Array.from({ length: 6 }, (_, i) => 1 + i / 3);
      const stop = { saveTimes: [60], steadyTolerance: null, maxSteps: 10_000 };
      const task = caseOf(diagonal(40, 30), [40, 30, 6], name, stop, clocks);
      const evaluations = (endings: readonly { readonly evaluations: number }[]) =>
        endings.reduce((sum, each) => sum + each.evaluations, 0);
      const wanted = evaluations(expected(task));
      expect(wanted).toBeGreaterThan(500);
      expect(Math.abs(evaluations(actual(task, 'float32')) / wanted - 1)).toBeLessThan(0.01);
    },
  );

  it.each(['float32', 'float64'] as const)(
    'ends at the same bits by any number of threads, and wherever calls end, in %s',
    (precision) => {
      const clocks = Array.from({ length: 37 }, (_, i) => 0.5 + i / 20);
      for (const structure of [diagonal(33, 20), quadratic(33, 20, true)]) {
        const task = caseOf(structure, [33, 20, 5], 'rkc2', undefined, clocks);
        const once = actual(task, precision);
        for (const threads of [2, 5, 64])
          for (const steps of [Infinity, 200]) {
            const shared = { ...task, threads };
            expect(actual(shared, precision, steps)).toEqual(once);
          }
      }
    },
  );
});

it.skipIf(natives.length === 0)('refuses what is no call', () => {
  const { advance, variants } = loadAddon() as Addon;
  const memory = new Uint8Array(1024);
  const words = 'advance(memory: Uint8Array, block: number, variant: string';
  expect(() => (advance as (...args: unknown[]) => unknown)(memory, 0)).toThrow(words);
  expect(() =>
    (advance as (...args: unknown[]) => unknown)(new Float32Array(9), 0, variants[0], false, 1),
  ).toThrow(words);
  for (const block of [1000, 4, 8, 32, 2 ** 31])
    expect(() => advance(memory, block, variants[0]!, false, 1)).toThrow('no parameter block there');
  expect(() => advance(memory, 0, 'quick' as 'avx2', false, 1)).toThrow('no such kernel');
});
