/**
 * The record of every run that computes chunks of a results folder, under runs/: where it ran and how it stands. Of a
 * process that was killed the record still says that it runs, until its last sign of life is too old.
 */
import { readFileSync, statSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { writeWhole } from '../files/writeWhole.js';
import type { Shard } from '../input/shard.js';
import { namesIn } from './folder.js';
import type { Origin } from '../host/provenance.js';

export const RUNS = 'runs';

const recordSchema = z.object({
  host: z.string(),
  pid: z.int(),
  shard: z.string(),
  startedAt: z.string(),
  /** The last sign of life. */
  updatedAt: z.string(),
  state: z.enum(['running', 'finished', 'interrupted', 'failed']),
  /** Chunks computed. */
  chunks: z.int(),
  /** Trials computed, of a sweep; adapters trained, of a forecast. */
  trials: z.int().optional(),
  /** Their effort, in the units of the plan. */
  effort: z.number().default(0),
  device: z.string(),
  /** Reason of a failure, and the chunk that could not be computed. */
  reason: z.string().optional(),
  failedChunk: z.int().optional(),
});

export type RunRecord = z.output<typeof recordSchema>;

const recordText = z
  .string()
  .transform((text, context): unknown => {
    try {
      return JSON.parse(text);
    } catch (error) {
      context.addIssue((error as Error).message);
      return z.NEVER;
    }
  })
  .pipe(recordSchema);

/** What a chunk adds. */
export type ChunkRecord = Pick<RunRecord, 'trials' | 'effort'>;

/** Milliseconds without a sign of life after which a run on another host counts as killed. */
const SILENT = 600_000;

/** Keeps the record of a run that begins now. */
export class RunLog {
  private record: RunRecord;
  private readonly file: string;

  constructor(folder: string, { number, of }: Shard, { device, startedAt }: Origin) {
    const [host, pid] = [hostname(), process.pid];
    this.record = {
      ...{ host, pid, shard: `${number}/${of}`, startedAt, updatedAt: startedAt, state: 'running' },
      ...{ chunks: 0, effort: 0, device },
    };
    this.file = join(folder, RUNS, `${startedAt.replaceAll(/[:.]/g, '-')}-${host}-${pid}.json`);
    this.write();
  }

  chunk({ trials, effort }: ChunkRecord): void {
    const { record } = this;
    this.record = {
      ...record,
      ...{ chunks: record.chunks + 1, effort: record.effort + effort },
      ...(trials !== undefined && { trials: (record.trials ?? 0) + trials }),
    };
    this.write();
  }

  end(
    state: Exclude<RunRecord['state'], 'running'>,
    failure: Pick<RunRecord, 'reason' | 'failedChunk'> = {},
  ): void {
    this.record = { ...this.record, ...failure, state };
    this.write();
  }

  private write(): void {
    this.record = { ...this.record, updatedAt: new Date().toISOString() };
    writeWhole(this.file, `${JSON.stringify(this.record, null, 2)}\n`);
  }
}

/** The records of a folder, in the order in which the runs began; what is no record is left out. */
export function readRuns(folder: string): RunRecord[] {
  return namesIn(join(folder, RUNS)).flatMap((name) => {
    const file = join(folder, RUNS, name);
    if (!name.endsWith('.json') || !statSync(file).isFile()) return [];
    const { success, data } = recordText.safeParse(readFileSync(file, 'utf8'));
    return success ? [data] : [];
  });
}

/**
 * Tests whether a run is at work, as far as can be told from here: on this host by its process, else by its last sign.
 */
export function isAlive({ state, host, pid, updatedAt }: RunRecord): boolean {
  if (state !== 'running') return false;
  if (host !== hostname()) return Date.now() - Date.parse(updatedAt) < SILENT;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
