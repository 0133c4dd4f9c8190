/** Folders of sweeps: their parts on disk, in shards and after interruptions, and what is damaged among them. */
import { appendFileSync, copyFileSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { describe, expect, it } from 'vitest';
import { openDevice } from '../src/solver/device.js';
import { checkConfig } from '../src/input/checkConfig.js';
import { createFolder } from '../src/results/folder.js';
import { computeSweep } from '../src/run/computeSweep.js';
import { newSweep, openSweep } from '../src/run/folderSweep.js';
import { Incomplete, rangesOf } from '../src/run/mergeParts.js';
import { mergeSweep } from '../src/run/mergeSweep.js';
import { inventory, writePart, type Inventory } from '../src/results/parts.js';
import { readRuns } from '../src/results/runs.js';
import { createPartsFolder, sweepKind } from '../src/results/partsFolder.js';
import { readSweepFolder } from '../src/results/sweepFolder.js';
import { trialColumns, trialTypes } from '../src/results/trialParts.js';
import { type PlanChunk } from '../src/sweep/chunks.js';
import { sweepSchema, type SweepInput } from '../src/sweep/config.js';
import { type Plan } from '../src/sweep/plan.js';
import { sweep } from '../src/run/sweep.js';
import { runTrials } from '../src/run/trials.js';
import type { Trial } from '../src/sweep/row.js';
import { computeFolder, newPath, smallSweep, temporaryFolder } from './sweepFolders.js';

const work = temporaryFolder('folder');
const small: SweepInput = { ...smallSweep, trials: 5000 };
const config = (input: SweepInput) => checkConfig(sweepSchema, input);

const computed = (input: SweepInput) => computeFolder(work, input);

/** The rows of a chunk, computed here. */
async function computedChunk(plan: Plan, { spans }: PlanChunk): Promise<Trial[]> {
  const trials: Trial[] = [];
  for await (const some of runTrials(plan, spans, await openDevice('wasm', { workers: 1 })))
    for (const trial of some) trials.push(trial);
  return trials;
}

const trialFiles = (path: string) => readdirSync(join(path, 'trials')).sort();

describe('a folder', () => {
  it('has the rows of the sweep in memory, as DuckDB reads them, and its summary', async () => {
    const path = await computed(small);
    const cells = await mergeSweep(await openSweep(path));
    expect(cells).toEqual(await sweep(small));
    const database = await (await DuckDBInstance.create(':memory:')).connect();
    const query = `select rank, count(*) as trials, avg(accuracy) as mean, stddev_samp(accuracy) as sd,
      quantile_cont(accuracy, 0.95) as p95, quantile_cont(loss_at_0, 0.5) as median
      from '${join(path, 'trials')}/*.parquet' group by rank order by rank`;
    const rows = (await database.runAndReadAll(query)).getRowObjectsJS();
    rows.forEach((row, i) => {
      const { accuracy, trials, curve } = cells[i]!;
      expect(Number(row['trials'])).toBe(trials);
      const close = (value: unknown, expected: number) => expect(Number(value) / expected).toBeCloseTo(1, 10);
      close(row['mean'], accuracy.mean);
      close(row['sd'], accuracy.sd);
      close(row['p95'], accuracy.p95);
      close(row['median'], curve[0]!.loss.p50);
    });
  });

  const sampled: SweepInput = {
    ...{
      loss: ['linear-regression'],
      covariance: 'exp:0.1',
      spectrum: 'power:1',
      shape: ['8x6'],
      ranks: [1, 2],
    },
    ...{ samples: 9, labelNoise: 0.1, batch: 3, method: 'adamw', step: 0.25, decay: 0.1, time: 1 },
    ...{ init: ['small:0.1'], draws: 3, trials: 1700, backend: 'wasm', workers: 1 },
  };

  it.each([
    ['along the flow', small],
    ['of draws of a noisy target', { ...small, noise: 0.3, draws: 3, trials: 1700 }],
    ['of an optimizer on minibatches of draws', sampled],
  ])('%s is the same, byte by byte, in any number of shards and after any interruption', async (_, input) => {
    const whole = await computed(input);
    const files = trialFiles(whole);
    expect(files.length).toBeGreaterThan(2);
    const path = newPath(work);
    for (const number of [2, 3, 1])
      await computeSweep(await newSweep(config(input), path), { shard: { number, of: 3 } });
    expect(trialFiles(path)).toEqual(files);

    const again = newPath(work);
    expect(await computeSweep(await newSweep(config(input), again), { stop: () => true })).toBe(false);
    expect(trialFiles(again)).toHaveLength(1);
    expect(await computeSweep(await openSweep(again, { workers: 2 }), {})).toBe(true);
    expect(trialFiles(again)).toEqual(files);
    expect(readRuns(again).map(({ state, chunks }) => [state, chunks])).toEqual([
      ['interrupted', 1],
      ['finished', files.length - 1],
    ]);
  });

  it('is made whole by the first of its shards, and records of runs that are none are left out', async () => {
    const path = await computed(small);
    const record = readSweepFolder(path);
    createPartsFolder(path, sweepKind, record, true);
    expect(() => createPartsFolder(path, sweepKind, record)).toThrow('a folder that does not exist yet');
    // Another is faster, and has made it when this one would.
    const raced = join(work, 'raced');
    const late = {
      get 'config.json'() {
        createFolder(raced, [], { first: '' });
        return '';
      },
    };
    expect(() => createFolder(raced, ['trials'], late)).toThrow('a folder that can be made');
    expect(readdirSync(raced)).toEqual(['first']);
    expect(readdirSync(work).filter((name) => name.endsWith('.part'))).toEqual([]);
    writeFileSync(join(path, 'runs', 'a.json'), '{"state": "run');
    writeFileSync(join(path, 'runs', 'b.json'), '{}');
    expect(readRuns(path)).toHaveLength(1);
  });

  it('is not merged while chunks are missing', async () => {
    const path = await computed(small);
    const [first] = trialFiles(path);
    rmSync(join(path, 'trials', first!));
    await expect(mergeSweep(await openSweep(path))).rejects.toThrow('1 chunks are missing: 0');
    expect(readdirSync(path)).not.toContain('report.html');
  });

  it('of another plan is refused as one to go on with', async () => {
    const path = await computed({ ...small, trials: 10 });
    const other = await newSweep(config({ ...small, trials: 11 }), path);
    await expect(computeSweep(other, { shard: { number: 1, of: 2 } })).rejects.toThrow(
      'a folder of the same sweep',
    );
    await expect(computeSweep(other, {})).rejects.toThrow('a folder that does not exist yet');
    const file = join(path, 'config.json');
    const record = JSON.parse(readFileSync(file, 'utf8'));
    writeFileSync(file, JSON.stringify({ ...record, config: { ...record.config, seed: 1 } }));
    await expect(openSweep(path)).rejects.toThrow('are as they were');
    writeFileSync(file, '{}');
    expect(() => readSweepFolder(path)).toThrow('the results folder of a sweep (config.json is not one');
  });

  it('whose matrix has changed is refused', async () => {
    const matrix = join(work, 'w.csv');
    writeFileSync(matrix, '2,0\n0,1\n');
    const path = await computed({ target: matrix, ranks: [1], trials: 3, backend: 'wasm', time: 1 });
    await openSweep(path);
    appendFileSync(matrix, '0,0\n');
    await expect(openSweep(path)).rejects.toThrow('are as they were');
  });

  it('names runs of chunks', () => {
    const of = (...indices: number[]) => rangesOf(indices.map((index) => ({ index, spans: [] })));
    expect(of(0, 1, 2, 5, 7, 8)).toBe('0-2, 5, 7-8');
    expect(of(...Array.from({ length: 12 }, (_, i) => 2 * i))).toContain('and 2 more ranges');
  });
});

describe('what is no part', () => {
  /** A pseudo-random number below `below`, for the k-th trial of a test. */
  const draw = (k: number, below: number) => (Math.imul(k + 1, 2654435761) >>> 0) % below;

  it('is detected: 50 truncations, 50 flipped bytes, a foreign part, one of another chunk, one that is there twice', async () => {
    const path = await computed(small);
    const begun = await openSweep(path);
    const files = trialFiles(path);
    const look = (): Inventory => inventory(begun, true);
    expect(look()).toMatchObject({ faults: [], parts: { length: files.length } });
    const damaged = (file: string, bytes: Uint8Array) => {
      const whole = readFileSync(join(path, 'trials', file));
      writeFileSync(join(path, 'trials', file), bytes);
      const { parts, faults } = look();
      expect(faults).toEqual([
        { file: join(path, 'trials', file), reason: expect.stringContaining('damaged') },
      ]);
      expect(parts).toHaveLength(files.length - 1);
      writeFileSync(join(path, 'trials', file), whole);
    };
    for (let k = 0; k < 50; k++) {
      const file = files[k % files.length]!;
      const whole = readFileSync(join(path, 'trials', file));
      damaged(file, whole.subarray(0, draw(k, whole.length)));
      const flipped = Buffer.from(whole);
      flipped[draw(k + 50, whole.length)]! ^= 1 << (k % 8);
      damaged(file, flipped);
    }

    const foreign = await computed({ ...small, seed: 7 });
    const [other] = trialFiles(foreign);
    copyFileSync(join(foreign, 'trials', other!), join(path, 'trials', other!));
    expect(look().faults.map(({ reason }) => reason)).toEqual(['it belongs to another plan']);
    await expect(mergeSweep(await openSweep(path))).rejects.toThrow('it belongs to another plan');
    rmSync(join(path, 'trials', other!));

    const moved = files[0]!.replace('part-000000', 'part-000001');
    copyFileSync(join(path, 'trials', files[0]!), join(path, 'trials', moved));
    expect(look().faults.map(({ reason }) => reason)).toEqual(['it is of chunk 0']);
    // Seen by its name alone, the chunk is there twice.
    expect(inventory(begun, false).faults.map(({ reason }) => reason)).toEqual([
      'chunk 1 is there 2 times',
      'chunk 1 is there 2 times',
    ]);
    rmSync(join(path, 'trials', moved));

    writeFileSync(join(path, 'trials', 'notes.parquet'), '');
    writeFileSync(join(path, 'trials', 'part-000001-0123456789abcdef.parquet.7.part'), 'x');
    expect(look().faults.map(({ reason }) => reason)).toEqual(['its name is none of a part']);
  });

  it.each([' (1)', ' - Copy', ' copy 2'])(
    'is no copy of a part named %j, which a merge takes once',
    async (suffix) => {
      const path = await computed(small);
      const begun = await openSweep(path);
      const files = trialFiles(path);
      const trial = (name: string) => join(path, 'trials', name);
      const copy = files[0]!.replace('.parquet', `${suffix}.parquet`);
      const cells = await mergeSweep(await openSweep(path));
      copyFileSync(trial(files[0]!), trial(copy));
      for (const readBytes of [true, false])
        expect(inventory(begun, readBytes)).toMatchObject({
          faults: [],
          parts: files.map((name, chunk) => ({ chunk, file: trial(name) })),
        });
      expect(await mergeSweep(await openSweep(path))).toEqual(cells);
      // The copy alone is the part; damaged, it is none.
      rmSync(trial(files[0]!));
      expect(await mergeSweep(await openSweep(path))).toEqual(cells);
      writeFileSync(trial(copy), readFileSync(trial(copy)).subarray(0, 100));
      await expect(mergeSweep(await openSweep(path))).rejects.toThrow('damaged');
    },
  );

  it('is set aside when the sweep goes on, and computed anew', async () => {
    const path = await computed(small);
    const files = trialFiles(path);
    const whole = readFileSync(join(path, 'trials', files[1]!));
    writeFileSync(join(path, 'trials', files[1]!), whole.subarray(0, 100));
    let told: readonly string[] = [];
    await computeSweep(await openSweep(path), {
      watch: {
        start: (_, __, todo, faults) => void (told = [String(todo), ...faults.map(({ reason }) => reason)]),
      },
    });
    expect(told).toEqual([expect.stringMatching(/^\d+$/), expect.stringContaining('damaged')]);
    expect(readFileSync(join(path, 'trials', files[1]!)).equals(whole)).toBe(true);
    expect(readdirSync(join(path, 'set-aside'))).toEqual([files[1]]);
  });

  it('is what two folders of shards have both', async () => {
    const [one, two] = [await computed(small), await computed(small)];
    const both = async () => mergeSweep(await openSweep(one), [await openSweep(two)]);
    expect(await both()).toEqual(await mergeSweep(await openSweep(one)));
    expect(trialFiles(one)).toEqual(trialFiles(two));
    // The same chunk with other rows, in a part that is whole.
    const seen = await computed({ ...small, seed: 9 });
    rmSync(join(two, 'trials', trialFiles(two)[0]!));
    const begun = await openSweep(two);
    const other = await openSweep(seen);
    const rows: Trial[] = await computedChunk(other.plan, other.chunks[0]!);
    expect(begun.plan.config.seed).toBe(0);
    writePart(begun, inventory(begun, true).arithmetic!, 0, trialColumns(rows), trialTypes);
    await expect(both()).rejects.toThrow(Incomplete);
    await expect(both()).rejects.toThrow(/chunk 0 is another than in /);
  });
});
