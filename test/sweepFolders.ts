/** Folders of small sweeps for tests: a temporary place for a test file, and folders computed in it. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect } from 'vitest';
import { checkConfig } from '../src/input/checkConfig.js';
import { computeSweep } from '../src/run/computeSweep.js';
import { newSweep } from '../src/run/folderSweep.js';
import { sweepSchema, type SweepInput } from '../src/sweep/config.js';

/** A sweep of two cells in several chunks, in well under a second. */
export const smallSweep: SweepInput = {
  ...{ spectrum: 'power:1', shape: ['8x6'], ranks: [1, 2], init: ['small:0.1'], time: 1 },
  ...{ backend: 'wasm', rtol: 1e-3, saveTimes: [0.5, 1], workers: 1 },
};

/** A temporary folder, removed after the tests of the file. */
export function temporaryFolder(name: string): string {
  const folder = mkdtempSync(join(tmpdir(), `rankflow-${name}-`));
  afterAll(() => rmSync(folder, { recursive: true }));
  return folder;
}

let count = 0;

/** A path below `parent` that no folder has yet. */
export const newPath = (parent: string): string => join(parent, `sweep-${count++}`);

/** A new folder below `parent` with all parts of a sweep, or of a shard of it, but no summary. */
export async function computeFolder(
  parent: string,
  input: SweepInput,
  shard = { number: 1, of: 1 },
): Promise<string> {
  const path = newPath(parent);
  expect(await computeSweep(await newSweep(checkConfig(sweepSchema, input), path), { shard })).toBe(true);
  return path;
}
