/** The readers, what their files are made from, and what must hold of whatever they accept. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Dense } from '../../src/numbers/dense.js';
import { addFile, inMemory } from '../../src/files/disk.js';
import { readEntries, readMatrix } from '../../src/files/matrix.js';
import { product, readSafetensors } from '../../src/files/safetensors.js';
import { readAdapters } from '../../src/input/adapters.js';
import { checkConfig } from '../../src/input/checkConfig.js';
import { readConfig } from '../../src/input/config.js';
import { sweepSchema } from '../../src/sweep/config.js';
import type { Dice } from './dice.js';
import { adapterConfigFile, configFile, csvFile, indexFile, npyFile, safetensorsFile } from './formats.js';
import { damaged } from './mutate.js';
import { attempt, type Limits } from './watch.js';

export interface Reader {
  readonly name: string;
  /** Bytes that all calls on one file together may allocate, for each byte of it. */
  readonly ratio: number;
  readonly corpus: readonly Buffer[];
  /** A file from the grammar. */
  make(dice: Dice): Buffer;
  /** Puts a file where the reader finds it; the result reads it, and returns null if it is refused. */
  open(bytes: Buffer): () => unknown;
}

const folder = mkdtempSync(join(tmpdir(), 'rankflow-fuzz-'));
export const removeFolder = (): void => rmSync(folder, { recursive: true });

const inTests = (path: string) => fileURLToPath(new URL(`../${path}`, import.meta.url));
const fixtures = (extension: string) =>
  readdirSync(inTests('fixtures'))
    .filter((name) => name.endsWith(extension))
    .map((name) => readFileSync(inTests(`fixtures/${name}`)));

/** The path of a file that ends in so many more bytes, all zero, which take no room on most disks. */
export function sparse(name: string, bytes: Buffer, more: number): string {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  truncateSync(path, bytes.length + more);
  return path;
}

function given(name: string, bytes: Buffer): string {
  addFile(name, inMemory(new Uint8Array(bytes)));
  return name;
}

/** @throws if a matrix is not what readMatrix promises */
export function checkMatrix({ rows, cols, data }: Dense): true {
  if (!(rows >= 1 && cols >= 1) || data.length !== rows * cols)
    throw new Error(`${data.length} entries in a matrix of ${rows} x ${cols}`);
  if (!data.every(Number.isFinite)) throw new Error('a matrix with an entry that is not finite');
  return true;
}

const matrix = (location: string) => attempt(() => checkMatrix(readMatrix(location)));

function safetensors(path: string): unknown {
  const file = attempt(() => readSafetensors(path));
  if (file === null) return matrix(path);
  for (const [name, { shape }] of file.tensors) {
    const tensor = attempt(() => file.get(name));
    if (tensor && tensor.data.length !== product(shape))
      throw new Error(`${tensor.data.length} entries in a tensor of shape [${shape.join()}]`);
  }
  matrix(path);
  matrix(`${path}#${[...file.tensors.keys()].at(-1)}`);
  attempt(() => readAdapters(path, { n: 2, m: 3 }, 1));
  return file;
}

function entries(path: string): unknown {
  const all = attempt(() => readEntries(path));
  const read = matrix(path);
  if (read && !all) throw new Error('a matrix without entries');
  return all;
}

const SHARD = 'shard.safetensors';

/** lora_A [1, 2] and lora_B [1, 1] of a module q. */
const ADAPTER = (() => {
  const header = JSON.stringify({
    'q.lora_A.weight': { dtype: 'F32', shape: [1, 2], data_offsets: [0, 8] },
    'q.lora_B.weight': { dtype: 'F32', shape: [1, 1], data_offsets: [8, 12] },
  });
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  return Buffer.concat([length, Buffer.from(header), Buffer.alloc(12, 1)]);
})();

export const readers: readonly Reader[] = [
  {
    name: 'safetensors',
    ratio: 200,
    corpus: fixtures('.safetensors'),
    make: safetensorsFile,
    open: (bytes) => safetensors.bind(null, given('fuzz.safetensors', bytes)),
  },
  {
    name: 'npy',
    ratio: 100,
    corpus: fixtures('.npy'),
    make: npyFile,
    open: (bytes) => entries.bind(null, given('fuzz.npy', bytes)),
  },
  {
    name: 'csv',
    ratio: 1000,
    corpus: ['1.5,-2.25,3\n.1,1e-3,-7\n', '\ufeff"1.5", -2.25 ,+3.\r\n\r\n.1,1E-03,-7', '1\n2\n3\n', '4'].map(
      (text) => Buffer.from(text),
    ),
    make: csvFile,
    open: (bytes) => entries.bind(null, given('fuzz.csv', bytes)),
  },
  {
    name: 'index',
    ratio: 1000,
    corpus: [readFileSync(inTests('fixtures/sharded/model.safetensors.index.json'))],
    make: (dice) => indexFile(dice, SHARD),
    open(bytes) {
      given(SHARD, readFileSync(inTests('fixtures/one-matrix.safetensors')));
      const path = given('fuzz.safetensors.index.json', bytes);
      return () => [matrix(path), matrix(`${path}#single`), matrix(`${path}#w`)].find(Boolean) ?? null;
    },
  },
  {
    name: 'adapter config',
    ratio: 1000,
    corpus: [Buffer.from('{"peft_type": "LORA", "r": 1, "lora_alpha": 8, "alpha_pattern": {"q": 4}}')],
    make: adapterConfigFile,
    open(bytes) {
      const path = given(join('fuzz', 'adapter_model.safetensors'), ADAPTER);
      given(join('fuzz', 'adapter_config.json'), bytes);
      return () => attempt(() => readAdapters(path, { n: 1, m: 2 }, 1));
    },
  },
  {
    name: 'config',
    ratio: 6000,
    corpus: [
      readFileSync(inTests('../src/data/minilm-query/sweep.yaml')),
      Buffer.from(
        '{"ranks": [1, 2], "spectrum": [3, 2.5, 1], "shape": ["8x8"], "init": ["zero"], "tf32": false}',
      ),
      Buffer.from(
        'ranks:\n  - 1\n  - 2\nspectrum: power:1\nshape: [64x64]\nloss: [frobenius, ./loss.ts]\nsteady: null\n',
      ),
    ],
    make: configFile,
    open: (bytes) => {
      const path = join(folder, 'fuzz.yaml');
      writeFileSync(path, bytes);
      return () => attempt(() => checkConfig(sweepSchema, readConfig(path)));
    },
  },
];

/** The file of a number: half of them from the grammar, and half of those damaged too. */
export function fileOf({ make, corpus }: Reader, dice: Dice): Buffer {
  const kind = dice.below(4);
  if (kind === 0) return make(dice);
  return damaged(kind === 1 ? make(dice) : dice.pick(corpus), dice, corpus);
}

/** A second, and memory in proportion to the file with something for what does not depend on it. */
export const limitsOf = ({ ratio }: Reader, size: number): Limits => ({
  ms: 1000,
  bytes: 2 ** 21 + ratio * size,
});
