/** 16-bit floats and spacings against the decoder of float16, the bits of float32, and neighbours by search. */
import { describe, expect, it } from 'vitest';
import { toHalf, toSpacings, type Half } from '../src/files/floatFormats.js';
import { fromHalf } from '../src/files/safetensors.js';

const bits = Uint16Array.from({ length: 2 ** 16 }, (_, i) => i);

describe.each<Half>(['BF16', 'F16'])('%s', (dtype) => {
  const values = fromHalf(bits, dtype);
  /** All finite ones that are not negative, in order. */
  const ordered = [...values].filter((value, i) => i < 2 ** 15 && Number.isFinite(value));

  it('keeps each of its numbers', () => {
    const finite = [...bits].filter((i) => Number.isFinite(values[i]!) && i !== 0x8000);
    expect([
      ...toHalf(
        finite.map((i) => values[i]!),
        dtype,
      ),
    ]).toEqual(finite);
  });

  it('rounds to the nearest, and of two to the even one', () => {
    const middles = ordered.slice(0, -1).map((value, i) => (value + ordered[i + 1]!) / 2);
    expect([...toHalf(middles, dtype)]).toEqual(middles.map((_, i) => i + (i % 2)));
    const nudged = (by: number) => middles.slice(1).map((value) => value * (1 + by));
    expect([...toHalf(nudged(1e-9), dtype)]).toEqual(middles.slice(1).map((_, i) => i + 2));
    expect([...toHalf(nudged(-1e-9), dtype)]).toEqual(middles.slice(1).map((_, i) => i + 1));
  });

  it('has infinity beyond its largest', () => {
    const largest = ordered.at(-1)!;
    const beyond = fromHalf(toHalf([largest * 1.01, -largest * 1.01, 1e300], dtype), dtype);
    expect([...beyond]).toEqual([Infinity, -Infinity, Infinity]);
  });

  it('has its spacing from each number to the next', () => {
    const spacings = Float64Array.from(ordered.slice(0, -1));
    toSpacings(spacings, dtype);
    expect([...spacings]).toEqual(ordered.slice(1).map((value, i) => value - ordered[i]!));
  });
});

it('float32 has the spacing of its bits', () => {
  const values = Float32Array.from({ length: 200 }, (_, i) => Math.sin(1 + i) * 10 ** ((i % 60) - 30));
  const next = new Float32Array(new Uint32Array(values.buffer.slice(0)).map((each) => each + 1).buffer);
  const spacings = Float64Array.from(values);
  toSpacings(spacings, 'F32');
  expect([...spacings]).toEqual([...values].map((value, i) => Math.abs(next[i]! - value)));
});
