/** `rankflow sweep`: a plan, a run and a results folder; or the rest of one that was begun. */
import { resolve } from 'node:path';
import { parseShard, type Shard } from '../input/shard.js';
import { shellWord } from '../host/shellWord.js';
import { progress, type Progress } from '../report/progress.js';
import { computeSweep } from '../run/computeSweep.js';
import { newSweep, type FolderSweep } from '../run/folderSweep.js';
import { mergeSweep } from '../run/mergeSweep.js';
import { readSweepFolder } from '../results/sweepFolder.js';
import type { SweepConfig } from '../sweep/config.js';
import type { CellSummary } from '../sweep/summary.js';
import { openFolder } from './openFolder.js';
import { printCells } from './merge.js';
import { filled } from './inParts.js';
import { howOf, note } from './output.js';

/** A sweep to be begun in a folder, or the folder of one to be gone on with, computed otherwise if so said. */
export type SweepRequest =
  | { readonly config: SweepConfig; readonly out: string }
  | { readonly folder: string; readonly execution: Partial<SweepConfig> };

/** Computes a sweep, or a shard of it (`3/8`, `auto`), and prints the summary of a whole one. */
export async function sweep(
  request: SweepRequest,
  shardText: string | undefined,
  json: boolean,
): Promise<void> {
  const shard = shardText === undefined ? undefined : parseShard(shardText, process.env);
  const folderSweep = 'out' in request ? await newSweep(request.config, request.out) : await reopen(request);
  const cells = await computeAndMerge(folderSweep, shard);
  if (cells) printCells(folderSweep, cells, json);
}

/** The sweep in a folder. @throws InputError if there is none */
async function reopen({
  folder,
  execution,
}: Extract<SweepRequest, { folder: string }>): Promise<FolderSweep> {
  const path = resolve(folder);
  return openFolder(path, execution);
}

/** The cells of a sweep that is done; null if a shard of it is. Ends the process if it is interrupted or fails. */
async function computeAndMerge(sweep: FolderSweep, shard: Shard | undefined): Promise<CellSummary[] | null> {
  const { path, plan } = sweep;
  let display: Progress | undefined;
  return filled({
    ...{ path, command: 'sweep', chunk: 'chunk', shard },
    resume: `--resume ${shellWord(path)}${shard ? ` --shard ${shard.number}/${shard.of}` : ''}`,
    compute: (stop) =>
      computeSweep(sweep, {
        ...{ shard, stop },
        watch: {
          start(backend, ways, todo, faults) {
            for (const { file, reason } of faults) note(`rankflow: ${file} is set aside: ${reason}`);
            note(`rankflow sweep on ${backend.name} (${backend.device})${howOf(plan.cells, ways)}`);
            display = progress(todo, 'trajectories');
          },
          chunk: (trials, work) => display?.update(trials, work),
        },
      }).finally(() => display?.stop()),
    merge: () => mergeSweep({ ...sweep, record: readSweepFolder(path) }),
  });
}
