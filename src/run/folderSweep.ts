/** A sweep in a results folder: planned, its folder made, or opened again. */
import { readdirSync } from 'node:fs';
import { withDigests } from '../files/readings.js';
import { InputError } from '../host/inputError.js';
import { provenanceAhead, type Provenance } from '../host/provenance.js';
import { namedFile } from '../input/config.js';
import { asPinned, pinnedIn } from '../results/arithmetic.js';
import { createPartsFolder, sweepKind, type PartsFolder } from '../results/partsFolder.js';
import { readSweepFolder, type SweepRecord } from '../results/sweepFolder.js';
import { chunksOf, type PlanChunk } from '../sweep/chunks.js';
import type { SweepConfig } from '../sweep/config.js';
import { makePlan, type Plan } from '../sweep/plan.js';
import { planHash } from '../sweep/planHash.js';

/** A plan, how it is cut, and its hash. */
export interface Planned {
  readonly plan: Plan;
  /** Folder from which its names of files are relative; undefined: the working folder. */
  readonly folder: string | undefined;
  readonly chunks: readonly PlanChunk[];
  readonly hash: string;
}

export interface FolderSweep extends Planned, PartsFolder {
  readonly chunks: Planned['chunks'];
  /** Null until it is made. */
  readonly record: SweepRecord | null;
}

async function planned(config: SweepConfig, folder?: string): Promise<Planned> {
  const { result: plan, digests } = await withDigests(() => makePlan(config, undefined, folder));
  return { plan, folder, chunks: chunksOf(plan), hash: planHash(plan, digests, folder) };
}

/** Plans a sweep that is to be in a folder, which is made when its first run starts. @throws InputError */
export const newSweep = async (config: SweepConfig, path: string): Promise<FolderSweep> => ({
  ...(await planned(config)),
  ...{ path, kind: sweepKind, record: null },
});

/** Makes the folder of a sweep without computing anything. @throws InputError */
export const makeFolder = (sweep: FolderSweep): SweepRecord =>
  createRecord(sweep, provenanceAhead(sweep.plan.config), false);

/** Makes the folder of a sweep with its record. */
export function createRecord(
  { path, plan, folder, hash }: FolderSweep,
  origin: Provenance,
  joins: boolean,
): SweepRecord {
  const record = { ...origin, config: plan.config, plan: hash, workingFolder: folder ?? process.cwd() };
  createPartsFolder(path, sweepKind, record, joins);
  return record;
}

/**
 * The sweep of a folder. Names of files in its config are relative to where it was made.
 * @throws InputError if there is none, or its plan cannot be made again as it was
 */
export async function openSweep(path: string, execution: Partial<SweepConfig> = {}): Promise<FolderSweep> {
  const record = readSweepFolder(path);
  const { config, workingFolder } = record;
  if (namedFile(config) !== undefined) assertThere(workingFolder);
  // What was left open when it was begun stays as it was then.
  const made = await planned(asPinned({ ...config, ...execution }, pinnedIn(path)), workingFolder);
  if (made.hash !== record.plan)
    throw new InputError(
      'folder',
      path,
      'of a sweep whose files, and whose version of rankflow, are as they were',
    );
  return { ...made, path, kind: sweepKind, record };
}

/** @throws InputError if a folder is not there */
function assertThere(folder: string): void {
  try {
    readdirSync(folder);
  } catch (error) {
    throw new InputError('folder', folder, `where the files of the sweep are (${(error as Error).message})`);
  }
}
