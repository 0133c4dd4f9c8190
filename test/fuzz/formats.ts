/**
 * Files made from the grammar of their format, with something wrong in many of them: what damage to the bytes of a good
 * file seldom reaches, because another check refuses it first.
 */
import type { Dice } from './dice.js';
import { NUMBERS } from './mutate.js';

const from = (text: string) => Buffer.from(text);

const times = <T>(count: number, make: (i: number) => T): T[] =>
  Array.from({ length: count }, (_, i) => make(i));

/** A length for lists: mostly short; one time in a hundred, long enough for what grows with its square to be seen. */
const listLength = (dice: Dice) => (dice.oneIn(100) ? 2 ** (8 + dice.below(7)) : dice.below(6));

const randomBytes = (dice: Dice, count: number) => {
  // A long run of one byte is as good as random ones, and sooner made.
  const bytes = Buffer.alloc(count, dice.below(256));
  for (let i = 0; i < Math.min(count, 64); i++) bytes[i] = dice.below(256);
  return bytes;
};

/** Replaces what is usually right, one time in `seldom`. */
const or = <T>(dice: Dice, seldom: number, right: T, wrong: () => T): T =>
  dice.oneIn(seldom) ? wrong() : right;

const widths = new Map([
  ...(['F64', 'F32', 'F16', 'BF16'] as const).map(
    (dtype, i) => [dtype, [8, 4, 2, 2][i]!] as [string, number],
  ),
  ...([
    ['I64', 8],
    ['BOOL', 1],
    ['F8_E4M3', 1],
    ['C64', 8],
  ] as [string, number][]),
]);

const names = [
  'w',
  'v',
  '',
  '__proto__',
  'constructor',
  'layer.0.lora_A.weight',
  'w.weight',
  'w.weight_scale_inv',
  'w.scale',
  'lora_B',
  'größe',
  '\0',
  '\n',
  '\x1b[2J',
];

/** JSON that is not what a header should have in some place. */
const odd = (dice: Dice): string =>
  dice.pick([
    ...[
      '{}',
      '[]',
      '[[]]',
      '{"__proto__":null}',
      '"F32"',
      '[null]',
      '[0,0]',
      '[1,2,3]',
      '"\\u0000"',
      '[1e0]',
      '[-0]',
    ],
    `[${times(listLength(dice), () => -1).join()}]`,
    `{${times(listLength(dice), (i) => `"${i}":1`).join()}}`,
    `"${'x'.repeat(listLength(dice) * 8)}"`,
    ...NUMBERS,
  ]);

export function safetensorsFile(dice: Dice): Buffer {
  const parts: string[] = [];
  const data: Buffer[] = [];
  let end = 0;
  if (dice.oneIn(3)) parts.push(`"__metadata__":${or(dice, 3, '{"format":"pt"}', () => odd(dice))}`);
  for (const i of times(dice.oneIn(3) ? listLength(dice) : 1 + dice.below(3), (k) => k)) {
    const dtype = dice.pick([...widths.keys(), 'F32', 'F64', 'F16']);
    const shape = times(dice.pick([2, 2, 2, 0, 1, 3]), () => dice.pick([1, 2, 3, 4, 0, 7]));
    const begin = end;
    end += shape.reduce((all, n) => all * n, widths.get(dtype)!);
    data.push(dice.oneIn(3) ? randomBytes(dice, end - begin) : Buffer.alloc(end - begin, 1));
    const field = (key: string, right: unknown) =>
      dice.oneIn(60) ? '' : `${JSON.stringify(key)}:${or(dice, 40, JSON.stringify(right), () => odd(dice))}`;
    const entry = [field('dtype', dtype), field('shape', shape), field('data_offsets', [begin, end])];
    const name = dice.oneIn(4)
      ? dice.pick(names)
      : `t${i}${'x'.repeat(dice.oneIn(50) ? 2 ** dice.below(14) : 0)}`;
    parts.push(
      `${JSON.stringify(name)}:${or(dice, 40, `{${entry.filter(Boolean).join()}}`, () => odd(dice))}`,
    );
  }
  const header = from(or(dice, 40, `{${parts.join()}}`, () => odd(dice)) + ' '.repeat(dice.below(8)));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(or(dice, 40, header.length, () => dice.below(2 * header.length))));
  const extra = or(dice, 40, Buffer.alloc(0), () => randomBytes(dice, dice.below(16)));
  return Buffer.concat([length, header, ...data, extra]);
}

const descriptions = [
  ...'<V2 |V2 <f8 <f4 |f8 =f8 f8 >f8 <f16 <f <c8 <c16 |b1 <i8 |u1 |O <U0 <U <U-1 <U1 <U3 |S0 <M8[ns] |V8 <'.split(
    ' ',
  ),
  ...['', "<f8'", 'f'.repeat(300)],
];

export function npyFile(dice: Dice): Buffer {
  const shape = times(dice.pick([2, 2, 2, 1, 3, 0]), () => dice.pick([1, 2, 3, 4, 0]));
  if (dice.oneIn(50)) shape[0] = 2 ** (6 + dice.below(8));
  const descr = or(dice, 3, dice.pick(['<f8', '<f4', '<f2']), () => dice.pick(descriptions));
  const width = Number(/[fc](\d+)$/.exec(descr)?.[1] ?? 4);
  const tuple = or(dice, 8, `(${shape.join(', ')},)`, () =>
    dice.pick([
      `(${shape.join(', ')}`,
      `(${times(listLength(dice), () => dice.pick(NUMBERS)).join()})`,
      '()',
      '[2, 3]',
      '(2 3)',
    ]),
  );
  const order = or(dice, 10, dice.pick(['True', 'False']), () =>
    dice.pick(['true', '0', '"False"', 'None', '']),
  );
  const fields = [`'descr': '${descr}'`, `'fortran_order': ${order}`, `'shape': ${tuple}`];
  if (dice.oneIn(20)) fields.splice(dice.below(3), 1);
  if (dice.oneIn(20)) fields.reverse();
  // What a pattern that has to look for its end would look through again and again.
  if (dice.oneIn(60))
    fields.unshift(dice.pick(["'shape':(", "'descr':'", "'fortran_order'   "]).repeat(2 ** dice.below(14)));
  const version = or(dice, 4, 1, () => dice.pick([0, 2, 3, 255]));
  const start = version > 1 ? 12 : 10;
  const body = `{${fields.join(', ')}, }`;
  const header = from(
    `${body}${' '.repeat(or(dice, 20, 63 - ((start + body.length) % 64), () => dice.below(64)))}\n`,
  );
  const prefix = Buffer.alloc(start);
  prefix.write('\x93NUMPY', 'latin1');
  prefix[6] = version;
  const length = or(dice, 30, header.length, () =>
    dice.pick([0, 65535, header.length - 1, header.length + 8]),
  );
  if (version > 1) prefix.writeUInt32LE(length, 8);
  else prefix.writeUInt16LE(length % 65536, 8);
  const bytes = or(
    dice,
    20,
    shape.reduce((all, n) => all * n, width),
    () => dice.below(256),
  );
  return Buffer.concat([prefix, header, dice.oneIn(2) ? Buffer.alloc(bytes) : randomBytes(dice, bytes)]);
}

export function csvFile(dice: Dice): Buffer {
  const [rows, cols] = [1 + listLength(dice), 1 + dice.below(4)];
  const separator = or(dice, 30, ',', () => dice.pick([';', '\t', ' ', ',,', '']));
  const end = or(dice, 3, '\n', () => dice.pick(['\r\n', '\r', '\n\n', '', '\u2028']));
  const numbers = ['0', '1', '-2.5', '1e-3', '+.5', '7.', ' 3 ', '"4"'];
  const digits = '1'.repeat(dice.oneIn(40) ? 2 ** dice.below(17) : 4);
  const strange = [
    ...NUMBERS,
    `${digits}x`,
    digits,
    `${digits}.`,
    `.${digits}e${digits}`,
    '"1\n2"',
    '"1""2"',
    '"1',
    'a',
    '',
  ];
  const cell = () => or(dice, 20 + rows, dice.pick(numbers), () => dice.pick(strange));
  const width = () => or(dice, 20 + rows, cols, () => dice.below(6));
  const text = times(dice.oneIn(2) ? rows : 1, () => times(width(), cell).join(separator)).join(end);
  // One long line, now and then.
  const line = dice.oneIn(200) ? `${`${cell()},`.repeat(2 ** dice.below(15))}1` : '';
  return from(
    or(dice, 20, '', () => dice.pick(['\ufeff', '\n', '"', '#'])) + line + text + or(dice, 2, end, () => ''),
  );
}

const rightValues = {
  ...{ loss: '[frobenius]', target: 'm.npy', spectrum: 'power:1', shape: '[64x64]', init: '[kaiming, zero]' },
  ...{
    scaling: '[none, lora]',
    alpha: '2.5',
    trials: '4',
    seed: '1',
    method: 'auto',
    time: '1e1',
    steady: 'null',
  },
  ...{ saveTimes: '[1, 2.5]', backend: 'cpu', tf32: 'true', workers: '2', out: '"a b"' },
};
const strangeKeys = ['__proto__', 'constructor', 'rankz', '<<', '? [a]', '"a b"', 'ranks', '1', '', '&a b'];

/** Anchors and aliases: each list names the last one several times, down to a list that names itself. */
function laughs(dice: Dice): string {
  const [depth, width] = [1 + dice.below(12), 1 + dice.below(12)];
  const levels = times(
    depth,
    (i) =>
      `l${i}: &l${i} [${Array(width)
        .fill(i === 0 ? 'ha' : `*l${i - 1}`)
        .join()}]\n`,
  );
  return `${levels.join('')}ranks: ${dice.pick([`*l${depth - 1}`, '&r [*r]', '&r {r: *r}', '*none', '[&x 1, *x]'])}\n`;
}

/** Many anchors, each named once. */
const manyAliases = (count: number) =>
  `loss: [${times(count, (i) => `&a${i} x`).join()}]\nranks: &r [${times(count, (i) => `*a${i}`).join()}]\ninit: *r\n`;

const value = (dice: Dice): string =>
  dice.pick([
    ...[
      '1',
      '[1, 2]',
      '[frobenius]',
      'power:1',
      '64x64',
      '[64x64]',
      '[kaiming, zero]',
      'true',
      'null',
      '~',
      '',
      '{}',
      '[]',
    ],
    ...[
      '{a: 1}',
      '"\\n.safetensors#"',
      '|\n  text\n',
      '>-\n  text\n',
      '!!binary AAAA',
      '!!set {a, b}',
      '2001-01-01',
      '!x 1',
      '&a 1',
      '*a',
    ],
    `[${times(listLength(dice), (i) => String(i + 1)).join()}]`,
    `[${times(listLength(dice), () => '-1').join()}]`,
    `{${times(listLength(dice), (i) => `k${i}: 1`).join()}}`,
    `"${'.safetensors#'.repeat(listLength(dice))}\\n"`,
    `${']'.repeat(listLength(dice))}`,
    `${'x'.repeat(listLength(dice))}`,
    ...NUMBERS,
  ]);

export function configFile(dice: Dice): Buffer {
  if (dice.oneIn(30)) return from(laughs(dice));
  if (dice.oneIn(200)) return from(manyAliases(listLength(dice)));
  const chosen = times(dice.below(5), (): [string, string] => {
    const [key, right] = dice.pick(Object.entries(rightValues));
    return [or(dice, 10, key, () => dice.pick(strangeKeys)), or(dice, 4, right, () => value(dice))];
  });
  if (dice.oneIn(100)) chosen.push(...times(listLength(dice), (i): [string, string] => [`k${i}`, '1']));
  if (!dice.oneIn(10)) chosen.unshift(['ranks', '[1, 2]']);
  if (dice.oneIn(3)) return from(`{${chosen.map(([key, text]) => `${JSON.stringify(key)}:${text}`).join()}}`);
  const lines = chosen.map(([key, text]) => `${key}: ${text}`);
  const start = or(dice, 20, '', () =>
    dice.pick(['\ufeff', '---\n', '%YAML 1.1\n---\n', '%TAG ! x\n---\n', '# comment\n', '%X\n']),
  );
  return from(
    start + lines.join(or(dice, 20, '\n', () => dice.pick(['\r\n', '\r', '\n---\n', '\n...\n', '\n  ']))),
  );
}

/** JSON of an object that usually has these keys, each with one of its values, and now and then something odd. */
function jsonFile(dice: Dice, keys: Readonly<Record<string, readonly string[]>>): Buffer {
  const fields = Object.entries(keys)
    .filter(() => !dice.oneIn(4))
    .map(([key, right]) => `${JSON.stringify(key)}:${or(dice, 12, dice.pick(right), () => odd(dice))}`);
  const text = or(dice, 30, `{${fields.join()}}`, () => odd(dice));
  return from(or(dice, 20, '', () => dice.pick(['\ufeff', '// x\n', ' ', '{'])) + text);
}

/** The index of a checkpoint whose only file is `shard`. */
export const indexFile = (dice: Dice, shard: string): Buffer =>
  jsonFile(dice, {
    metadata: ['{"total_size":1}', '{}'],
    weight_map: [
      `{"single":"${shard}"}`,
      `{"single":"${shard}","w":"${shard}"}`,
      `{"single":"../${shard}"}`,
      '{"w":"absent.safetensors"}',
      '{"w":"model.bin"}',
      `{${times(listLength(dice), (i) => `"t${i}":"${shard}"`).join()}}`,
    ],
  });

export const adapterConfigFile = (dice: Dice): Buffer =>
  jsonFile(dice, {
    peft_type: ['"LORA"', '"lora"', '"LOHA"'],
    r: ['1', '1', '2'],
    lora_alpha: ['8', '0.5', '-1'],
    use_rslora: ['true', 'false', 'null'],
    use_dora: ['false', 'false', 'true'],
    rank_pattern: ['{}', '{"q":1}', '{"(":2}', `{"${'(a|'.repeat(listLength(dice))}":1}`],
    alpha_pattern: ['{}', 'null', '{".*":3}', '{"^q$":4}'],
    modules_to_save: ['null', '[]', '["head"]'],
    init_lora_weights: ['true', '"gaussian"', '"pissa_niter_4"'],
  });
