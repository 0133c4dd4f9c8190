/**
 * Every reader against some random files, and against those that have been trouble; faults of a reader are seen.
 * fuzz.slow.test.ts has more files.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readSafetensors } from '../../src/files/safetensors.js';
import { InputError } from '../../src/host/inputError.js';
import { checkMatrix, limitsOf, readers, removeFolder, sparse } from './readers.js';
import { countBuffers, watched } from './watch.js';
import { randomFiles } from './random.js';

beforeAll(countBuffers);
afterAll(removeFolder);

describe('readers of random files', () => randomFiles(200));

const safetensors = (header: string) => {
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(Buffer.byteLength(header)));
  return Buffer.concat([length, Buffer.from(header)]);
};

/** A .npy file of version 2, eight bytes of data and a header with something of one's own. */
const npy = (middle: string, end = "'shape': (1, 1), }") => {
  const dictionary = `{'fortran_order': False, ${middle} ${end}`;
  const header = dictionary.padEnd(Math.ceil((dictionary.length + 12) / 64) * 64 - 12);
  const prefix = Buffer.from('\x93NUMPY\x02\0\0\0\0\0', 'latin1');
  prefix.writeUInt32LE(header.length, 8);
  return Buffer.concat([prefix, Buffer.from(header), Buffer.alloc(8)]);
};

const many = (count: number, text: (i: number) => string) =>
  Array.from({ length: count }, (_, i) => text(i)).join('');

describe('files that have been trouble', () => {
  it.each<[string, string, Buffer | string]>([
    [
      'safetensors',
      'a shape of wrong sizes',
      safetensors(`{"w":{"dtype":"F32","shape":[${many(300_000, () => '-1,')}1],"data_offsets":[0,0]}}`),
    ],
    [
      'safetensors',
      'metadata of wrong kinds',
      safetensors(`{"__metadata__":{${many(200_000, (i) => `"${i}":1,`)}"x":1}}`),
    ],
    ['safetensors', 'names that a terminal would obey', safetensors('{"\\u001b[2J":{"dtype":"F31"}}')],
    ['npy', 'texts of no length', npy("'descr': '<U0',")],
    ['npy', 'texts of negative length', npy("'descr': '<U-1',")],
    ['npy', 'one key again and again', npy("'descr': '<f8',", "'shape':(".repeat(50_000))],
    ['csv', 'digits that end in a letter', `${'1'.repeat(200_000)}x`],
    ['config', 'brackets that close nothing', `ranks: ${']'.repeat(30_000)}`],
    ['config', 'many keys', many(30_000, (i) => `k${i}: 1\n`)],
    [
      'config',
      'many aliases',
      `loss: [${many(5000, (i) => `&a${i} x,`)}]\nranks: &r [${many(5000, (i) => `*a${i},`)}]\ninit: *r\n`,
    ],
    ['config', 'a list that holds itself', 'ranks: &r [*r]'],
    ['config', 'keys inside keys', `ranks:\n  - ${'? '.repeat(300)}`],
    [
      'config',
      'a name that is tried as a file from everywhere',
      `ranks: [1]\nrankz: 1\ntarget: "${'.safetensors#'.repeat(15_000)}\\n"`,
    ],
    ['config', 'more than is read', `ranks: [${'1,'.repeat(600_000)}]`],
  ])('%s: %s', (name, _, content) => {
    const reader = readers.find((known) => known.name === name)!;
    const bytes = Buffer.from(content);
    expect(watched(reader.open(bytes), limitsOf(reader, bytes.length))).toMatchObject({
      refused: true,
      fault: null,
    });
  });

  it('a header alone is read of a file that is larger than memory', () => {
    const path = sparse(
      'sparse.safetensors',
      safetensors('{"w":{"dtype":"F64","shape":[8589934592],"data_offsets":[0,68719476736]}}'),
      2 ** 36,
    );
    expect(watched(() => readSafetensors(path), { ms: 1000, bytes: 2 ** 18 })).toMatchObject({
      refused: false,
      fault: null,
    });
  });
});

describe('faults that are seen', () => {
  const limits = { ms: 100, bytes: 2 ** 20 };
  const refuse = (message: string) => () => {
    throw Object.assign(new InputError('file', 1, 'right'), { message });
  };

  it.each<[string, () => unknown, RegExp]>([
    ['another error', () => (undefined as unknown as { x: 1 }).x, /threw TypeError/],
    [
      'a stack that overflows',
      function again(): unknown {
        return [again()];
      },
      /threw RangeError: Maximum call stack/,
    ],
    ['a message of many characters', refuse('x'.repeat(2001)), /a message of 2001 characters/],
    ['a message of two lines', refuse('a\nb'), /control characters in a message: "a\\nb"/],
    ['a message that rings', refuse('\x07'), /control characters/],
    [
      'a loop without end',
      () => {
        for (;;);
      },
      /threw .*timed out after 500ms/,
    ],
    ['a pattern without end', () => /^(a+)+$/.test(`${'a'.repeat(50)}b`), /threw .*timed out/],
    [
      'an end that comes too late',
      () => {
        // The clock is asked seldom: each time makes numbers on the heap.
        const { user: start } = process.cpuUsage();
        while (process.cpuUsage().user < start + 200_000) for (let i = 0; i < 100_000; i++);
      },
      // The second beside much other work, which the watchdog's clock does not leave out.
      /took [1-4]\d\d ms|timed out/,
    ],
    ['an array', () => new Float64Array(2 ** 18), /allocated/],
    ['a copy', () => new Uint8Array(2 ** 19).slice().slice(), /allocated/],
    [
      'many arrays, dropped',
      () => {
        for (let i = 0; i < 2000; i++) new Float32Array(200);
      },
      /allocated/,
    ],
    // Not counted when it is made, but by what is held: it has to be more than what may be collected meanwhile.
    ['a Buffer', () => Buffer.alloc(2 ** 27), /allocated/],
    ['a list', () => Array.from({ length: 2 ** 17 }, (_, i) => ({ i })), /allocated/],
    [
      'a list, dropped',
      () => {
        const last = [];
        for (let i = 0; i < 2 ** 20; i++) last[i % 8] = { i: [i] };
        return last;
      },
      /allocated (2\d|[3-9]\d)\d{6} bytes/,
    ],
    ['many texts', () => Array.from({ length: 2 ** 16 }, (_, i) => `text ${i}`), /allocated/],
    ['a size that cannot be', () => new Float64Array(2 ** 45), /threw RangeError/],
    [
      'a matrix of another size',
      () => checkMatrix({ rows: 2, cols: 2, data: new Float64Array(3) }),
      /3 entries in a matrix of 2 x 2/,
    ],
    ['a matrix with NaN', () => checkMatrix({ rows: 1, cols: 1, data: Float64Array.of(NaN) }), /not finite/],
  ])('%s', (_, work, fault) => {
    expect(watched(work, limits).fault).toMatch(fault);
  });

  it('but not in readers that do as they should', () => {
    expect(watched(() => 1, limits)).toMatchObject({ refused: false, fault: null });
    expect(watched(refuse('invalid file'), limits)).toMatchObject({ refused: true, fault: null });
  });
});
