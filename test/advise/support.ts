/** Checkpoints that are made for tests of advice, in folders of their own. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { adviseSchema, type AdviseConfig } from '../../src/advise/config.js';
import { advise, type Advice, type Advised } from '../../src/advise/advise.js';
import { decomposeWeights, mergeAdvice, openAdvice } from '../../src/advise/folderAdvice.js';
import { toHalf } from '../../src/files/floatFormats.js';
import { origin } from '../../src/host/provenance.js';
import { product, readSafetensors } from '../../src/files/safetensors.js';
import { writeSafetensors, type WrittenTensor } from '../../src/files/writeSafetensors.js';
import { dense, type Dense } from '../../src/numbers/dense.js';
import { multiplyTransposedRight } from '../../src/numbers/products.js';
import { normals } from '../../src/numbers/philox.js';

export const work = mkdtempSync(join(tmpdir(), 'rankflow-advise-'));
afterAll(() => rmSync(work, { recursive: true }));

export type Dtype = 'F32' | 'BF16' | 'F16';

/** A tensor in a type. */
export const tensor = (
  shape: readonly number[],
  data: ArrayLike<number>,
  dtype: Dtype = 'F32',
): WrittenTensor =>
  dtype === 'F32' ? { shape, data: Float32Array.from(data) } : { dtype, shape, data: toHalf(data, dtype) };

/** A checkpoint folder of these tensors, with a config.json if there is one. */
export function checkpoint(
  name: string,
  tensors: Readonly<Record<string, WrittenTensor>>,
  config?: object,
  file = 'model.safetensors',
): string {
  const folder = join(work, name);
  mkdirSync(folder, { recursive: true });
  writeSafetensors(join(folder, file), tensors);
  if (config) writeFileSync(join(folder, 'config.json'), JSON.stringify(config));
  return folder;
}

/** Numbers N(0, deviation^2) of no structure, the same in every run. */
export function random(shape: readonly number[], seed: number, deviation = 1): Float64Array {
  return normals(product(shape), { seed, rank: 1, trial: 0 }, 'mixing').map((value) => deviation * value);
}

/** A sum of `sigma.length` random directions, of about these singular values. */
export function lowRank(rows: number, cols: number, sigma: readonly number[], seed: number): Dense {
  const x = dense(rows, sigma.length, random([rows, sigma.length], seed, 1 / Math.sqrt(rows)));
  const y = dense(cols, sigma.length, random([cols, sigma.length], seed + 1, 1 / Math.sqrt(cols)));
  x.data.forEach((value, at) => (x.data[at] = value * sigma[at % sigma.length]!));
  return multiplyTransposedRight(x, y);
}

export const plus = (a: Float64Array, b: ArrayLike<number>): Float64Array =>
  a.map((value, i) => value + b[i]!);

export const silent = { start: () => undefined, done: () => undefined };

/** Advice on a pair with a config's defaults but for what is given. */
export const advised = (base: string, tuned: string, config: Partial<AdviseConfig> = {}): Promise<Advised> =>
  advise(base, tuned, adviseSchema.parse(config), silent);

/** Advice on a pair, and its adapters, in `NAME-adapters` of the working folder. */
export async function writtenAdvice(
  name: string,
  base: string,
  tuned: string,
  given: Partial<AdviseConfig>,
): Promise<Advice> {
  const config = adviseSchema.parse({ ...given, write: join(work, `${name}-adapters`) });
  const folder = await openAdvice(join(work, `${name}-out`), { base, tuned, config });
  await decomposeWeights(folder, origin({ name: 'cpu', device: 'a test', precision: 'float64' }));
  return (await mergeAdvice(folder, [], silent)).advice;
}

/** A tensor of an adapter that was written. */
export const writtenTensor = (name: string, budget: string, module: string, part: 'A' | 'B') =>
  readSafetensors(join(work, `${name}-adapters`, budget, 'adapter_model.safetensors')).get(
    `base_model.model.${module}.lora_${part}.weight`,
  );
