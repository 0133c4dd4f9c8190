/** Matrices of checkpoint folders, indices and caches, as other programs wrote them. */
import {
  closeSync,
  cpSync,
  ftruncateSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import { readMatrix } from '../src/files/matrix.js';
import { writeSafetensors } from '../src/files/writeSafetensors.js';
import { expectRefusal } from './refusal.js';

const folder = mkdtempSync(join(tmpdir(), 'rankflow-checkpoints-'));
afterAll(() => rmSync(folder, { recursive: true }));
const said = vi.spyOn(console, 'warn').mockImplementation(() => undefined);
afterEach(() => said.mockClear());

const fixture = (name: string) => fileURLToPath(new URL('fixtures/', import.meta.url)) + name;
const values = [1.5, -2.25, 3, 0.1, 1e-3, -7].map(Math.fround);
const doubled = values.map((value) => 2 * value);
const entries = (location: string) => [...readMatrix(location).data];

/** A copy of the sharded checkpoint, to be changed. */
function copied(name: string): string {
  const path = join(folder, name);
  cpSync(fixture('sharded'), path, { recursive: true });
  return path;
}

describe('a checkpoint of several files', () => {
  it.each([
    ['a folder', 'sharded'],
    ['a folder with a slash', 'sharded/'],
    ['its index', 'sharded/model.safetensors.index.json'],
  ])('is read by %s, with or without .weight', (_, path) => {
    expect(entries(`${fixture(path)}#layers.0.q_proj.weight`)).toEqual(values);
    expect(entries(`${fixture(path)}#layers.1.q_proj`)).toEqual(doubled);
  });

  it('has the tensors of its index alone, of the files that it names', () => {
    expectRefusal(
      () => readMatrix(`${fixture('sharded')}#stray.weight`),
      /no tensor of that name; must be .*sharded#NAME, with NAME one of: .*layers\.0/,
    );
  });

  it('says which names come near', () => {
    expectRefusal(
      () => readMatrix(`${fixture('sharded')}#model.layers.7.q_proj.weight`),
      /one of: layers\.0\.q_proj\.weight, layers\.1\.q_proj\.weight$/,
    );
  });

  it('needs the files that are asked for, and no others', () => {
    const path = copied('missing');
    unlinkSync(join(path, 'model-00002-of-00002.safetensors'));
    expect(entries(`${path}#layers.0.q_proj`)).toEqual(values);
    expectRefusal(
      () => readMatrix(`${path}#layers.1.q_proj`),
      /model-00002-of-00002\.safetensors: not there; must be there: .*index\.json names it/,
    );
  });

  it('is read without its index where all shards are there, and nothing else', () => {
    const path = copied('no-index');
    unlinkSync(join(path, 'model.safetensors.index.json'));
    expectRefusal(() => readMatrix(`${path}#layers.0.q_proj`), /3 checkpoints; must be one of: consolidated/);
    unlinkSync(join(path, 'consolidated.safetensors'));
    expect(entries(`${path}#layers.0.q_proj`)).toEqual(values);
    expect(entries(`${path}#layers.1.q_proj`)).toEqual(doubled);
    expectRefusal(() => readMatrix(`${path}#w`), /one of: layers\.0\.q_proj\.weight, layers\.1\./);
    const [first, second] = [1, 2].map((i) => join(path, `model-0000${i}-of-00002.safetensors`)) as [
      string,
      string,
    ];
    cpSync(first, second);
    expectRefusal(
      () => readMatrix(`${path}#layers.1.q_proj`),
      /model-00002.*: tensor .*, which another shard has too; must be of other tensors/,
    );
    unlinkSync(second);
    expectRefusal(
      () => readMatrix(`${path}#layers.0.q_proj`),
      /no-index: 1 of 2 shards of model; must be all of them/,
    );
  });

  it.each<[string, string, RegExp]>([
    ['no JSON', '{"weight_map": {', /must be a JSON object/],
    ['a Git LFS pointer', 'version https://git-lfs.github.com/spec/v1\noid sha256:0\n', /Git LFS pointer/],
    ['no weight_map', '{}', /no weight_map/],
    ['files elsewhere', '{"weight_map": {"w": "../x.safetensors"}}', /w in \.\.\/x\.safetensors; must be/],
    ['files of PyTorch', '{"weight_map": {"w": "x.bin"}}', /the shard x\.bin; must be .*save_pretrained/],
    [
      'a tensor that its file does not have',
      '{"weight_map": {"w": "consolidated.safetensors"}}',
      /no tensor w/,
    ],
  ])('is refused with an index of %s', (name, index, reason) => {
    const path = copied(name.replaceAll(' ', '-'));
    writeFileSync(join(path, 'model.safetensors.index.json'), index);
    expectRefusal(() => readMatrix(`${path}#w`), reason);
  });
});

describe('a folder', () => {
  it('with one file is that file, whatever its name', () => {
    const path = join(folder, 'one');
    mkdirSync(path);
    writeSafetensors(join(path, 'any.safetensors'), { w: { shape: [1, 2], data: Float32Array.of(1, 2) } });
    expect(entries(path)).toEqual([1, 2]);
    expect(entries(`${path}#w`)).toEqual([1, 2]);
  });

  it.each<[string, readonly string[], RegExp]>([
    ['nothing', [], /a folder without \.safetensors files; must be a checkpoint folder/],
    [
      'files of PyTorch alone',
      ['pytorch_model.bin'],
      /a folder with pytorch_model\.bin, without .*save_pretrained/,
    ],
    ['GGUF alone', ['m.gguf'], /a folder with m\.gguf, without \.safetensors files/],
    ['two models', ['a.safetensors', 'b.safetensors'], /2 checkpoints; must be one of: a\.safetensors, b\./],
  ])('with %s is refused', (name, files, reason) => {
    const path = join(folder, name.replaceAll(' ', '-'));
    mkdirSync(path);
    for (const file of files) writeFileSync(join(path, file), 'x');
    expectRefusal(() => readMatrix(`${path}#w`), reason);
  });

  it('that is not there is said so, with its name', () => {
    expectRefusal(() => readMatrix(join(folder, 'absent#w')), /absent#w: no such file or folder/);
  });

  it('may have a # in its name, as tensors may', () => {
    const path = join(folder, 'run #3');
    mkdirSync(path);
    writeSafetensors(join(path, 'm.safetensors'), { 'a#b': { shape: [1, 1], data: Float32Array.of(5) } });
    expect(entries(join(path, 'm.safetensors'))).toEqual([5]);
    expect(entries(join(path, 'm.safetensors#a#b'))).toEqual([5]);
    expect(entries(path)).toEqual([5]);
  });
});

describe('a cache of Hugging Face', () => {
  const blobs = join(folder, 'blobs');
  const snapshot = join(folder, 'snapshots', 'x');
  mkdirSync(blobs);
  mkdirSync(snapshot, { recursive: true });
  const files = ['model-00001-of-00002.safetensors', 'model.safetensors.index.json'];
  files.forEach((name, i) => {
    cpSync(fixture(`sharded/${name}`), join(blobs, `${i}0a1b2c3d`));
    symlinkSync(`../../blobs/${i}0a1b2c3d`, join(snapshot, name));
  });

  it('is read through its links', () => {
    expect(entries(`${snapshot}#layers.0.q_proj`)).toEqual(values);
  });

  it('and from a blob without an extension', () => {
    expect(entries(join(blobs, '00a1b2c3d'))).toEqual(values);
    expect(entries(join(blobs, '00a1b2c3d#layers.0.q_proj'))).toEqual(values);
  });

  it('says of a blob that is an index which file is not beside it', () => {
    expectRefusal(
      () => readMatrix(join(blobs, '10a1b2c3d#layers.0.q_proj')),
      /blobs.model-00001-of-00002\.safetensors: not there/,
    );
  });

  it('names what a blob is, if it is neither', () => {
    cpSync(fixture('arrays.npz'), join(blobs, 'zip'));
    writeFileSync(join(blobs, 'text'), 'anything else');
    cpSync(fixture('f8-c.npy'), join(blobs, 'array'));
    expectRefusal(() => readMatrix(join(blobs, 'zip#w')), /a zip archive/);
    expectRefusal(() => readMatrix(join(blobs, 'text')), /a file name that ends in ""/);
    expect(readMatrix(join(blobs, 'array')).rows).toBe(2);
  });
});

it('a tensor beyond 4 GiB of a file is read alone', () => {
  const path = join(folder, 'large.safetensors');
  const first = 5_000_000_000;
  const header = JSON.stringify({
    large: { dtype: 'U8', shape: [first], data_offsets: [0, first] },
    w: { dtype: 'F32', shape: [1, 2], data_offsets: [first, first + 8] },
  });
  const start = Buffer.alloc(8);
  start.writeBigUInt64LE(BigInt(header.length));
  const fd = openSync(path, 'w');
  writeSync(fd, Buffer.concat([start, Buffer.from(header)]));
  ftruncateSync(fd, 8 + header.length + first);
  writeSync(fd, Buffer.from(Float32Array.of(3, -4).buffer), 0, 8, 8 + header.length + first);
  closeSync(fd);
  expect(entries(`${path}#w`)).toEqual([3, -4]);
});

it('a tensor that no memory holds is refused', () => {
  const header = JSON.stringify({
    w: { dtype: 'F64', shape: [2 ** 18, 2 ** 17], data_offsets: [0, 2 ** 38] },
  });
  const start = Buffer.alloc(8);
  start.writeBigUInt64LE(BigInt(header.length));
  const path = join(folder, 'huge.safetensors');
  const fd = openSync(path, 'w');
  writeSync(fd, Buffer.concat([start, Buffer.from(header)]));
  ftruncateSync(fd, 8 + header.length + 2 ** 38);
  closeSync(fd);
  expectRefusal(() => readMatrix(path), /\[262144, 131072\] \(tensor w\); must be small enough for memory/);
});

describe('tensors that are no matrices', () => {
  it('flattens a convolution, and says so', () => {
    const { rows, cols, data } = readMatrix(`${fixture('sharded')}#conv`);
    expect([rows, cols, [...data]]).toEqual([2, 6, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]]);
    expect(said.mock.calls.flat().join()).toMatch(/\[2, 3, 1, 2\], is flattened to \[2, 6\]/);
  });

  it.each([
    ['sharded#experts.down_proj[1]', [3, 4], [12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23]],
    ['cube-fortran.npy#[1]', [3, 4], [12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23]],
  ])('takes one of a stack, %s', (name, shape, expected) => {
    const { rows, cols, data } = readMatrix(fixture(name));
    expect([[rows, cols], [...data]]).toEqual([shape, expected]);
  });

  it.each([
    [
      'sharded#experts.down_proj',
      /shape \[2, 3, 4\]; must be .*of a stack, such as experts, name one, #NAME\[0\]/,
    ],
    ['sharded#experts.down_proj[2]', /an index below 2/],
    ['sharded#layers.0.q_proj[0]', /shape \[2, 3\]; must be three-dimensional/],
    ['sharded#norm', /shape \[3\]; must be a matrix/],
    ['sharded#gathered', /shape \[0\]; must be a whole tensor: .*DeepSpeed ZeRO-3/],
    ['f8-c.npy#w', /f8-c.npy alone/],
  ])('refuses %s', (name, reason) => {
    expectRefusal(() => readMatrix(fixture(name)), reason);
  });
});

describe('Conv1D weights', () => {
  const transposedValues = [0, 3, 1, 4, 2, 5].map((i) => values[i]);

  it('of GPT-2 are transposed, and that is said', () => {
    for (const name of ['h.0.attn.c_attn', 'h.0.mlp.c_fc.weight']) {
      const { rows, cols, data } = readMatrix(`${fixture('gpt2')}#${name}`);
      expect([rows, cols, [...data]]).toEqual([3, 2, transposedValues]);
      expect(said.mock.calls.flat().at(-1)).toMatch(`${name} is transposed: a Conv1D weight`);
    }
  });

  it('stay as they are where that is asked for, and in other layers and models', () => {
    expect(readMatrix(`${fixture('gpt2')}#h.0.attn.c_attn`, { transpose: false }).rows).toBe(2);
    expect(readMatrix(`${fixture('gpt2')}#wte`).rows).toBe(2);
    const path = join(folder, 'llama');
    cpSync(fixture('gpt2'), path, { recursive: true });
    writeFileSync(join(path, 'config.json'), '{"model_type": "llama"}');
    expect(readMatrix(`${path}#h.0.attn.c_attn`).rows).toBe(2);
  });

  it('and any matrix is transposed on demand, once', () => {
    for (const name of ['gpt2#wte', 'gpt2#h.0.attn.c_attn', 'one-matrix.safetensors']) {
      const { rows, cols, data } = readMatrix(fixture(name), { transpose: true });
      expect([rows, cols, [...data]]).toEqual([3, 2, transposedValues]);
    }
  });
});

describe('a file with one weight needs no name', () => {
  /** A safetensors file of these tensors, whose bytes are zero but for the first. */
  function file(
    name: string,
    tensors: Record<string, [dtype: string, shape: number[], bytes: number]>,
  ): string {
    let end = 0;
    const header = Object.entries(tensors).map(([key, [dtype, shape, bytes]]) => [
      key,
      { dtype, shape, data_offsets: [end, (end += bytes)] },
    ]);
    const text = Buffer.from(JSON.stringify(Object.fromEntries(header)));
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(text.length));
    const path = join(folder, name);
    writeFileSync(path, Buffer.concat([length, text, Buffer.alloc(end, 0x38)]));
    return path;
  }

  it('beside its scale', () => {
    const path = file('eight.safetensors', {
      'w.weight': ['F8_E4M3', [2, 3], 6],
      'w.weight_scale_inv': ['F32', [1, 1], 4],
    });
    expect(entries(path)).toEqual(entries(`${path}#w`));
  });

  it('and four dimensions', () => {
    const { rows, cols } = readMatrix(file('conv.safetensors', { c: ['F32', [2, 3, 1, 2], 48] }));
    expect([rows, cols]).toEqual([2, 6]);
  });

  it('and is told what it is, if it is no matrix', () => {
    const path = file('zero3.safetensors', { w: ['F32', [0], 0] });
    expectRefusal(() => readMatrix(path), /the placeholder that DeepSpeed ZeRO-3 saves/);
  });
});
