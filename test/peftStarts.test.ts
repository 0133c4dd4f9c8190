/**
 * Computed starts beside PEFT's own on the same W0, gradient and inputs (reference/make_peft_starts.py), and beside
 * their formulas in NumPy where PEFT has none: adapters up to signs of singular and QR vectors, and what is frozen.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { residualOf, type Adapter } from '../src/ensemble/adapter.js';
import { computedNames, computedStart, descentOf } from '../src/ensemble/computedStart.js';
import { InputError } from '../src/host/inputError.js';
import { compared, matricesOf, type PeftCase } from './peftStarts.js';
import { gaussian, relativeError } from './support.js';

const cases = JSON.parse(
  readFileSync(new URL('reference/peft_starts.json', import.meta.url), 'utf8'),
) as PeftCase[];

describe.each(cases)('on a $n x $m matrix', (reference) => {
  const { rank, scale, starts } = reference;
  const matrices = matricesOf(reference);

  it.each(Object.keys(starts))('%s is as published', (name) => {
    const start = computedStart(name);
    const adapter = start.adapter(matrices, rank, scale);
    // PEFT's are in float32: 6e-8 times the condition of singular vectors, at most 2 / 0.08 here.
    expect(compared(adapter, starts[name]!, reference)).toBeLessThan(1e-5);
    expect(start.freezesB).toBe(!starts[name]!.trainsB);
    const frozen = Float64Array.from(starts[name]!.frozen);
    const moved = relativeError(frozen, matrices.base.data) > 1e-3;
    expect(start.movesBase).toBe(moved);
  });

  it('is not that of another start, nor of another parameter', () => {
    const of = (name: string) => computedStart(name).adapter(matrices, rank, scale);
    expect(compared(of('lora-ga'), starts['lora-ga-paper']!, reference)).toBeGreaterThan(0.1);
    expect(compared(of('lora-ga-paper'), starts['lora-ga']!, reference)).toBeGreaterThan(0.1);
    expect(compared(of('lora-ga:8'), starts['lora-ga']!, reference)).toBeGreaterThan(0.1);
    expect(compared(of('lora-one:64'), starts['lora-one']!, reference)).toBeGreaterThan(0.1);
    expect(compared(of('pissa'), starts['olora']!, reference)).toBeGreaterThan(0.1);
  });

  it.each(['pissa', 'olora', 'lora-ga', 'lora-ga-paper'])('%s leaves the model where it was', (name) => {
    const adapter = computedStart(name).adapter(matrices, rank, scale);
    const whole = residualOf(residualOf(matrices.base, adapter, scale), negated(adapter), scale);
    expect(relativeError(whole.data, matrices.base.data)).toBeLessThan(1e-15);
  });
});

const negated = ({ loraA, loraB }: Adapter): Adapter => ({
  loraA,
  loraB: { ...loraB, data: loraB.data.map((value) => -value) },
});

describe('the signs of starts', () => {
  const base = gaussian(7, 5, 3);
  const descent = descentOf(gaussian(7, 5, 4));
  const matrices = { base, descent, covariance: null, n: 7, m: 5 };

  it('make the diagonal of R positive in olora', () => {
    const { loraA, loraB } = computedStart('olora').adapter(matrices, 5, 1);
    for (let i = 0; i < 5; i++) {
      expect(loraA.data[i * 5 + i]).toBeGreaterThan(0);
      for (let j = 0; j < i; j++) expect(Math.abs(loraA.data[i * 5 + j]!)).toBe(0);
    }
    expect(
      relativeError(
        residualOf(base, { loraA, loraB }, 1).data.map((v) => v + 1),
        new Float64Array(35).fill(1),
      ),
    ).toBeLessThan(1e-14);
  });

  it.each(['pissa', 'mica', 'lora-ga', 'lora-ga-paper', 'lora-one'])(
    'make the first of the largest entries of each column of B positive in %s',
    (name) => {
      const { loraB } = computedStart(name).adapter(matrices, 2, 1);
      for (const j of [0, 1]) {
        const column = Array.from({ length: 7 }, (_, i) => loraB.data[i * 2 + j]!);
        const largest = Math.max(...column.map(Math.abs));
        expect(column.find((value) => Math.abs(value) > 0.999 * largest)).toBeGreaterThan(0);
      }
    },
  );
});

describe('a computed start', () => {
  const nothing = { base: null, descent: null, covariance: null, n: 6, m: 5 };

  it.each([
    ['pissa', /base/],
    ['olora', /base/],
    ['mica', /base/],
    ['lora-ga', /gradient/],
    ['lora-one', /gradient/],
    ['eva', /covariance/],
  ])('%s says which matrix it lacks', (name, words) => {
    expect(() => computedStart(name).adapter(nothing, 2, 1)).toThrow(words);
    expect(() => computedStart(name).adapter(nothing, 2, 1)).toThrow(InputError);
  });

  it('of gradients takes two triples for each rank in LoRA-GA', () => {
    const matrices = { ...nothing, descent: descentOf(gaussian(6, 5, 1)) };
    expect(computedStart('lora-ga').adapter(matrices, 2, 1).loraB.cols).toBe(2);
    expect(() => computedStart('lora-ga').adapter(matrices, 3, 1)).toThrow(
      /at most 2 for lora-ga on a 6 x 5/,
    );
    expect(computedStart('lora-one').adapter(matrices, 5, 1).loraB.cols).toBe(5);
    expect(() => computedStart('lora-one').adapter(matrices, 6, 1)).toThrow(InputError);
  });

  it('has no direction in LoRA-One where the gradient is zero', () => {
    const descent = descentOf({ rows: 6, cols: 5, data: new Float64Array(30) });
    expect(() => computedStart('lora-one').adapter({ ...nothing, descent }, 2, 1)).toThrow(/not zero/);
  });

  it.each(['pissa:2', 'eva:1', 'lora-ga:0', 'lora-ga:x', 'lora-one:1:2', 'lora-two', 'constructor'])(
    '%j is refused',
    (spec) => {
      expect(() => computedStart(spec)).toThrow(InputError);
    },
  );

  it('is described by name', () => {
    expect(Object.keys(computedNames)).toEqual(expect.arrayContaining(Object.keys(cases[0]!.starts)));
    expect(computedNames['lora-ga']).toMatch(/PEFT lora_ga/);
  });
});
