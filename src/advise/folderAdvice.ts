/**
 * Advice in a results folder: a part for each weight that is decomposed, by one run or several, from all of which what is
 * advised is made.
 */
import { statSync } from 'node:fs';
import { nameFrom } from '../files/location.js';
import { writeWhole } from '../files/writeWhole.js';
import { turnEventLoop } from '../host/eventLoop.js';
import type { Origin } from '../host/provenance.js';
import { release } from '../host/release.js';
import { shareOf, WHOLE, type Shard } from '../input/shard.js';
import type { Arithmetic } from '../results/arithmetic.js';
import type { Fault, Inventory } from '../results/parts.js';
import {
  adviceKind,
  createPartsFolder,
  readRecord,
  recordPath,
  recordText,
  type PartsFolder,
} from '../results/partsFolder.js';
import { inventoryOf, mergeParts } from '../run/mergeParts.js';
import {
  begunIn,
  chunksMissing,
  digestsOf,
  provenanceOf,
  refuseOtherKeys,
  refuseOtherPlan,
  type Digests,
  type FilesRecord,
} from '../run/openParts.js';
import { PartsRun } from '../run/partsRun.js';
import { digestOf } from '../sweep/planHash.js';
import { adviceOf, refuseUnchanged, type Advice, type AdviseProgress, type Weight } from './advise.js';
import { budgets } from './budget.js';
import { adviseSchema, type AdviseConfig } from './config.js';
import { costOf, decompose } from './decompose.js';
import { writeAdvice } from './folder.js';
import type { Pair } from './pairs.js';
import type { Written } from './records.js';
import { readTriples, readWeight, weightColumns, weightTypes } from './parts.js';
import { openSource, type Source } from './source.js';

/** What is read through. */
type Sources = 'base' | 'tuned' | 'stats';

/** What advice is on, and how. */
export interface AdviceRequest {
  /** Path of the checkpoint before training. */
  readonly base: string;
  /** That after it, or of an adapter. */
  readonly tuned: string;
  readonly config: AdviseConfig;
}

type AdviceRecord = FilesRecord<Sources> & {
  readonly config: AdviseConfig & Omit<AdviceRequest, 'config'>;
};

export interface FolderAdvice extends PartsFolder, AdviceRequest {
  readonly chunks: readonly { readonly index: number; readonly pair: Pair; readonly effort: number }[];
  readonly source: Source;
  readonly digests: Digests<Sources>;
  /** Null until the folder is made. */
  readonly record: AdviceRecord | null;
  /** Folder from which paths are relative; undefined: the working folder. */
  readonly folder: string | undefined;
}

/** What decomposes weights. Sums are taken in an order that the shapes fix: any processor gives the same. */
const arithmetic: Arithmetic = {
  ...{ backend: 'cpu', variant: 'WebAssembly SIMD', paths: [], precision: 'float64' },
};

/** Keys that the parts depend on; all others say what is made of them. */
const partKeys = ['maxRank', 'roundedBase'] as const;

/**
 * @param known digests of the checkpoints, if they are taken as known (default: their files are read through)
 * @param reads hears of how many bytes these are, before
 */
async function planned(
  path: string,
  request: AdviceRequest,
  {
    folder,
    known,
    reads,
  }: {
    readonly folder?: string;
    readonly known?: Digests<Sources> | undefined;
    readonly reads?: ((bytes: number) => void) | undefined;
  } = {},
): Promise<Omit<FolderAdvice, 'record'>> {
  const { base, tuned, config } = request;
  const stats = config.stats === undefined ? undefined : nameFrom(folder, config.stats);
  const source = openSource(nameFrom(folder, base), nameFrom(folder, tuned), config.roundedBase, stats);
  // What can be refused is, before files are read through.
  budgets(config.budget, source.parameters);
  const files = { ...source.files, stats: stats === undefined ? [] : [stats] };
  if (known === undefined)
    reads?.(
      Object.values(files)
        .flat()
        .reduce((sum, file) => sum + statSync(file).size, 0),
    );
  const digests = known ?? (await digestsOf(files));
  const hash = digestOf(JSON.stringify([release.version, digests, partKeys.map((key) => config[key])]));
  const chunks = source.pairs.map((pair, index) => ({ index, pair, effort: costOf(pair, config.maxRank) }));
  return { ...request, ...{ path, kind: adviceKind, hash, chunks, source, digests, folder } };
}

/**
 * Plans advice in a folder: one that is made when the first weight is done, or that of the same advice, which goes on.
 * What is made of the parts, such as the budgets, may then be another, but for shards.
 * @param reads hears of how many bytes of files are read through, before they are
 * @throws InputError if the folder is of something else, or a key or checkpoint is another than there
 */
export async function openAdvice(
  path: string,
  request: AdviceRequest,
  { isShard = false, reads }: { readonly isShard?: boolean; readonly reads?: (bytes: number) => void } = {},
): Promise<FolderAdvice> {
  const { config } = request;
  const record = begunIn<AdviceRecord>(path, 'advice');
  if (record)
    refuseOtherKeys(path, config, record.config, (key) =>
      isShard ? key in adviseSchema.shape && key !== 'out' : isPartKey(key),
    );
  const advice = await planned(path, request, { reads });
  if (record) refuseOther(advice, record);
  return { ...advice, record };
}

const isPartKey = (key: string): boolean => (partKeys as readonly string[]).includes(key);

/** @throws InputError if a plan is another than that of a folder */
const refuseOther = (advice: Omit<FolderAdvice, 'record'>, record: AdviceRecord): void => {
  const { base, tuned, config, digests } = advice;
  refuseOtherPlan(advice, digests, { base, tuned, stats: config.stats }, record);
};

/**
 * The advice in a folder, as it was begun.
 * @param checks whether to read the checkpoints through, to see that they are as they were
 * @throws InputError if there is none, or a checkpoint is another than it was
 */
export async function adviceIn(path: string, checks = true): Promise<FolderAdvice> {
  const record = readRecord(path, 'advice') as AdviceRecord;
  const { base, tuned, ...config } = record.config;
  const known = checks ? undefined : record.digests;
  const advice = await planned(path, { base, tuned, config }, { folder: record.workingFolder, known });
  refuseOther(advice, record);
  return { ...advice, record };
}

/** Makes the folder without any part. @throws InputError if it cannot be made */
export function makeAdviceFolder(
  { path, base, tuned, config, hash, digests, folder }: FolderAdvice,
  origin: Origin,
  joins = false,
): void {
  const made: AdviceRecord = {
    ...{ kind: 'advice', ...origin, seed: 0, config: { base, tuned, ...config, out: undefined } },
    ...{ plan: hash, digests, workingFolder: folder ?? process.cwd() },
  };
  createPartsFolder(path, adviceKind, made, joins);
}

/** Hears of weights while they are decomposed. */
export interface WeightsWatch {
  /** Before the first: how many there are to do, and what was set aside. */
  start?(todo: number, faults: readonly Fault[]): void;
  /** With each that has been written: weights and share of the effort done since the start. */
  done?(weights: number, work: number): void;
}

/**
 * Decomposes the weights of a shard that are missing, and writes the part of each when it is done.
 * @param stop asked after every weight whether to leave the rest
 * @returns whether all of the shard is done
 * @throws InputError if a weight cannot be read, or no weight changed: a folder that this call made is then gone
 */
export async function decomposeWeights(
  advice: FolderAdvice,
  origin: Origin,
  {
    shard = WHOLE,
    watch = {},
    stop,
  }: { shard?: Shard | undefined; watch?: WeightsWatch; stop?: () => boolean } = {},
): Promise<boolean> {
  const { chunks, source, config, record, tuned } = advice;
  const found: Inventory = record ? inventoryOf(advice) : { parts: [], faults: [], arithmetic: null };
  const isThere = new Set(found.parts.map(({ chunk }) => chunk));
  const own = shareOf(
    chunks.map(({ effort }) => effort),
    shard,
  );
  const todo = own.filter((index) => !isThere.has(index)).map((index) => chunks[index]!);
  const all = todo.reduce((sum, { effort }) => sum + effort, 0);
  let [weights, work, unchanged, inHand] = [0, 0, 0, 0];
  let run: PartsRun | undefined;
  try {
    if (!record) makeAdviceFolder(advice, origin, shard.of > 1);
    run = new PartsRun(advice, found, arithmetic, shard, origin);
    watch.start?.(todo.length, found.faults);
    for (const { index, pair, effort } of todo) {
      await turnEventLoop();
      if (stop?.()) break;
      inHand = index;
      const result = decompose(source, pair, config.maxRank);
      if (result === null) unchanged++;
      const columns = weightColumns(pair.name, result, config.write !== undefined);
      run.part(index, columns, weightTypes, { effort });
      weights++;
      work += effort;
      watch.done?.(weights, work / all);
    }
    if (unchanged === chunks.length) refuseUnchanged(tuned, unchanged);
  } catch (error) {
    run?.fail(error, inHand, record === null && shard.of === 1);
    throw error;
  }
  const done = weights === todo.length;
  run.end(done ? 'finished' : 'interrupted');
  return done;
}

/**
 * Makes advice of parts that are all there, and writes it into their folder; and adapters, if it is to write them.
 * @param shards folders that have the parts, if that is a new one
 * @throws InputError if nothing changed, or adapters cannot be written; Incomplete as mergeParts
 */
export const mergeAdvice = (
  advice: FolderAdvice,
  shards: readonly FolderAdvice[],
  progress: AdviseProgress,
): Promise<{ readonly advice: Advice; readonly written: Written }> =>
  mergeParts(advice, shards.length === 0, shards, {
    missing: (parts) => chunksMissing(advice, parts),
    make: (path) => createPartsFolder(path, adviceKind, shards[0]!.record!),
    async finish(path, parts) {
      const { base, tuned, source, config, folder } = advice;
      const begun = readRecord(path, 'advice') as AdviceRecord;
      const record: AdviceRecord = { ...begun, config: { base, tuned, ...config, out: undefined } };
      const written: Written = { base, tuned, config, provenance: provenanceOf(record) };
      // One after another, for parts may hold singular vectors.
      const decomposed = [];
      for (const part of parts) decomposed.push(await readWeight(part));
      const partOf = new Map(source.pairs.map(({ name }, i) => [name, parts[i]!]));
      const advised = {
        ...{ advice: adviceOf(tuned, source, decomposed, config), source },
        kept: ({ name }: Weight) => readTriples(partOf.get(name)!),
      };
      const write = config.write === undefined ? undefined : nameFrom(folder, config.write);
      const result = await writeAdvice(path, write, advised, written, progress);
      writeWhole(recordPath(path), recordText(record));
      return { advice: result, written };
    },
  });
