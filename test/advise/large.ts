/** Checkpoint pairs of made-up weights in bfloat16, as large as is asked for, written weight by weight. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { toHalf } from '../../src/files/floatFormats.js';
import { fromHalf } from '../../src/files/safetensors.js';
import { beginSafetensors } from '../../src/files/writeSafetensors.js';
import { lowRank } from './support.js';

/** Entries of about the size of trained ones, of no structure. */
function madeUp(entries: number, seed: number): Uint16Array<ArrayBuffer> {
  const bits = new Uint16Array(entries);
  let state = seed + 1;
  for (let i = 0; i < entries; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    // Sign, one of four exponents from 2^-8 on, and seven bits of the significand.
    bits[i] = ((state >>> 31) << 15) | ((119 + ((state >>> 29) & 3)) << 7) | ((state >>> 20) & 127);
  }
  return bits;
}

/** BASE and TUNED of so many square weights, whose difference is of rank 16, rounded. */
export function largePair(
  folder: string,
  size: number,
  layers: number,
): readonly [base: string, tuned: string] {
  const folders = ['base', 'tuned'].map((part) => join(folder, part)) as [string, string];
  const names = Array.from({ length: layers }, (_, i) => `model.layers.${i}.mlp.up_proj.weight`);
  const planned = Object.fromEntries(
    names.map((name) => [name, { dtype: 'BF16' as const, shape: [size, size] }]),
  );
  const files = folders.map((path) => {
    mkdirSync(path, { recursive: true });
    return beginSafetensors(join(path, 'model.safetensors'), planned);
  });
  names.forEach((name, i) => {
    const before = madeUp(size * size, i);
    const sigma = Array.from({ length: 16 }, (_, k) => 2 / (k + 1));
    const { data } = lowRank(size, size, sigma, 2 * i);
    fromHalf(before, 'BF16').forEach((value, at) => (data[at]! += value));
    files[0]!.write(name, { dtype: 'BF16', data: before });
    files[1]!.write(name, { dtype: 'BF16', data: toHalf(data, 'BF16') });
  });
  for (const file of files) file.finish();
  return folders;
}
