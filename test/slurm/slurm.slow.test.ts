/**
 * The jobs of a sweep under a real Slurm: shards that fail once, fail for good, reach their time limit, are cancelled
 * or refused. Skipped where Slurm is not installed.
 */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sweepCalls } from '../../src/cluster/calls.js';
import { slurmSchema, submitSlurm } from '../../src/cluster/slurm.js';
import { checkConfig } from '../../src/input/checkConfig.js';
import { computeSweep } from '../../src/run/computeSweep.js';
import { makeFolder, newSweep, openSweep } from '../../src/run/folderSweep.js';
import { mergeSweep } from '../../src/run/mergeSweep.js';
import { readRuns } from '../../src/results/runs.js';
import { sweepSchema } from '../../src/sweep/config.js';
import { hasSlurm, startSlurm, until, type Slurm } from './slurm.js';

const main = join(import.meta.dirname, '../../dist/src/cli/main.js');

/** Seconds that a test may wait for one thing: a requeued job starts after 6. */
const most = 60;

/** Milliseconds that a test may take, which waits at most twice. */
const limit = 2500 * most;

describe.skipIf(!hasSlurm)('under Slurm', () => {
  let work: string;
  let slurm: Slurm;
  beforeAll(async () => {
    work = mkdtempSync(join(tmpdir(), 'rankflow-jobs-'));
    slurm = await startSlurm();
  });
  afterAll(async () => {
    await slurm?.stop();
    rmSync(work, { recursive: true });
  });

  /** Submits a sweep whose shards do what is told for some of them. */
  function submitted(name: string, options: object, does: Readonly<Record<number, string>>) {
    const folder = join(work, name);
    mkdirSync(folder);
    for (const [shard, text] of Object.entries(does)) writeFileSync(join(folder, `does-${shard}`), text);
    const jobs = submitSlurm({
      ...checkConfig(slurmSchema, options),
      ...{ folder, command: ['bash', join(import.meta.dirname, 'rankflow.sh')], cwd: work },
      calls: sweepCalls(folder),
    });
    const lines = (file: string) =>
      existsSync(join(folder, file)) ? readFileSync(join(folder, file), 'utf8').trim().split('\n') : [];
    const state = (id: string) =>
      /JobState=(\S+)/.exec(slurm.ask('scontrol', 'show', 'job', '--oneliner', id))?.[1];
    return {
      ...jobs,
      arrayId: jobs.arrayIds[0]!,
      folder,
      lines,
      isReady: (shard: number) => existsSync(join(folder, `ready-${shard}`)),
      starts: (shard: number) => lines(`starts-${shard}`).length,
      shardState: (shard: number) => state(`${jobs.arrayIds[0]}_${shard}`),
      mergeState: () => state(jobs.mergeId),
    };
  }

  const all = (count: number) => Array.from({ length: count }, (_, shard) => shard);

  it.concurrent(
    'a shard that fails once is started again, and the merge follows all shards',
    async () => {
      const name = `it's "a" 100%A # $(x)`;
      const options = { shards: 8, throttle: 6, timeLimit: '10', cpusPerTask: 1 };
      const sweep = submitted(name, options, { 3: '[ $start = 1 ] && exit 1' });
      expect(await until(() => sweep.mergeState() === 'COMPLETED', most)).toBe(true);
      expect(sweep.lines('merged')).toEqual(all(8).map((shard) => `done-${shard}`));
      expect(all(8).map(sweep.starts)).toEqual([1, 1, 1, 2, 1, 1, 1, 1]);
      expect(sweep.lines('starts-3')).toEqual(Array(2).fill(`3 of 8 in ${work}`));
      const logs = all(8).map((shard) => `${sweep.arrayId}_${shard}.log`);
      const files = [...logs, 'array.sh', 'merge.sh', `merge_${sweep.mergeId}.log`];
      expect(readdirSync(join(sweep.folder, 'slurm')).sort()).toEqual(files.sort());
      const log = sweep.lines(`slurm/${sweep.arrayId}_3.log`).join('\n');
      expect(log).toMatch(/start 1\n.*ended with 1 and is requeued\n[^]*start 2/);
    },
    limit,
  );

  it.concurrent(
    'shards that are more than an array may have are several, which the merge follows',
    async () => {
      const sweep = submitted('many', { shards: 12, gres: '' }, { 11: '[ $start = 1 ] && exit 1' });
      expect(sweep.arrayIds).toHaveLength(2);
      expect(await until(() => sweep.mergeState() === 'COMPLETED', most)).toBe(true);
      expect(sweep.lines('merged').sort()).toEqual(
        all(12)
          .map((shard) => `done-${shard}`)
          .sort(),
      );
      expect(sweep.lines('starts-11')).toEqual(Array(2).fill(`11 of 12 in ${work}`));
    },
    limit,
  );

  it.concurrent(
    'a shard that always fails ends the sweep without a merge',
    async () => {
      const sweep = submitted('fails', { shards: 2, maxRestarts: 1 }, { 1: 'exit 1' });
      expect(await until(() => sweep.mergeState() === 'CANCELLED', most)).toBe(true);
      expect([sweep.shardState(0), sweep.shardState(1)]).toEqual(['COMPLETED', 'FAILED']);
      expect(sweep.starts(1)).toBe(2);
      expect(existsSync(join(sweep.folder, 'merged'))).toBe(false);
    },
    limit,
  );

  /** At its first start a shard waits until it is stopped; it is ready when it can be. */
  const waits =
    "[ $start = 1 ] || return 0; trap 'echo stopped; exit 143' TERM; touch ready-$shard; for i in {1..600}; do sleep 0.1; done";

  it.concurrent(
    'a shard that reaches its time limit stops, and goes on later',
    async () => {
      const sweep = submitted('limit', { shards: 1 }, { 0: waits });
      expect(await until(() => sweep.isReady(0), most)).toBe(true);
      // As --signal=B:USR1@60 does.
      slurm.ask('scancel', '--batch', '--signal=USR1', `${sweep.arrayId}_0`);
      expect(await until(() => sweep.mergeState() === 'COMPLETED', most)).toBe(true);
      expect(sweep.starts(0)).toBe(2);
      expect(sweep.lines(`slurm/${sweep.arrayId}_0.log`)).toContain('stopped');
    },
    limit,
  );

  it.concurrent(
    'a shard that is preempted stops, and goes on later',
    async () => {
      const sweep = submitted('preempted', { shards: 1, maxRestarts: 0 }, { 0: waits });
      expect(await until(() => sweep.isReady(0), most)).toBe(true);
      // As PreemptMode=REQUEUE does.
      slurm.ask('scontrol', 'requeue', `${sweep.arrayId}_0`);
      expect(await until(() => sweep.mergeState() === 'COMPLETED', most)).toBe(true);
      expect(sweep.starts(0)).toBe(2);
    },
    limit,
  );

  it.concurrent(
    'a sweep that is cancelled stays so',
    async () => {
      const sweep = submitted('cancelled', { shards: 2 }, { 0: waits, 1: waits });
      expect(await until(() => sweep.isReady(0) && sweep.isReady(1), most)).toBe(true);
      slurm.ask('scancel', sweep.arrayId);
      expect(await until(() => sweep.mergeState() === 'CANCELLED', most)).toBe(true);
      expect([sweep.shardState(0), sweep.shardState(1)]).toEqual(['CANCELLED', 'CANCELLED']);
      expect(sweep.lines(`slurm/${sweep.arrayId}_0.log`)).toContain('stopped');
    },
    limit,
  );

  it.concurrent(
    'what is refused as a mistake is not tried again',
    async () => {
      const sweep = submitted('refused', { shards: 1, gres: '' }, { 0: 'exit 2' });
      expect(await until(() => sweep.mergeState() === 'CANCELLED', most)).toBe(true);
      expect(sweep.shardState(0)).toBe('FAILED');
      expect(sweep.starts(0)).toBe(1);
    },
    limit,
  );

  it(
    'a sweep of draws in 8 shards, one of which fails once, is that of a single process',
    async () => {
      const flags = { spectrum: 'power:1', shape: ['16x16'], ranks: [1, 2, 3], trials: 3000, time: 4 };
      const config = checkConfig(sweepSchema, {
        ...{
          ...flags,
          noise: 0.3,
          draws: 4,
          init: ['small:0.1'],
          rtol: 1e-3,
          saveTimes: [2, 4],
          backend: 'wasm',
          workers: 1,
        },
      });
      const [alone, shared] = [join(work, 'alone'), join(work, 'shared')];
      await computeSweep(await newSweep(config, alone), {});
      await mergeSweep(await openSweep(alone));
      makeFolder(await newSweep(config, shared));
      const jobs = submitSlurm({
        ...checkConfig(slurmSchema, { shards: 8, cpusPerTask: 1 }),
        ...{ folder: shared, calls: sweepCalls(shared), cwd: work },
        command: ['bash', join(import.meta.dirname, 'failsOnce.sh'), main],
      });
      const state = () =>
        /JobState=(\S+)/.exec(slurm.ask('scontrol', 'show', 'job', '--oneliner', jobs.mergeId))?.[1];
      expect(await until(() => state() === 'COMPLETED', 4 * most)).toBe(true);
      const files = (folder: string) =>
        [
          ...readdirSync(join(folder, 'trials')).map((name) => join('trials', name)),
          'summary.parquet',
        ].sort();
      expect(files(shared)).toEqual(files(alone));
      for (const file of files(alone))
        expect(readFileSync(join(shared, file)).equals(readFileSync(join(alone, file))), file).toBe(true);
      expect(
        readRuns(shared)
          .map(({ shard, state: ended }) => `${shard} ${ended}`)
          .sort(),
      ).toEqual(Array.from({ length: 8 }, (_, shard) => `${shard + 1}/8 finished`));
      expect(existsSync(join(shared, 'failed-3'))).toBe(true);
    },
    3 * limit,
  );

  it('refuses what it does not have', () => {
    expect(() => submitted('huge', { shards: 1, partition: 'none' }, {})).toThrow(
      /^sbatch refused .*array\.sh: .*invalid partition/s,
    );
  });
});
