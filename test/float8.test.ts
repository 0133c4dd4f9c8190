/** 8-bit floats and their scales as other programs wrote them, and quantized weights that are refused. */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import { openCheckpoint } from '../src/files/checkpoint.js';
import { readMatrix } from '../src/files/matrix.js';
import { readSafetensors } from '../src/files/safetensors.js';
import { safetensorsBytes } from './files/support.js';
import { expectRefusal } from './refusal.js';

const folder = mkdtempSync(join(tmpdir(), 'rankflow-float8-'));
afterAll(() => rmSync(folder, { recursive: true }));
const said = vi.spyOn(console, 'warn').mockImplementation(() => undefined);
afterEach(() => said.mockClear());

const fixture = (name: string) => fileURLToPath(new URL('fixtures/', import.meta.url)) + name;

describe('8-bit floats', () => {
  const stored = readSafetensors(fixture('float8.safetensors'));
  const expected = readSafetensors(fixture('float8-values.safetensors'));

  it.each(['codes43', 'codes52'])('have the values of ml_dtypes, %s', (name) => {
    expect([...stored.get(name).data]).toEqual([...expected.get(name).data]);
  });

  it.each(['block', 'row', 'rows', 'column', 'whole', 'one', 'tall'])('are scaled by %s', (name) => {
    const { data } = readMatrix(`${fixture('float8.safetensors')}#${name}`);
    expect([...data]).toEqual([...expected.get(`${name}.weight`).data]);
  });

  it('are scaled by blocks of the size that config.json says', () => {
    const path = join(folder, 'blocks');
    mkdirSync(path);
    cpSync(fixture('float8.safetensors'), join(path, 'model.safetensors'));
    const config = (size: unknown) =>
      writeFileSync(
        join(path, 'config.json'),
        JSON.stringify({ quantization_config: { weight_block_size: size } }),
      );
    config([65, 100]);
    const { data } = readMatrix(`${path}#block`);
    const raw = stored.get('block.weight').data;
    // Row 64 is the last of the first blocks, and column 100 the first of the second ones.
    expect(data[64 * 129 + 99]).toBe(0.5 * raw[64 * 129 + 99]!);
    expect(data[64 * 129 + 100]).toBe(2 * raw[64 * 129 + 100]!);
    expect(data[65 * 129 + 99]).toBe(-3 * raw[65 * 129 + 99]!);
    config([64, 64]);
    expectRefusal(() => readMatrix(`${path}#block`), /scales of shape \[2, 2\] .* a block of 64 x 64/);
    config('x');
    expectRefusal(() => readMatrix(`${path}#block`), /weight_block_size: "x"; must be two whole numbers/);
  });

  it('of a stack have a scale each', () => {
    const { data } = readMatrix(`${fixture('float8.safetensors')}#experts[1]`);
    expect([...data]).toEqual([...expected.get('experts').data.slice(12)]);
  });

  it.each([
    [
      'bare',
      /F8_E4M3 with no scale beside it \(tensor bare\.weight\); must be with one of bare\.weight_scale_inv/,
    ],
    ['two', /with 2 scales beside it \(tensor two\.weight\)/],
    [
      'odd',
      /scales of shape \[2\] for a tensor of shape \[3, 4\] \(odd\.weight_scale\); must be one scale for/,
    ],
  ])('are refused without a scale that is known, %s', (name, reason) => {
    expectRefusal(() => readMatrix(`${fixture('float8.safetensors')}#${name}`), reason);
  });
});

describe('quantized weights are refused by the name of what made them', () => {
  /** A file of tensors without numbers that matter. */
  function made(name: string, tensors: Record<string, [dtype: string, bytes: number]>): string {
    let end = 0;
    const header = JSON.stringify(
      Object.fromEntries(
        Object.entries(tensors).map(([key, [dtype, bytes]]) => [
          key,
          {
            dtype,
            shape: dtype === 'I32' ? [1, bytes / 4] : [1, bytes],
            data_offsets: [end, (end += bytes)],
          },
        ]),
      ),
    );
    const start = Buffer.alloc(8);
    start.writeBigUInt64LE(BigInt(header.length));
    const path = join(folder, `${name}.safetensors`);
    writeFileSync(path, Buffer.concat([start, Buffer.from(header), Buffer.alloc(end)]));
    return path;
  }
  it.each<[string, Record<string, [string, number]>, RegExp]>([
    [
      'l.weight',
      { 'l.weight': ['U8', 8], 'l.weight.absmax': ['U8', 4] },
      /U8, quantized by bitsandbytes: dequantize it first \(tensor l\.weight\)/,
    ],
    ['l8.weight', { 'l8.weight': ['I8', 8], 'l8.SCB': ['U8', 4] }, /I8, .*bitsandbytes, LLM\.int8/],
    ['g.qweight', { 'g.qweight': ['I32', 8], 'g.qzeros': ['I32', 8] }, /I32, .*GPTQ or AWQ/],
    ['c.weight', { 'c.weight': ['I8', 8], 'c.weight_scale': ['U8', 8] }, /I8, .*another package/],
  ])('%s', (name, tensors, reason) => {
    const path = made(name, tensors);
    expectRefusal(() => readMatrix(`${path}#${name}`), reason);
    expect(readFileSync(path).length).toBeGreaterThan(0);
  });
});

it('spacings of 8-bit floats are times their scale, those of others as they are', () => {
  const bytes = safetensorsBytes(
    {
      'fc.weight': { dtype: 'F8_E4M3', shape: [2, 2], data_offsets: [0, 4] },
      'fc.weight_scale': { dtype: 'F32', shape: [2, 1], data_offsets: [4, 12] },
      plain: { dtype: 'F32', shape: [1], data_offsets: [12, 16] },
    },
    16,
  );
  // 1, 2; -1.5, the least: their neighbours are 0.125, 0.25, 0.125 and 2^-9 away.
  bytes.set([0x38, 0x40, 0xbc, 0x01], bytes.length - 16);
  bytes.writeFloatLE(0.5, bytes.length - 12);
  bytes.writeFloatLE(3, bytes.length - 8);
  bytes.writeFloatLE(1, bytes.length - 4);
  const path = join(folder, 'eight.safetensors');
  writeFileSync(path, bytes);
  const file = openCheckpoint(path);
  expect([...file.get('fc.weight').data]).toEqual([0.5, 1, -4.5, 3 * 2 ** -9]);
  expect([...file.spacings('fc.weight').data]).toEqual([0.0625, 0.125, 0.375, 3 * 2 ** -9]);
  expect([...file.spacings('plain').data]).toEqual([2 ** -23]);
});
