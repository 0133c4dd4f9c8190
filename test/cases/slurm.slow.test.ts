/** Sweeps of more shards than an array job may have. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { run } from './run.js';

it('are shown as several arrays', async () => {
  const { code, stdout, folder } = await run(
    'rankflow sweep submit --slurm --shards 2000 --dry-run --spectrum power:1 --shape 8x8 --ranks 1 --trials 100 --out out',
  );
  expect(code).toBe(0);
  const lines = (pattern: RegExp) => [...stdout.matchAll(pattern)].map(([, found]) => found);
  expect(lines(/^#SBATCH --array=(.*)$/gm)).toEqual(['0-1000', '0-998']);
  expect(lines(/^export (.*)$/gm)).toEqual([
    'RANKFLOW_SHARDS=2000 RANKFLOW_SHARD_OFFSET=0',
    'RANKFLOW_SHARDS=2000 RANKFLOW_SHARD_OFFSET=1001',
  ]);
  expect(existsSync(join(folder, 'out'))).toBe(false);
});
