/** A sweep in a results folder: made, computed as far as it is missing, looked at, and merged into its summary. */
import { renameSync, rmSync } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import { withDigests } from '../files/readings.js';
import { temporaryName } from '../files/writeWhole.js';
import { namedFile } from '../input/config.js';
import { InputError } from '../host/inputError.js';
import type { BackendInfo } from '../backend/backend.js';
import type { Way } from '../solver/path.js';
import { Agenda } from './agenda.js';
import { chunksOf, effort, ofShard, trialsOf, type PlanChunk, type Shard } from '../sweep/chunks.js';
import type { SweepConfig } from '../sweep/config.js';
import { makePlan, type Plan } from '../sweep/plan.js';
import { planHash } from '../sweep/planHash.js';
import { runPlan } from './sweep.js';
import { accuraciesOf, ChunkFailed } from './runner.js';
import type { TrialRow } from '../sweep/row.js';
import { summarize } from '../sweep/summarize.js';
import type { CellSummary } from '../sweep/summary.js';
import { arithmeticOf, pin, pinnedIn, refuseOther, wordsOf, type Arithmetic } from '../results/arithmetic.js';
import { refuseFolder, restoreSubfolders } from '../results/folder.js';
import {
  columnsOfParts,
  copyParts,
  inventory,
  readPart,
  setAside,
  removeTemporaryFiles,
  writePart,
  type Fault,
  type Inventory,
  type Part,
} from '../results/parts.js';
import { provenance, runProvenance, type Provenance } from '../host/provenance.js';
import { RunLog } from '../results/runs.js';
import {
  createSweepFolder,
  finishSweepFolder,
  readSweepFolder,
  subfolders,
  type SweepRecord,
} from '../results/sweepFolder.js';

/** A plan, how it is cut, and its hash. */
interface Planned {
  readonly plan: Plan;
  readonly chunks: readonly PlanChunk[];
  readonly hash: string;
}

export interface FolderSweep extends Planned {
  /** Null until it is made. */
  readonly record: SweepRecord | null;
  readonly path: string;
}

/** Hears of a sweep while it is computed. */
export interface ComputeWatch {
  /** Before the first trajectory: how much there is to do, and what was set aside. */
  start?(backend: BackendInfo, ways: readonly Way[], todo: number, faults: readonly Fault[]): void;
  /** With every chunk that has been written: trials and share of the effort done since the start. */
  chunk?(trials: number, work: number): void;
}

const WHOLE: Shard = { number: 1, of: 1 };

async function planned(config: SweepConfig): Promise<Planned> {
  const { result: plan, digests } = await withDigests(() => makePlan(config));
  return { plan, chunks: chunksOf(plan), hash: planHash(plan, digests) };
}

/** Plans a sweep that is to be in a folder, which is made when its first run starts. @throws InputError */
export const newSweep = async (config: SweepConfig, path: string): Promise<FolderSweep> => ({
  ...(await planned(config)),
  path,
  record: null,
});

/** Makes the folder of a sweep without computing anything. @throws InputError */
export function makeFolder(sweep: FolderSweep): SweepRecord {
  const { backend, precision, seed } = sweep.plan.config;
  const nowhere = { name: backend, device: 'that of each run', precision };
  return createdRecord(sweep, provenance(nowhere, seed, sweep.plan.config), false);
}

function createdRecord({ path, plan, hash }: FolderSweep, origin: Provenance, joins: boolean): SweepRecord {
  const record = { ...origin, config: plan.config, plan: hash, workingFolder: process.cwd() };
  createSweepFolder(path, record, joins);
  return record;
}

/**
 * The sweep of a folder. Names of files in its config are relative to where it was made: this process goes there.
 * @throws InputError if there is none, or its plan cannot be made again as it was
 */
export async function openSweep(path: string, execution: Partial<SweepConfig> = {}): Promise<FolderSweep> {
  const record = readSweepFolder(path);
  const { config, workingFolder } = record;
  if (namedFile(config) !== undefined) enter(workingFolder);
  const pinned = pinnedIn(path);
  // What was left open when it was begun stays as it was then.
  const begun = pinned && config.backend === 'auto' ? { backend: pinned.backend } : {};
  const made = await planned({ ...config, ...begun, ...execution });
  if (made.hash !== record.plan)
    throw new InputError(
      'folder',
      path,
      'of a sweep whose files, and whose version of rankflow, are as they were',
    );
  return { ...made, path, record };
}

function enter(folder: string): void {
  try {
    process.chdir(folder);
  } catch (error) {
    throw new InputError('folder', folder, `where the files of the sweep are (${(error as Error).message})`);
  }
}

/** The parts of a sweep's folder, every byte of which is looked at. */
export const inventoryOf = ({ path, hash, chunks }: FolderSweep): Inventory =>
  inventory(path, hash, chunks, true, pinnedIn(path));

/** What is to be computed, given the parts that there are. */
async function agendaOf({ plan, chunks }: Planned, parts: readonly Part[], shard: Shard): Promise<Agenda> {
  const agenda = new Agenda(plan, chunks, shard);
  const own = new Set(ofShard(chunks, shard, plan));
  for (const part of parts) {
    const chunk = chunks[part.chunk]!;
    if (!own.has(chunk)) continue;
    const decides = plan.config.targetCi !== undefined;
    const [ended = [], accuracies = []] = decides ? await readPart(part, ['outcome', 'accuracy']) : [];
    const rows = ended.map((outcome, i) => ({ outcome, accuracy: accuracies[i] }));
    agenda.add(chunk, accuraciesOf(rows as Pick<TrialRow, 'outcome' | 'accuracy'>[]));
  }
  return agenda;
}

/**
 * Computes the chunks of a shard that are missing, and writes each when it is done. What is damaged or foreign is set
 * aside and computed anew.
 * @param stop asked after every chunk whether to leave the rest
 * @returns whether all of the shard is done
 * @throws InputError if the folder or the backend is unfit; ChunkFailed; an error of the file system
 */
export async function compute(
  sweep: FolderSweep,
  {
    shard = WHOLE,
    watch = {},
    stop,
  }: { shard?: Shard | undefined; watch?: ComputeWatch; stop?: () => boolean },
): Promise<boolean> {
  const { path, plan, chunks, hash, record } = sweep;
  const { parts, faults, arithmetic } = record
    ? inventoryOf(sweep)
    : { parts: [], faults: [], arithmetic: null };
  const agenda = await agendaOf(sweep, parts, shard);
  const efforts = chunks.map(({ spans }) =>
    spans.reduce((sum, { cell, from, to }) => sum + (to - from) * effort(plan.cells[cell]!), 0),
  );
  const todo = ofShard(chunks, shard, plan).filter((chunk) => !agenda.has(chunk));
  const all = todo.reduce((sum, { index }) => sum + efforts[index]!, 0);
  let log: RunLog | undefined;
  let own: Arithmetic | undefined;
  let [trials, work] = [0, 0];
  try {
    await runPlan(
      plan,
      agenda,
      {
        start(_, backend, ways) {
          const origin = runProvenance(
            backend,
            plan.config,
            ways.map(({ path }) => path),
          );
          if (!record) createdRecord(sweep, origin, shard.of > 1);
          own = arithmeticOf(backend, plan.config, ways);
          if (arithmetic) refuseOther(path, own, arithmetic);
          pin(path, own);
          restoreSubfolders(path, subfolders);
          setAside(path, faults);
          log = new RunLog(path, shard, origin);
          watch.start?.(
            backend,
            ways,
            todo.reduce((sum, chunk) => sum + trialsOf(chunk), 0),
            faults,
          );
        },
        chunk(computed) {
          writePart(path, hash, own!, computed.chunk, computed.trials);
          log?.chunk(computed.trials.length);
          trials += computed.trials.length;
          work += efforts[computed.chunk.index]!;
          watch.chunk?.(trials, work / all);
        },
      },
      stop,
    );
  } catch (error) {
    const failedChunk = error instanceof ChunkFailed ? { failedChunk: error.chunk.index } : {};
    log?.end('failed', { reason: (error as Error).message, ...failedChunk });
    throw error;
  }
  const done = agenda.next().length === 0;
  log?.end(done ? 'finished' : 'interrupted');
  return done;
}

/** Parts are missing, or files among them are none. */
export class Incomplete extends Error {
  override readonly name = 'Incomplete';
}

/** Chunks that are needed and missing, as far as is known. */
export async function missingOf(sweep: FolderSweep, parts: readonly Part[]): Promise<PlanChunk[]> {
  const agenda = await agendaOf(sweep, parts, WHOLE);
  return agenda.needed().filter((chunk) => !agenda.has(chunk));
}

/**
 * Writes the summary and the report of a sweep whose parts are all there, in its folder or in those of its shards, from
 * which they are then copied. A folder that is yet to be made appears when all is written.
 * @throws InputError if folders were not computed alike; Incomplete, which names what is wrong
 */
export async function merge(sweep: FolderSweep, others: readonly FolderSweep[] = []): Promise<CellSummary[]> {
  const made = sweep.record === null;
  if (made) refuseFolder(sweep.path);
  const inventories = [...(made ? [] : [sweep]), ...others].map((each) => ({
    ...inventoryOf(each),
    path: each.path,
  }));
  const arithmetic = commonArithmetic(inventories);
  // In the order of their chunks, in which sums are taken.
  const all = inventories.flatMap((each) => each.parts).sort((a, b) => a.chunk - b.chunk);
  const first = new Map([...all].reverse().map((part) => [part.chunk, part]));
  const parts = [...first.values()].reverse();
  const faults = inventories.flatMap((each) => each.faults);
  const said = [
    ...faults.map(({ file, reason }) => `${file}: ${reason}`),
    // A part's name has the digest of its bytes.
    ...all.flatMap(({ chunk, file }) =>
      basename(file) === basename(first.get(chunk)!.file)
        ? []
        : [`${file}: chunk ${chunk} is another than in ${first.get(chunk)!.file}`],
    ),
  ];
  const missing = said.length > 0 ? [] : await missingOf(sweep, parts);
  if (missing.length > 0) said.push(`${missing.length} chunks are missing: ${rangesOf(missing)}`);
  if (said.length > 0) throw new Incomplete(said.join('\n'));
  const path = made ? temporaryName(resolve(sweep.path)) : sweep.path;
  try {
    const record = sweep.record ?? makeFolder({ ...sweep, path });
    restoreSubfolders(path, subfolders);
    if (arithmetic) pin(path, arithmetic);
    copyParts(
      parts.filter(({ file }) => dirname(dirname(resolve(file))) !== resolve(path)),
      path,
    );
    const cells = await summarize(sweep.plan, columnsOfParts(parts, sweep.chunks));
    await finishSweepFolder(path, { ...record, ...arithmetic }, cells);
    removeTemporaryFiles(path);
    if (made) renameSync(path, resolve(sweep.path));
    return cells;
  } catch (error) {
    if (made) rmSync(path, { recursive: true, force: true });
    throw error;
  }
}

/** What computed the parts of all folders. @throws InputError if they differ */
function commonArithmetic(
  folders: readonly { readonly path: string; readonly arithmetic: Arithmetic | null }[],
): Arithmetic | null {
  const told = folders.flatMap(({ path, arithmetic }) =>
    arithmetic ? [{ path, words: wordsOf(arithmetic) }] : [],
  );
  const other = told.find(({ words }) => words !== told[0]!.words);
  if (other)
    throw new InputError(
      'folders',
      `${other.path}, computed by ${other.words}`,
      `computed as ${told[0]!.path} was: by ${told[0]!.words}`,
    );
  return folders.find(({ arithmetic }) => arithmetic)?.arithmetic ?? null;
}

/** "0-3, 7": numbers of chunks, the first few ranges. */
export function rangesOf(chunks: readonly PlanChunk[]): string {
  const ranges: [number, number][] = [];
  for (const { index } of chunks) {
    const last = ranges.at(-1);
    if (last && last[1] === index - 1) last[1] = index;
    else ranges.push([index, index]);
  }
  const written = ranges.slice(0, 10).map(([from, to]) => (from === to ? `${from}` : `${from}-${to}`));
  return [...written, ...(ranges.length > 10 ? [`and ${ranges.length - 10} more ranges`] : [])].join(', ');
}
