/** The hash of a plan follows the contents of every file that it rests on, and nothing else of them. */
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { checkConfig } from '../src/input/checkConfig.js';
import { writeSafetensors } from '../src/files/writeSafetensors.js';
import { moduleGraph } from '../src/input/moduleGraph.js';
import { newSweep } from '../src/run/folderSweep.js';
import { sweepSchema, type SweepInput } from '../src/sweep/config.js';

const work = mkdtempSync(join(tmpdir(), 'rankflow-contents-'));
afterAll(() => rmSync(work, { recursive: true }));

const at = (name: string) => join(work, name);
const hashOf = async (input: SweepInput) => (await newSweep(checkConfig(sweepSchema, input), at('out'))).hash;
const matrix = (name: string, entry: number) => writeFileSync(at(name), `${entry},0\n0,1\n`);

const adapter = (entry: number) => ({
  lora_A: { shape: [1, 2], data: Float32Array.of(entry, 0) },
  lora_B: { shape: [2, 1], data: Float32Array.of(0, 1) },
});

describe('a plan', () => {
  matrix('m.csv', 2);
  matrix('w0.csv', 0.5);
  const shape = ['2x2'];
  it.each<[string, SweepInput, (entry: number) => void]>([
    ['target', { target: at('m.csv'), ranks: [1] }, (entry) => matrix('m.csv', entry)],
    [
      'base',
      { target: at('m.csv'), base: at('w0.csv'), ranks: [1] },
      (entry) => matrix('w0.csv', entry / 10),
    ],
    [
      'covariance',
      { loss: ['linear-regression'], target: at('m.csv'), covariance: at('c.csv'), ranks: [1] },
      (entry) => matrix('c.csv', entry),
    ],
    [
      'spectrum',
      { spectrum: at('s.csv'), shape, ranks: [1] },
      (entry) => writeFileSync(at('s.csv'), `${entry},1\n`),
    ],
    [
      'adapter',
      { spectrum: 'power:1', shape, ranks: [1], init: [at('a.safetensors')] },
      (entry) => writeSafetensors(at('a.safetensors'), adapter(entry)),
    ],
  ])('rests on its %s', async (_, input, write) => {
    write(3);
    const first = await hashOf(input);
    expect(await hashOf(input)).toBe(first);
    write(4);
    expect(await hashOf(input)).not.toBe(first);
    write(3);
    expect(await hashOf(input)).toBe(first);
  });

  it('rests on what a link leads to', async () => {
    matrix('one.csv', 3);
    matrix('two.csv', 4);
    const input = { target: at('link.csv'), ranks: [1] };
    symlinkSync(at('one.csv'), at('link.csv'));
    const first = await hashOf(input);
    rmSync(at('link.csv'));
    symlinkSync(at('two.csv'), at('link.csv'));
    const second = await hashOf(input);
    expect(second).not.toBe(first);
    rmSync(at('link.csv'));
    copyFileSync(at('one.csv'), at('link.csv'));
    expect(await hashOf(input)).toBe(first);
  });

  it('is the same on whatever backend, and with how many workers', async () => {
    const input: SweepInput = { spectrum: 'power:1', shape, ranks: [1] };
    const first = await hashOf(input);
    expect(
      await hashOf({ ...input, backend: 'cpu', kernel: 'tensor-ops', workers: 3, chunk: 7, out: 'x' }),
    ).toBe(first);
    expect(await hashOf({ ...input, seed: 1 })).not.toBe(first);
  });
});

it('a module rests on what it loads, and not on what it only names', () => {
  const files: Record<string, string> = {
    'loss.ts': `import { a } from './a'; import type { T } from './types'; import * as ml from 'ml-matrix';
      import { existsSync, readFileSync, writeFileSync } from 'node:fs';
      import { createRequire } from 'node:module';
      const need = createRequire(import.meta.url);
      const other = need('./b.cjs'); const text = readFileSync('./data.txt'); const at = new URL('./url.bin', import.meta.url);
      const late = () => import('./late.mjs'); if (existsSync('./flag.txt')) writeFileSync('./log.txt', '');
      export default () => [a, ml, other, text, at, late] as T;`,
    'a/index.ts': "export * from '../deep.js';",
    'deep.ts': 'export const a = 1;',
    'types.ts': 'export type T = unknown;',
    'b.cjs': "module.exports = require('./c.json');",
    'c.json': '{}',
    'late.mjs': "export * from './later.mjs';",
    'later.mjs': 'export {};',
    ...{ 'data.txt': '1', 'url.bin': '2', 'flag.txt': '', 'log.txt': '' },
  };
  const folder = mkdtempSync(join(work, 'module-'));
  mkdirSync(join(folder, 'a'));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  symlinkSync(join(import.meta.dirname, '../node_modules'), join(folder, 'node_modules'));
  const names = moduleGraph(join(folder, 'loss.ts')).map(({ name }) => name);
  expect(names).toEqual([
    ...['a/index.ts', 'b.cjs', 'c.json', 'data.txt', 'deep.ts', 'late.mjs', 'later.mjs', 'loss.ts'],
    expect.stringMatching(/^ml-matrix@\d/),
    'url.bin',
  ]);
});
