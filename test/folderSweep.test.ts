/** Plans cut in chunks and shards, and agendas that end early. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkConfig } from '../src/input/checkConfig.js';
import { computeSweep } from '../src/run/computeSweep.js';
import { newSweep, openSweep } from '../src/run/folderSweep.js';
import { mergeSweep } from '../src/run/mergeSweep.js';
import { Agenda } from '../src/run/agenda.js';
import { parseShard } from '../src/input/shard.js';
import { chunksOf, ofShard, trialsOf } from '../src/sweep/chunks.js';
import { sweepSchema, type SweepInput } from '../src/sweep/config.js';
import { makePlan } from '../src/sweep/plan.js';
import { computeFolder, newPath, smallSweep, temporaryFolder } from './sweepFolders.js';

const work = temporaryFolder('folder');
const small: SweepInput = { ...smallSweep, trials: 5000 };
const config = (input: SweepInput) => checkConfig(sweepSchema, input);
const planOf = (input: SweepInput) => makePlan(config(input));

const computed = (input: SweepInput) => computeFolder(work, input);

const trialFiles = (path: string) => readdirSync(join(path, 'trials')).sort();

describe('chunks', () => {
  it('are the same for everyone, hold every trial once, and are small', async () => {
    const plan = await planOf({ ...small, ranks: [1, 2, 6], trials: 9000 });
    const chunks = chunksOf(plan);
    expect(chunks.length).toBeGreaterThan(6);
    const seen = new Set<string>();
    for (const { spans } of chunks)
      for (const { cell, from, to } of spans)
        for (let trial = from; trial < to; trial++) seen.add(`${cell} ${trial}`);
    expect(seen.size).toBe(27_000);
    expect(chunks.reduce((sum, chunk) => sum + trialsOf(chunk), 0)).toBe(27_000);
    expect(Math.max(...chunks.map(trialsOf))).toBe(4096);
    expect(
      chunksOf(await planOf({ ...small, ranks: [1, 2, 6], trials: 9000, workers: 7, chunk: 3 })),
    ).toEqual(chunks);
  });

  it('of large trajectories are of few, and of small cells together', async () => {
    const large = chunksOf(await planOf({ ...small, shape: ['400x400'], ranks: [64], trials: 9 }));
    expect(large.map(trialsOf)).toEqual([5, 4]);
    const cells = chunksOf(await planOf({ ...small, ranks: [1, 2, 3, 4], trials: 5 }));
    expect(cells).toHaveLength(1);
    expect(cells[0]!.spans).toHaveLength(4);
  });

  it('are shared out by shards without rest', async () => {
    const plan = await planOf({ ...small, trials: 30_000 });
    const chunks = chunksOf(plan);
    const shards = [1, 2, 3].map((number) => ofShard(chunks, { number, of: 3 }, plan));
    expect(shards.flat().sort((a, b) => a.index - b.index)).toEqual(chunks);
    const adaptive = await planOf({ ...small, targetCi: 0.1 });
    const own = ofShard(chunksOf(adaptive), { number: 2, of: 2 }, adaptive);
    expect(new Set(own.map(({ spans }) => spans[0]!.cell))).toEqual(new Set([1]));
  });

  it.each([
    ['3/8', {}, { number: 3, of: 8 }],
    ['auto', { SLURM_ARRAY_TASK_ID: '2', SLURM_ARRAY_TASK_COUNT: '8' }, { number: 3, of: 8 }],
    [
      'auto',
      { SLURM_ARRAY_TASK_ID: '12', SLURM_ARRAY_TASK_MIN: '10', SLURM_ARRAY_TASK_COUNT: '4' },
      { number: 3, of: 4 },
    ],
    ['auto', { JOB_COMPLETION_INDEX: '0', RANKFLOW_SHARDS: '5' }, { number: 1, of: 5 }],
    [
      'auto',
      {
        ...{ SLURM_ARRAY_TASK_ID: '3', SLURM_ARRAY_TASK_MIN: '3', SLURM_ARRAY_TASK_COUNT: '1' },
        ...{ RANKFLOW_SHARDS: '2000', RANKFLOW_SHARD_OFFSET: '1001' },
      },
      { number: 1005, of: 2000 },
    ],
  ])('shard %s of %j', (text, environment, shard) => {
    expect(parseShard(text, environment)).toEqual(shard);
  });

  it.each([
    ['0/8', {}],
    ['9/8', {}],
    ['1', {}],
    ['auto', {}],
    ['auto', { SLURM_ARRAY_TASK_ID: '3' }],
    ['auto', { JOB_COMPLETION_INDEX: '1' }],
    ['auto', { SLURM_ARRAY_TASK_ID: '9', RANKFLOW_SHARD_OFFSET: '1001', RANKFLOW_SHARDS: '1010' }],
  ])('refuse shard %s of %j', (text, environment) => {
    expect(() => parseShard(text, environment)).toThrow('invalid shard');
  });
});

describe('an agenda with a target', () => {
  it('goes on with a cell until its interval is narrow, or its trials are done', async () => {
    const plan = await planOf({ ...small, trials: 1000, targetCi: 0.1 });
    const chunks = chunksOf(plan);
    // Looks at 64, 128, 256, ... trials of each of the two cells.
    expect(chunks.map(trialsOf)).toEqual([64, 64, 128, 256, 488, 64, 64, 128, 256, 488]);
    const agenda = new Agenda(plan, chunks);
    expect(agenda.next().map(({ index }) => index)).toEqual([0, 5]);
    const wide = Array.from({ length: 64 }, (_, i) => (i % 2 ? 10 : 0));
    agenda.add(chunks[0]!, wide);
    // Half width of two values 1.0 and 1.001: far below a tenth.
    agenda.add(
      chunks[5]!,
      Array.from({ length: 64 }, (_, i) => 1 + (i % 2) / 1000),
    );
    expect(agenda.next().map(({ index }) => index)).toEqual([1]);
    for (const index of [1, 2, 3]) agenda.add(chunks[index]!, wide);
    expect(agenda.next().map(({ index }) => index)).toEqual([4]);
    agenda.add(chunks[4]!, wide);
    expect(agenda.next()).toEqual([]);
    expect(agenda.needed().map(({ index }) => index)).toEqual([0, 1, 2, 3, 4, 5]);
  });

  it('decides on a chunk by those before it, whatever else is there', async () => {
    const plan = await planOf({ ...small, trials: 1000, targetCi: 0.1 });
    const chunks = chunksOf(plan);
    const agenda = new Agenda(plan, chunks);
    agenda.add(chunks[1]!, [1, 1]);
    expect(agenda.next().map(({ index }) => index)).toEqual([0, 5]);
  });

  it('ends a sweep early, with the same trials in shards', async () => {
    const input: SweepInput = { ...small, trials: 2000, targetCi: 0.05 };
    const whole = await computed(input);
    const cells = await mergeSweep(await openSweep(whole));
    for (const { accuracy, trials } of cells) {
      expect((accuracy.ciHigh - accuracy.ciLow) / 2 / accuracy.mean).toBeLessThan(0.05);
      expect(trials).toBeLessThan(2000);
      expect(trials).toBeGreaterThanOrEqual(64);
    }
    const path = newPath(work);
    for (const number of [2, 1])
      await computeSweep(await newSweep(config(input), path), { shard: { number, of: 2 } });
    expect(trialFiles(path)).toEqual(trialFiles(whole));
  });
});
