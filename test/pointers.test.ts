/** Results folders whose files were left as Git LFS pointers are told so. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { inventory } from '../src/results/parts.js';
import { sweepKind } from '../src/results/partsFolder.js';
import { readSweepFolder } from '../src/results/sweepFolder.js';

const folder = mkdtempSync(join(tmpdir(), 'rankflow-pointers-'));
afterAll(() => rmSync(folder, { recursive: true }));

const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${'4d'.repeat(32)}\nsize 12345\n`;

it('the record of a sweep', () => {
  writeFileSync(join(folder, 'config.json'), pointer);
  expect(() => readSweepFolder(folder)).toThrow(
    /config\.json: a Git LFS pointer, without the data; must be the file itself: fetch it with git lfs pull/,
  );
});

it('a part', () => {
  mkdirSync(join(folder, 'trials'));
  writeFileSync(join(folder, 'trials', 'part-000000-0123456789abcdef.parquet'), pointer);
  const { parts, faults } = inventory(
    { path: folder, kind: sweepKind, hash: 'plan', chunks: [{ index: 0 }] },
    true,
  );
  expect(parts).toEqual([]);
  expect(faults.map(({ reason }) => reason)).toEqual([
    'it is a Git LFS pointer, without the data: fetch it with git lfs pull',
  ]);
});
