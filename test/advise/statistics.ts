/** Statistics of weights for tests: made up, and written as files of the format. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import type { Statistics, WeightStatistics } from '../../src/advise/forecast/statistics.js';
import { writeSafetensors } from '../../src/files/writeSafetensors.js';
import type { Dense } from '../../src/numbers/dense.js';
import type { LowRank } from '../../src/numbers/operator.js';
import { covariance, gaussian } from '../support.js';

const folder = mkdtempSync(join(tmpdir(), 'rankflow-stats-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** A path in a folder of the tests' own. */
export const fileAt = (name: string): string => join(folder, name);

/** Statistics of a weight by whole matrices. */
export interface DenseStatistics extends WeightStatistics {
  readonly gradient: Dense;
  readonly outputCovariance: Dense;
  readonly covariance: Dense;
}

/** Statistics of a weight [n, m], different for each seed. */
export const weight = (name: string, n: number, m: number, seed: number): DenseStatistics => ({
  name,
  gradient: gaussian(n, m, seed, 0.3),
  outputCovariance: covariance(n, seed + 1),
  covariance: covariance(m, seed + 2),
});

export const statisticsOf = (weights: readonly WeightStatistics[]): Statistics => ({
  ...{
    weights,
    loss: 3,
    floor: 0,
    samples: 1000,
    draws: 'exact',
    curvature: null,
    cosine: 0.95,
    along: null,
  },
});

export type Tensors = Record<string, { shape: number[]; data: Float32Array }>;

export const tensor = ({ rows, cols, data }: Dense) => ({
  shape: [rows, cols],
  data: Float32Array.from(data),
});

export const tensorsOf = (weights: readonly DenseStatistics[]): Tensors =>
  Object.fromEntries(
    weights.flatMap(({ name, gradient, outputCovariance, covariance: inputs }) => [
      [`${name}.G`, tensor(gradient)],
      [`${name}.S`, tensor(outputCovariance)],
      [`${name}.H`, tensor(inputs)],
    ]),
  );

/** The tensors of a moment by its directions, in place of that of this name. */
export const momentTensors = (name: string, { rows, left, weights, shift }: LowRank): Tensors => ({
  [`${name}.vectors`]: tensor(left),
  [`${name}.values`]: { shape: [weights.length], data: Float32Array.from(weights, (w) => w + shift) },
  [`${name}.rest`]: { shape: [], data: Float32Array.of((rows - weights.length) * shift) },
});

/** The tensors of a gradient by its directions. */
export const gradientTensors = (name: string, { left, weights, right }: LowRank): Tensors => ({
  [`${name}.U`]: tensor(left),
  [`${name}.sigma`]: { shape: [weights.length], data: Float32Array.from(weights) },
  [`${name}.V`]: tensor(right),
});

export const metadata = {
  format: 'rankflow-stats/1',
  loss: '3',
  loss_floor: '0',
  samples: '100',
  draws: '8',
};

/** Writes a file of the format; keys of the metadata that are undefined are left out. */
export function writeStatistics(
  name: string,
  tensors: Tensors,
  changes: Readonly<Record<string, string | undefined>> = {},
): string {
  const path = fileAt(name);
  const all = Object.entries({ ...metadata, ...changes }).filter(([, value]) => value !== undefined);
  writeSafetensors(path, tensors, Object.fromEntries(all) as Record<string, string>);
  return path;
}
