/** Files that are not what their name says, or say it otherwise: read where that is unambiguous, else told in a line. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import { readMatrix } from '../src/files/matrix.js';
import { writeSafetensors } from '../src/files/writeSafetensors.js';
import { readConfig } from '../src/input/config.js';
import { readLossModule } from '../src/input/lossModule.js';
import { baseOf, readSource } from '../src/problem/source.js';
import { expectRefusal } from './refusal.js';

const folder = mkdtempSync(join(tmpdir(), 'rankflow-foreign-'));
afterAll(() => rmSync(folder, { recursive: true }));

const fixture = (name: string) => fileURLToPath(new URL('fixtures/', import.meta.url)) + name;
const stored = (name: string, content: string | Uint8Array): string => {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
};
const utf16 = (text: string, mark = '') => Buffer.from(mark + text, 'utf16le');
const swapped = (bytes: Buffer) => Buffer.from(bytes).swap16();

/** Every reader, by the name of a file that it takes. */
const readers: [string, (path: string) => unknown][] = [
  ['w.safetensors', readMatrix],
  ['w.npy', readMatrix],
  ['w.csv', readMatrix],
  ['model.safetensors.index.json', (path) => readMatrix(`${path}#w`)],
  ['blob', readMatrix],
  ['config.yaml', readConfig],
  ['config.json', readConfig],
];

describe.each(readers)('%s', (name, read) => {
  it.each<[string, string | Uint8Array, RegExp]>([
    [
      'a Git LFS pointer',
      'version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n',
      /a Git LFS pointer, without the data; must be the file itself: fetch it with git lfs pull/,
    ],
    ['a web page', '<!DOCTYPE html>\n<html><body>404</body></html>', /a web page; must be the file itself/],
    ['a web page without a type', '\n <html lang="en">', /a web page/],
    ['gzip', gzipSync('1,2\n'), /compressed by gzip; must be the file inside: unpack it first/],
    ['a zip archive', readFileSync(fixture('arrays.npz')), /a zip archive \(an \.npz, or a \.pt or \.bin/],
    ['a pickle', Buffer.from('80027d7100', 'hex'), /a Python pickle .*must be a \.safetensors file: convert/],
    ['GGUF', Buffer.from('GGUF\x03\0\0\0\0\0\0\0', 'latin1'), /a GGUF file; must be a \.safetensors file/],
    ['HDF5', Buffer.from('\x89HDF\r\n\x1a\n', 'latin1'), /an HDF5 file/],
    ['UTF-16 with a mark', utf16('1,2\n', '\ufeff'), /text in UTF-16 or UTF-32; must be text in UTF-8/],
    ['UTF-16 with a mark, big-endian', swapped(utf16('1,2\n', '\ufeff')), /text in UTF-16 or UTF-32/],
    ['nothing', '', /an empty file/],
  ])('that is %s is told so', (_, content, reason) => {
    expectRefusal(() => read(stored(name, content)), reason);
  });
});

it.each([
  ['w.csv', readMatrix, '1,2\n3,4\n'],
  ['config.yaml', readConfig, 'ranks: [1]\n'],
  ['config.json', readConfig, '{"ranks": [1]}'],
])('UTF-16 without a mark is told in %s', (name, read, text) => {
  expectRefusal(() => read(stored(name, utf16(text))), /text in UTF-16, or no text; must be text in UTF-8/);
  expectRefusal(() => read(stored(name, swapped(utf16(text)))), /text in UTF-16, or no text/);
});

it('a .npy file under the name of another is told so', () => {
  const path = stored('really.safetensors', readFileSync(fixture('f8-c.npy')));
  expectRefusal(() => readMatrix(path), /a \.npy file; must be a whole and well-formed safetensors file/);
});

it('a loss that is a Git LFS pointer is told so', async () => {
  const path = stored('loss.ts', 'version https://git-lfs.github.com/spec/v1\noid sha256:0\n');
  await expect(readLossModule(path)).rejects.toThrow(/a Git LFS pointer/);
});

it('a spectrum may be a tensor of a checkpoint folder', () => {
  const path = join(folder, 'sigma');
  mkdirSync(path);
  writeSafetensors(join(path, 'model.safetensors'), { s: { shape: [2], data: Float32Array.of(2, 3) } });
  const source = readSource({ spectrum: `${path}#s` });
  expect([...baseOf(source, { n: 2, m: 2 }).data]).toEqual([3, 0, 0, 2]);
});

describe('.npy', () => {
  // What ml_dtypes makes of the same values, by its own rounding to 8 bits of significand.
  const brain = [1.5, -2.25, 3, 0.10009765625, 0.00099945068359375, -7];
  it.each(['bfloat16.npy', 'bfloat16-fortran.npy'])('of bfloat16 is read, %s', (name) => {
    const { rows, cols, data } = readMatrix(fixture(name));
    expect([rows, cols, [...data]]).toEqual([2, 3, brain]);
  });

  it.each([
    ['float8.npy', /8-bit float of ml_dtypes; save array\.astype\("<f4"\)/],
    ['objects.npy', /dtype \|O \(Python objects, pickled; save array\.astype/],
    ['structured.npy', /a structured dtype \(save one field of it/],
    ['raw.npy', /dtype \|V2 \(raw bytes;/],
    ['long-double.npy', /dtype <f16 \(extended precision; save array\.astype\("<f8"\)/],
    ['big-endian.npy', /dtype >f8 \(big-endian; save array\.astype/],
    ['complex.npy', /dtype <c16 \(complex numbers; save array\.real or array\.imag/],
    ['arrays.npz', /a zip archive .*save it with numpy\.save as \.npy/],
  ])('of other types is told what it is, and what to do: %s', (name, reason) => {
    expectRefusal(() => readMatrix(fixture(name)), reason);
  });
});

describe('.csv', () => {
  const values = [1.5, -2, 0.25, 1e-3];
  it.each([
    ['spaces, as numpy.savetxt writes', '1.500000e+00 -2.000000e+00\n2.5e-01 1e-3\n'],
    ['spaces in columns', '  1.5   -2  \n  0.25  1e-3\n'],
    ['semicolons', '1.5;-2\n0.25;1e-3\n'],
    ['semicolons and spaces', '1.5 ; -2\r\n0.25 ; 1e-3\r\n'],
    ['tabs', '1.5\t-2\n0.25\t1e-3\n'],
    ['tabs and spaces', '1.5 \t -2\n0.25 \t 1e-3\n'],
    ['commas and spaces', '1.5, -2\n0.25, 1e-3\n'],
    ['commas and tabs', '1.5,\t-2\n0.25,\t1e-3\n'],
    ['a byte order mark', '\ufeff1.5;-2\n0.25;1e-3\n'],
  ])('with %s is read', (_, text) => {
    const { rows, cols, data } = readMatrix(stored('w.csv', text));
    expect([rows, cols, [...data]]).toEqual([2, 2, values]);
  });

  it('of a single column is read', () => {
    expect([...readMatrix(stored('w.csv', '1.5\n-2\n')).data]).toEqual([1.5, -2]);
    expect([...readMatrix(stored('w.csv', ' 1.5 \n -2 \n')).data]).toEqual([1.5, -2]);
  });

  it.each([
    [
      'between semicolons',
      '1,5;-2,25\n',
      /"1,5" in row 1, column 1: decimal commas; must be numbers with decimal/,
    ],
    ['between tabs', '1,5\t-2,25\n', /"1,5" in row 1, column 1: decimal commas/],
    ['between spaces', '1,5 -2,25\n', /"5 -2" in row 1, column 2: decimal commas/],
  ])('with decimal commas %s is told so', (_, text, reason) => {
    expectRefusal(() => readMatrix(stored('w.csv', text)), reason);
  });

  it.each([
    ['an empty cell between tabs', '1\t\t2\n3\t4\t5\n', /"" in row 1, column 2/],
    ['rows of unequal length between spaces', '1 2\n3\n', /rows of equal length/],
    ["NumPy's header", '# a b\n1 2\n', /the line "# a b"; must be .* without comment lines/],
  ])('with %s is refused', (_, text, reason) => {
    expectRefusal(() => readMatrix(stored('w.csv', text)), reason);
  });
});

describe('configs', () => {
  it.each([
    ['lines', '{\n  // ranks\n  "ranks": [1]\n}'],
    ['ends of lines', '{"ranks": [1, 2], // two\n "spectrum": "power:1"}'],
    ['blocks', '{"ranks": /* two */ [1, 2]}'],
  ])('in JSON with comments in %s are told that', (_, text) => {
    expectRefusal(() => readConfig(stored('c.json', text)), /comments begin with #, not with \/\/ or \/\*/);
  });

  it.each([
    ['a byte order mark', '\ufeff{"ranks": [1]}'],
    ['trailing commas', '{"ranks": [1,],}'],
    ['slashes in texts and comments', '{"ranks": [1], # see https://a.b // c\n "out": "x // y"}'],
  ])('in JSON with %s are read', (_, text) => {
    expect(readConfig(stored('c.json', text))).toMatchObject({ ranks: [1] });
  });

  it('name parts of files relative to them, whether those are there or not', () => {
    const names = ['w.npy#[1]', 'w.safetensors#a.b', 'model.safetensors.index.json#w', 'w.csv'];
    for (const name of names)
      expect(readConfig(stored('c.yaml', `target: "${name}"\n`))).toEqual({ target: join(folder, name) });
  });

  it('name folders and adapters beside them', () => {
    mkdirSync(join(folder, 'model'));
    mkdirSync(join(folder, 'lora'));
    mkdirSync(join(folder, 'kaiming'));
    const text =
      'target: model#w\ninit: [lora#q_proj, kaiming, gaussian:1]\nspectrum: power:1\nbase: other#w\n';
    expect(readConfig(stored('c.yaml', text))).toEqual({
      target: join(folder, 'model#w'),
      init: [join(folder, 'lora#q_proj'), 'kaiming', 'gaussian:1'],
      spectrum: 'power:1',
      base: 'other#w',
    });
  });
});

it.each([0x0280, 0x0380, 0x0480, 0x0580, 0x8b1f, 0xfeff, 0x685a42])(
  'a .safetensors file is read whose header has %d bytes, which begin as another kind of file does',
  (length) => {
    const header = '{"w":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]}}'.padEnd(length);
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64LE(BigInt(length));
    const path = stored('length.safetensors', Buffer.concat([bytes, Buffer.from(header), Buffer.alloc(8)]));
    expect(readMatrix(path)).toMatchObject({ rows: 1, cols: 2 });
  },
);
