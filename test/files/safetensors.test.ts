/** Safetensors read and written here against files of the reference implementation and bytes made by hand. */
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readSafetensors } from '../../src/files/safetensors.js';
import {
  beginSafetensors,
  writeSafetensors,
  type SafetensorsWriter,
} from '../../src/files/writeSafetensors.js';
import { folder, fixture, values, stored, safetensorsBytes, expectRefusal } from './support.js';

const tensor = (over: object = {}) => ({ dtype: 'F32', shape: [2, 3], data_offsets: [0, 24], ...over });

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
    const short = join(folder, 'short.safetensors');
    expect(() => writeSafetensors(short, { w: { shape: [3], data: Float32Array.of(1) } })).toThrow(
      'cannot fill [3]',
    );
    expect(readdirSync(folder).filter((name) => name.startsWith('short'))).toEqual([]);
  });

  it('writes 16-bit floats, and tensors in turn', () => {
    const path = join(folder, 'turn.safetensors');
    const planned = {
      b: { dtype: 'BF16', shape: [3] },
      f: { dtype: 'F16', shape: [1, 2] },
      s: { dtype: 'F32', shape: [1] },
    } as const;
    const file = beginSafetensors(path, planned);
    file.write('b', { dtype: 'BF16', data: Uint16Array.of(0x3f80, 0xc000, 0) });
    file.write('f', { dtype: 'F16', data: Uint16Array.of(0x3c00, 0x3800) });
    expect(existsSync(path)).toBe(false);
    file.write('s', { data: Float32Array.of(0.1) });
    file.finish();
    file.discard();
    const { get } = readSafetensors(path);
    expect([...get('b').data]).toEqual([1, -2, 0]);
    expect(get('f')).toMatchObject({ dtype: 'F16', shape: [1, 2], data: Float64Array.of(1, 0.5) });
    expect([...get('s').data]).toEqual([Math.fround(0.1)]);
  });

  it.each<[string, (file: SafetensorsWriter) => void, RegExp]>([
    ['out of turn', (file) => file.write('b', { data: Float32Array.of(1) }), /the tensor b out of turn/],
    [
      'of another type',
      (file) => file.write('a', { dtype: 'F16', data: Uint16Array.of(1) }),
      /1 entries of F16/,
    ],
    ['missing', (file) => file.finish(), /no tensor a/],
  ])('leaves nothing where a tensor is %s', (_, work, reason) => {
    const planned = { dtype: 'F32', shape: [1] } as const;
    const file = beginSafetensors(join(folder, 'left.safetensors'), { a: planned, b: planned });
    expect(() => work(file)).toThrow(reason);
    expect(readdirSync(folder).filter((name) => name.startsWith('left'))).toEqual([]);
  });
});
