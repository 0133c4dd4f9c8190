/** Matrices of every kind of file against the numbers that NumPy wrote; damaged files are refused. */
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { readEntries, readMatrix } from '../../src/files/matrix.js';
import { readSafetensors } from '../../src/files/safetensors.js';
import { InputError } from '../../src/host/inputError.js';
import { folder, fixture, values, stored, safetensorsBytes, expectRefusal } from './support.js';

const asset = fileURLToPath(new URL('../../src/data/minilm-query/matrix.safetensors', import.meta.url));

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
    [
      'a comment',
      '# a b\n1 2\n',
      /the line "# a b"; must be a .csv file of numbers alone, without comment lines/,
    ],
    ['a comment at its end', '1,2\n3,4\n #end\n', /the line "#end"/],
    ['a separator line', 'sep=;\r\n1;2\r\n', /the line "sep=;"; .* without a line for the separator/],
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
