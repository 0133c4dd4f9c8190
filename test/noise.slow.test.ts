/** Sweeps over draws of the target in folders: more trials than a chunk has. */
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { computeSweep } from '../src/run/computeSweep.js';
import { openSweep } from '../src/run/folderSweep.js';
import { mergeSweep } from '../src/run/mergeSweep.js';
import type { SweepInput } from '../src/sweep/config.js';
import { computeFolder, temporaryFolder } from './sweepFolders.js';

const work = temporaryFolder('draws');

const input: SweepInput = {
  ...{ spectrum: [2, 1], shape: ['8x6'], noise: 0.5, draws: 800, ranks: [1, 2, 4], trials: 2, seed: 5 },
  ...{ time: 1, saveTimes: [0.5, 1], backend: 'wasm', workers: 1, rtol: 1e-3 },
};

it('are resumed, sharded and merged to the same rows', async () => {
  const whole = await computeFolder(work, input);
  const merged = await mergeSweep(await openSweep(whole));
  expect(merged.map(({ draws, trials, riskByDraw }) => [draws, trials, riskByDraw.length])).toEqual(
    [1, 2, 4].map(() => [800, 1600, 800]),
  );
  const shards = [];
  for (const number of [1, 2])
    shards.push(await openSweep(await computeFolder(work, input, { number, of: 2 })));
  const path = join(work, 'merged');
  expect(await mergeSweep({ ...shards[0]!, path, record: null }, shards)).toEqual(merged);
  const files = readdirSync(join(whole, 'trials'));
  expect(files.length).toBeGreaterThan(1);
  for (const file of files.slice(1)) rmSync(join(whole, 'trials', file));
  expect(await computeSweep(await openSweep(whole), {})).toBe(true);
  // The names have digests of the bytes.
  expect(readdirSync(join(whole, 'trials'))).toEqual(files);
});
