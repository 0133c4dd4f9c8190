/**
 * The readers against files that other programs wrote (test/fixtures/make.py: NumPy, the reference safetensors), against
 * bytes written out here, and against several hundred damaged files: each is read, or refused with an InputError.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { readEntries, readMatrix } from '../src/files/matrix.js';
import { readSafetensors } from '../src/files/safetensors.js';
import { writeSafetensors } from '../src/files/writeSafetensors.js';
import { InputError } from '../src/host/inputError.js';

const folder = mkdtempSync(join(tmpdir(), 'rankflow-files-'));
afterAll(() => rmSync(folder, { recursive: true }));

const fixture = (name: string) => fileURLToPath(new URL('fixtures/', import.meta.url)) + name;
const asset = fileURLToPath(new URL('../src/data/minilm-query/matrix.safetensors', import.meta.url));

/** What test/fixtures/make.py calls VALUES. */
const values = [1.5, -2.25, 3, 0.1, 1e-3, -7];

function stored(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

/** A safetensors file from a header, as an object or as text, and a number of data bytes (all zero). */
function safetensorsBytes(header: unknown, dataBytes = 0): Buffer {
  const json = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  return Buffer.concat([length, json, Buffer.alloc(dataBytes)]);
}

const tensor = (over: object = {}) => ({ dtype: 'F32', shape: [2, 3], data_offsets: [0, 24], ...over });

/** Expects `work` to throw an InputError for `field` whose message matches `reason`. */
function expectRefusal(work: () => unknown, field: string, reason: RegExp): void {
  try {
    work();
  } catch (error) {
    expect(error).toBeInstanceOf(InputError);
    expect((error as InputError).field).toBe(field);
    expect((error as InputError).message).toMatch(reason);
    return;
  }
  expect.unreachable(`nothing was refused; expected ${reason}`);
}

describe('readSafetensors', () => {
  const file = readSafetensors(fixture('tensors.safetensors'));

  it('lists what the reference implementation wrote, and its metadata', () => {
    expect(
      Object.fromEntries([...file.tensors].map(([name, { dtype, shape }]) => [name, [dtype, shape]])),
    ).toEqual({
      half: ['F16', [2, 3]],
      brain: ['BF16', [2, 3]],
      single: ['F32', [2, 3]],
      double: ['F64', [2, 3]],
      vector: ['F64', [3]],
      scalar: ['F32', []],
      empty: ['F32', [0, 3]],
      integers: ['I64', [4]],
    });
    expect(file.metadata).toEqual({ größe: 'π' });
  });

  it.each([
    ['half', [1, -2, 65504, 2 ** -24, 1023 * 2 ** -24, 0.333251953125]],
    ['brain', [1, -2, 3.3895313892515355e38, 2 ** -133, 0.333984375, -0]],
    ['single', values.map(Math.fround)],
    ['double', values],
    ['scalar', [0.5]],
    ['empty', []],
  ])('reads %s', (name, expected) => {
    expect([...file.get(name).data]).toEqual(expected);
  });

  it('reads the infinities and NaN of half precision', () => {
    const header = { h: tensor({ dtype: 'F16', shape: [3], data_offsets: [0, 6] }) };
    const bytes = Buffer.concat([safetensorsBytes(header), Buffer.from('007c00fc007e', 'hex')]);
    expect([...readSafetensors(stored('inf.safetensors', bytes)).get('h').data]).toEqual([
      Infinity,
      -Infinity,
      NaN,
    ]);
  });

  it('reads a tensor larger than the piece it reads at a time', () => {
    const data = Float32Array.from({ length: 2 ** 22 + 3 }, (_, i) => i);
    const path = join(folder, 'large.safetensors');
    writeSafetensors(path, { large: { shape: [data.length], data } });
    const back = readSafetensors(path).get('large').data;
    expect(back.length).toBe(data.length);
    expect(back.every((entry, i) => entry === i)).toBe(true);
  });

  it('refuses a name that is not there, and a dtype that is not real', () => {
    const path = fixture('tensors.safetensors');
    expectRefusal(() => file.get('wrong'), path, /no tensor wrong; must be asked for one of: .*half/);
    expectRefusal(
      () => file.get('integers'),
      path,
      /I64 \(tensor integers\); must be of dtype F64, F32, F16, BF16/,
    );
  });

  it.each<[string, string | Uint8Array, RegExp]>([
    ['an empty file', '', /an empty file/],
    ['a file shorter than its length field', 'seven..', /7 bytes in all; must be at least 8/],
    [
      'a header longer than the file',
      safetensorsBytes({}).fill(9, 0, 1),
      /header of 9 bytes in a file of 10/,
    ],
    [
      'a header of 2^64 - 1 bytes',
      Buffer.alloc(20, 255),
      /header of 18446744073709552000 bytes; must be at most 100/,
    ],
    ['no header', Buffer.alloc(8), /not a JSON object/],
    ['broken JSON', safetensorsBytes('{"a":'), /not a JSON object/],
    ['an array', safetensorsBytes('[]'), /not a JSON object: it does not start with {/],
    ['bytes that are not UTF-8', safetensorsBytes({ a: 1 }).fill(255, 10, 11), /not a JSON object/],
    [
      'a tensor that is a number',
      safetensorsBytes({ w: 3 }),
      /expected object, received number \(tensor w\)/,
    ],
    [
      'an unknown dtype',
      safetensorsBytes({ w: tensor({ dtype: 'F31' }) }, 24),
      /unknown dtype F31 \(tensor w.dtype/,
    ],
    [
      'a dtype that is a list',
      safetensorsBytes({ w: tensor({ dtype: [] }) }, 24),
      /received array \(tensor w.dtype/,
    ],
    [
      'a missing shape',
      safetensorsBytes({ w: tensor({ shape: undefined }) }, 24),
      /whole numbers from 0 \(tensor w.shape\)/,
    ],
    [
      'a negative size',
      safetensorsBytes({ w: tensor({ shape: [-2, -3] }) }, 24),
      /whole numbers from 0 \(tensor w.shape\)/,
    ],
    [
      'a fractional size',
      safetensorsBytes({ w: tensor({ shape: [4, 1.5] }) }, 24),
      /whole numbers from 0 \(tensor w.shape\)/,
    ],
    ['one offset', safetensorsBytes({ w: tensor({ data_offsets: [0] }) }, 24), /tensor w.data_offsets/],
    [
      'a negative offset',
      safetensorsBytes({ w: tensor({ data_offsets: [-24, 0] }) }, 24),
      /tensor w.data_offsets.0/,
    ],
    [
      'offsets run backwards',
      safetensorsBytes({ w: tensor({ data_offsets: [24, 0] }) }, 24),
      /backwards, from 24 to 0/,
    ],
    ['a truncated file', safetensorsBytes({ w: tensor() }, 23), /reach 24 of 23 bytes of data \(tensor w\)/],
    ['trailing bytes', safetensorsBytes({ w: tensor() }, 25), /1 bytes after the last tensor/],
    [
      'too few bytes',
      safetensorsBytes({ w: tensor({ shape: [2, 4] }) }, 24),
      /24 bytes cannot hold F32 \[2, 4\]/,
    ],
    [
      'a size that overflows',
      safetensorsBytes({ w: tensor({ shape: [2 ** 52, 2 ** 52, 2 ** 52], data_offsets: [0, 0] }) }),
      /0 bytes cannot hold/,
    ],
    [
      'infinity times nothing',
      safetensorsBytes({ w: tensor({ shape: [...Array.from({ length: 30 }, () => 2 ** 52), 0] }) }, 24),
      /hold/,
    ],
    [
      'overlapping tensors',
      safetensorsBytes({ a: tensor(), b: tensor({ data_offsets: [20, 44] }) }, 44),
      /overlap those of another tensor before byte 24 \(tensor b\)/,
    ],
    [
      'a gap between tensors',
      safetensorsBytes({ a: tensor(), b: tensor({ data_offsets: [28, 52] }) }, 52),
      /4 bytes that belong to no tensor before it \(tensor b\)/,
    ],
    [
      'a gap before the first',
      safetensorsBytes({ a: tensor({ data_offsets: [4, 28] }) }, 28),
      /4 bytes that belong/,
    ],
    [
      'metadata that is not text',
      safetensorsBytes({ __metadata__: { epoch: 3 } }),
      /names to texts \(__metadata__\)/,
    ],
    ['metadata that is a list', safetensorsBytes({ __metadata__: ['x'] }), /names to texts \(__metadata__\)/],
  ])('refuses %s', (_, bytes, reason) => {
    const path = stored('bad.safetensors', bytes);
    expectRefusal(() => readSafetensors(path), path, reason);
  });
});

describe('writeSafetensors', () => {
  it('writes the bytes that the format prescribes', () => {
    const path = join(folder, 'written.safetensors');
    writeSafetensors(path, { w: { shape: [1, 2], data: Float32Array.of(1, -2) } }, { source: 'here' });
    const header =
      '{"__metadata__":{"source":"here"},"w":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]}}'.padEnd(96);
    const expected = ['6000000000000000', Buffer.from(header).toString('hex'), '0000803f', '000000c0'].join(
      '',
    );
    expect(readFileSync(path).toString('hex')).toBe(expected);
  });

  it('is read back, views into larger buffers and files without tensors included', () => {
    const path = join(folder, 'back.safetensors');
    const data = Float32Array.of(9, 1, 2, 3, 4, 9).subarray(1, 5);
    writeSafetensors(path, { first: { shape: [2, 2], data }, second: { shape: [4], data } });
    expect([...readSafetensors(path).get('second').data]).toEqual([1, 2, 3, 4]);
    writeSafetensors(path, {});
    expect(readSafetensors(path).tensors.size).toBe(0);
  });

  it('refuses a path that cannot be written, and a shape that the data does not fill', () => {
    const path = join(folder, 'nowhere', 'x.safetensors');
    expectRefusal(() => writeSafetensors(path, {}), path, /no such file or directory/);
    expect(() => writeSafetensors(path, { w: { shape: [3], data: Float32Array.of(1) } })).toThrow(
      'cannot fill [3]',
    );
  });
});

describe('readMatrix', () => {
  it.each([
    ['f8-c.npy', values],
    ['f8-fortran.npy', values],
    ['version-2.npy', values],
    ['f4-c.npy', values.map(Math.fround)],
    ['f4-fortran.npy', values.map(Math.fround)],
    ['f2-c.npy', [1.5, -2.25, 3, 0.0999755859375, 0.0010004043579101562, -7]],
    ['f2-fortran.npy', [1.5, -2.25, 3, 0.0999755859375, 0.0010004043579101562, -7]],
    ['one-matrix.safetensors', values.map(Math.fround)],
    ['tensors.safetensors#double', values],
  ])('reads %s', (name, expected) => {
    const { rows, cols, data } = readMatrix(fixture(name));
    expect([rows, cols, [...data]]).toEqual([2, 3, expected]);
  });

  it.each([
    ['plain', '1.5,-2.25,3\n.1,1e-3,-7\n'],
    [
      'quoted, spaced, with a byte order mark, blank lines and CRLF',
      '\ufeff"1.5", -2.25 ,+3.\r\n\r\n.1,1E-03,-7',
    ],
  ])('reads a csv file that is %s', (_, text) => {
    const { rows, cols, data } = readMatrix(stored('good.csv', text));
    expect([rows, cols, [...data]]).toEqual([2, 3, values]);
  });

  it('reads the matrix that comes with rankflow; norm and entries as NumPy has them', () => {
    const { rows, cols, data } = readMatrix(asset);
    expect([rows, cols]).toEqual([384, 384]);
    expect(Math.sqrt(data.reduce((sum, x) => sum + x * x, 0))).toBeCloseTo(36.655678620943576, 11);
    expect([data[0], data[386], data[147455]]).toEqual([
      -0.1486196219921112, 0.07590459287166595, -0.08523893356323242,
    ]);
    expect(readSafetensors(asset).metadata.license).toBe('Apache-2.0');
  });

  it('reads the entries of an array of any shape', () => {
    expect([...readEntries(fixture('vector.npy'))]).toEqual([1.5, -2.25, 3]);
  });

  it.each([
    [
      'big-endian.npy',
      /dtype >f8 \(big-endian; .*; must be a whole .npy file of little-endian float16, float32, float64/,
    ],
    ['integers.npy', /dtype <i8 \(integers; .*; must be .* float16, float32, float64/],
    ['complex.npy', /dtype <c16 \(complex numbers; .*; must be .* float16/],
    ['vector.npy', /array of shape \[3\]; must be a matrix/],
    ['cube.npy', /array of shape \[1, 2, 3\]; must be a matrix/],
    ['empty.npy', /matrix of shape \[0, 3\]; must be at least \[1, 1\]/],
    ['infinite.npy', /-Infinity in row 2, column 2; must be a finite number/],
    ['missing.npy', /no such file/],
    ['missing.csv', /no such file/],
    ['make.py', /ends in ".py"; must be a .safetensors, .npy or .csv file/],
    ['tensors.safetensors', /5 matrices in the file; must be .*#NAME, with NAME one of: .*half/],
    ['tensors.safetensors#wrong', /no tensor of that name; must be .* one of: .*double/],
    ['tensors.safetensors#', /no tensor of that name/],
    ['tensors.safetensors#vector', /array of shape \[3\]/],
    ['tensors.safetensors#empty', /matrix of shape \[0, 3\]; must be at least \[1, 1\]/],
  ])('refuses %s', (name, reason) => {
    expectRefusal(() => readMatrix(fixture(name)), fixture(name), reason);
  });

  it.each(['directory.npy', 'directory.csv', 'directory.safetensors'])('refuses a folder, %s', (name) => {
    const path = join(folder, name);
    mkdirSync(path);
    expectRefusal(() => readMatrix(path), path, /a folder without .safetensors files/);
  });

  it('refuses a safetensors file without a matrix', () => {
    const path = stored('no-matrix.safetensors', safetensorsBytes({}));
    expectRefusal(() => readMatrix(path), path, /0 matrices in the file; must be a file with a 2-D tensor/);
  });

  it('names the file alone where the file itself is at fault', () => {
    const path = fixture('missing.safetensors');
    expectRefusal(() => readMatrix(`${path}#w`), path, /no such file/);
    expectRefusal(
      () => readMatrix(`${fixture('tensors.safetensors')}#integers`),
      fixture('tensors.safetensors'),
      /I64/,
    );
  });

  it.each([
    ['nothing', '', /an empty file/],
    ['rows of unequal length', '1,2\n3\n', /Invalid Record Length.*rows of equal length/],
    ['a header row', 'a,b\n1,2\n', /"a" in row 1, column 1/],
    ['an empty cell', '1,2\n3,\n', /"" in row 2, column 2/],
    ['NaN', '1,2\nnan,4\n', /"nan" in row 2, column 1/],
    ['infinity', '1,inf\n', /"inf" in row 1, column 2/],
    ['a number beyond float64', '1,1e999\n', /Infinity in row 1, column 2/],
    ['hexadecimal', '0x10\n', /"0x10" in row 1, column 1/],
    ['an open quote', '"1,2\n', /Quote/],
  ])('refuses a csv file with %s', (_, text, reason) => {
    const path = stored('bad.csv', text);
    expectRefusal(() => readMatrix(path), path, reason);
  });

  const npy = readFileSync(fixture('f8-c.npy'));
  const edited = (from: string, to: string) =>
    Buffer.from(npy.toString('latin1').replace(from, to), 'latin1');
  it.each<[string, Uint8Array, RegExp]>([
    ['nothing in it', Buffer.alloc(0), /an empty file/],
    ['another magic', edited('NUMPY', 'NUMPI'), /Not an .npy file/],
    ['half an entry missing', npy.subarray(0, -4), /cut short, or its header lies/],
    ['an entry missing', npy.subarray(0, -8), /shape \[2, 3\] with 5 entries/],
    ['an entry too many', Buffer.concat([npy, Buffer.alloc(8)]), /shape \[2, 3\] with 7 entries/],
    ['a cut in its header', npy.subarray(0, 100), /cut short, or its header lies/],
    ['a negative shape', edited('(2, 3)', '(-2,-3)'), /cut short|shape \[-2, -3\] with 6 entries/],
    ['a fractional shape', edited('(2, 3), }', '(4, 1.5)}'), /shape \[4, 1.5\] with 6 entries/],
    ['a larger shape', edited('(2, 3)', '(2, 9)'), /shape \[2, 9\] with 6 entries/],
    ['no memory order', edited('fortran_order', 'fortran-order'), /no fortran_order/],
  ])('refuses a .npy file with %s', (_, bytes, reason) => {
    const path = stored('bad.npy', bytes);
    expectRefusal(() => readMatrix(path), path, reason);
  });
});

/** Uniform integers below a bound, from a fixed seed (mulberry32). */
function dice(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}

/** A copy with one to four bytes changed, and, one time in three, cut short. */
function damaged(bytes: Buffer, roll: (below: number) => number): Buffer {
  const copy = Buffer.from(bytes);
  for (let changes = 1 + roll(4); changes > 0; changes--) copy[roll(copy.length)] = roll(256);
  return roll(3) === 0 ? copy.subarray(0, roll(copy.length)) : copy;
}

describe('damaged files', () => {
  it.each([
    ['one-matrix.safetensors', ''],
    ['tensors.safetensors', '#half'],
    ['f8-c.npy', ''],
    ['f4-fortran.npy', ''],
    ['f2-c.npy', ''],
    ['version-2.npy', ''],
  ])('%s: every one of 300 is read or refused', (name, suffix) => {
    const bytes = readFileSync(fixture(name));
    const roll = dice(bytes.length);
    const outcomes = { read: 0, refused: 0 };
    for (let trial = 0; trial < 300; trial++) {
      const path = stored(`damaged-${name}`, damaged(bytes, roll));
      try {
        expect(readMatrix(path + suffix).data.every(Number.isFinite)).toBe(true);
        outcomes.read++;
      } catch (error) {
        expect(error).toBeInstanceOf(InputError);
        outcomes.refused++;
      }
    }
    expect(Math.min(outcomes.read, outcomes.refused)).toBeGreaterThan(0);
  });
});
