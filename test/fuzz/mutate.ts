/**
 * Damage for files of any kind, and what their formats are most likely to be read wrongly by: bytes that change, go
 * missing or come twice, pieces of other files, numbers at the edges of their types, and text that hurts parsers.
 */
import type { Dice } from './dice.js';

/** What one round of damage makes of a file's bytes. */
export type Mutation = (bytes: Buffer, dice: Dice, corpus: readonly Buffer[]) => Buffer;

/** Where a number turns into another type's edge. */
const EDGES = [0, 1, 2 ** 7, 2 ** 8 - 1, 2 ** 15, 2 ** 16 - 1, 2 ** 31, 2 ** 32 - 1].map(BigInt);
const LONG_EDGES = [2n ** 53n, 2n ** 53n + 1n, 2n ** 63n - 1n, 2n ** 63n, 2n ** 64n - 1n, 100_000_000n];

/** Numbers as text, from nothing to beyond every type. */
export const NUMBERS = [
  ...['0', '-0', '1', '2', '3', '-1', '1.5', '1e3', '0x10', '1_000', '007', '+1', '.5', '5.', '1e', '--1'],
  ...['127', '128', '255', '65535', '65536', '2147483647', '2147483648', '4294967295', '4294967296'],
  ...['9007199254740991', '9007199254740993', '9223372036854775807', '18446744073709551615'],
  ...['1e308', '1e309', '-1e309', '1e-400', '1e999999999', '9'.repeat(400), `0.${'0'.repeat(400)}1`],
  ...['NaN', 'nan', '.nan', '.inf', '-.inf', 'Infinity', '-Infinity', 'null', 'true', '""', '١'],
];

/** Text that parsers have stumbled over. */
const TEXTS = [
  ...['__proto__', 'constructor', 'prototype', 'toString', '__metadata__', 'hasOwnProperty', '<<'],
  ...[
    '\0',
    '\ufeff',
    '\u2028',
    '\u00a0',
    '\ud83d\ude00',
    '\\ud800',
    '\\u0000',
    '\x1b[31m',
    '\r',
    '\n',
    '\r\n',
    '\t',
  ],
  ...[
    '"',
    "'",
    '\\',
    '{',
    '}',
    '[',
    ']',
    '(',
    ')',
    ',',
    ':',
    '#',
    '&a',
    '*a',
    '!',
    '!!',
    '%',
    '@',
    '`',
    '|',
    '>',
    '-',
  ],
  ...[
    '---',
    '...',
    '? ',
    '!!set',
    '!!binary',
    '!!omap',
    '!!python/object',
    '&a [*a]',
    '%YAML 1.1\n---\n',
    '{"__proto__":{}}',
  ],
];

/** Bytes that are no UTF-8, and marks of byte order. */
const BYTES = [
  'ff',
  'fe',
  'c0af',
  'eda080',
  'f8888080',
  'e282',
  '80',
  'efbbbf',
  'fffe',
  'feff',
  '00000000',
].map((hex) => Buffer.from(hex, 'hex'));

const cutAt = (bytes: Buffer, dice: Dice) => dice.below(bytes.length + 1);

/** Bytes `begin` to `end` replaced by others. */
const replaced = (bytes: Buffer, begin: number, end: number, by: Uint8Array) =>
  Buffer.concat([bytes.subarray(0, begin), by, bytes.subarray(end)]);

const inserted = (bytes: Buffer, dice: Dice, what: Uint8Array) => {
  const at = cutAt(bytes, dice);
  return replaced(bytes, at, at, what);
};

/** A random piece, of at most a number of bytes. */
function piece(bytes: Buffer, dice: Dice, most = bytes.length): Buffer {
  const begin = cutAt(bytes, dice);
  return bytes.subarray(begin, begin + dice.below(Math.min(most, bytes.length - begin) + 1));
}

const flipBit: Mutation = (bytes, dice) => {
  const copy = Buffer.from(bytes);
  if (copy.length > 0) copy[dice.below(copy.length)]! ^= 1 << dice.below(8);
  return copy;
};

const setByte: Mutation = (bytes, dice) => {
  const copy = Buffer.from(bytes);
  if (copy.length > 0) copy[dice.below(copy.length)] = dice.below(256);
  return copy;
};

const cutShort: Mutation = (bytes, dice) => bytes.subarray(0, cutAt(bytes, dice));

const cutOut: Mutation = (bytes, dice) => {
  const begin = cutAt(bytes, dice);
  return replaced(bytes, begin, begin + dice.below(32), Buffer.alloc(0));
};

const extend: Mutation = (bytes, dice) =>
  Buffer.concat([bytes, Buffer.alloc(1 + dice.below(64), dice.below(256))]);

const splice: Mutation = (bytes, dice, corpus) => {
  const other = dice.pick(corpus);
  return Buffer.concat([bytes.subarray(0, cutAt(bytes, dice)), other.subarray(cutAt(other, dice))]);
};

const insertPiece: Mutation = (bytes, dice, corpus) => inserted(bytes, dice, piece(dice.pick(corpus), dice));

/** Repeats a short piece in its place; one time in twenty until the file is large. */
const repeat: Mutation = (bytes, dice) => {
  const block = piece(bytes, dice, 16);
  const most = dice.oneIn(20) ? 2 ** (12 + dice.below(4)) : 64;
  return inserted(
    bytes,
    dice,
    Buffer.concat(Array<Buffer>(Math.ceil(most / (block.length + 1))).fill(block)),
  );
};

const integer: Mutation = (bytes, dice) => {
  const copy = Buffer.from(bytes);
  const width = dice.pick([1, 2, 4, 8]);
  if (copy.length < width) return copy;
  // Half of them where binary headers are.
  const at = dice.below((dice.oneIn(2) ? Math.min(16, copy.length) : copy.length) - width + 1);
  const value = BigInt.asUintN(8 * width, dice.pick([...EDGES, ...LONG_EDGES, BigInt(bytes.length)]));
  for (let i = 0; i < width; i++) copy[at + i] = Number((value >> BigInt(8 * i)) & 255n);
  return copy;
};

const insertText: Mutation = (bytes, dice) => inserted(bytes, dice, Buffer.from(dice.pick(TEXTS)));

const insertBytes: Mutation = (bytes, dice) => inserted(bytes, dice, dice.pick(BYTES));

/** Another number in the place of one, if there are any. */
const number: Mutation = (bytes, dice) => {
  const found = [
    ...bytes
      .toString('latin1')
      .slice(0, 4096)
      .matchAll(/[+-]?\d[\d.e]*/gi),
  ];
  if (found.length === 0) return inserted(bytes, dice, Buffer.from(dice.pick(NUMBERS)));
  const { index, 0: text } = dice.pick(found);
  return replaced(bytes, index, index + text.length, Buffer.from(dice.pick(NUMBERS)));
};

/** Brackets inside brackets, closed or not. */
const nest: Mutation = (bytes, dice) => {
  const [open, close] = dice.pick([
    ['[', ']'],
    ['{"a":', '}'],
    ['{a: ', '}'],
    ['- ', ''],
    ['? ', ''],
    ['(', ')'],
    ['"', '"'],
  ] as const);
  const depth = dice.oneIn(10) ? 2 ** (8 + dice.below(6)) : 1 + dice.below(16);
  const inside = dice.pick(['', '1', '"x"']);
  return inserted(
    bytes,
    dice,
    Buffer.from(open.repeat(depth) + inside + (dice.oneIn(2) ? close.repeat(depth) : '')),
  );
};

const mutations: readonly Mutation[] = [
  ...[flipBit, setByte, cutShort, cutOut, extend, splice, insertPiece, repeat, integer],
  ...[insertText, insertBytes, number, number, nest],
];

/** A copy of a file after one to four rounds of damage. */
export function damaged(bytes: Buffer, dice: Dice, corpus: readonly Buffer[]): Buffer {
  let copy = Buffer.from(bytes);
  for (let rounds = 1 + dice.below(4); rounds > 0; rounds--)
    copy = Buffer.from(dice.pick(mutations)(copy, dice, corpus));
  return copy;
}
