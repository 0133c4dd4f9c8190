/**
 * Results folders that are filled part by part, by one run or several: config.json, a part for each chunk that is done
 * (parts.ts) and a record of every run (runs.ts), beside what all parts together give.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { textOf } from '../files/foreign.js';
import { InputError } from '../host/inputError.js';
import type { Provenance } from '../host/provenance.js';
import { createFolder } from './folder.js';
import { RUNS } from './runs.js';

/** What such folders hold. */
export interface FolderKind {
  /** As the record names it; it names no sweep. */
  readonly name: 'sweep' | 'advice' | 'forecast';
  /** Name of the subfolder of the parts. */
  readonly parts: string;
  readonly subfolders: readonly string[];
}

export const sweepKind: FolderKind = {
  name: 'sweep',
  parts: 'trials',
  subfolders: ['trials', 'plots', RUNS],
};
export const adviceKind: FolderKind = { name: 'advice', parts: 'weights', subfolders: ['weights', RUNS] };
export const forecastKind: FolderKind = {
  name: 'forecast',
  parts: 'adapters',
  subfolders: ['adapters', RUNS],
};

/** A folder of parts, and the plan that these are of. */
export interface PartsFolder {
  readonly path: string;
  readonly kind: FolderKind;
  /** Hash of the plan. */
  readonly hash: string;
  /** Chunks of the plan, by index. */
  readonly chunks: readonly { readonly index: number }[];
}

/** Record of such a folder. */
export interface FolderRecord extends Provenance {
  readonly kind?: FolderKind['name'];
  /** Hash of the plan. */
  readonly plan: string;
  /** Folder that names of files in the config are relative to. */
  readonly workingFolder: string;
}

const RECORD = 'config.json';

export const recordText = (record: FolderRecord): string => `${JSON.stringify(record, null, 2)}\n`;

export const recordPath = (folder: string): string => join(folder, RECORD);

/**
 * Makes a folder; if it `joins`, the one that another shard of the same plan made is as good.
 * @throws InputError if the folder exists or cannot be made
 */
export function createPartsFolder(path: string, kind: FolderKind, record: FolderRecord, joins = false): void {
  try {
    createFolder(path, kind.subfolders, { [RECORD]: recordText(record) });
  } catch (error) {
    if (!joins || !existsSync(path)) throw error;
    if (readRecord(path, kind.name).plan !== record.plan)
      throw new InputError('out', path, `a folder of the same ${kind.name}, or one that does not exist yet`);
  }
}

const phrase = { sweep: 'a sweep', advice: 'advice', forecast: 'a forecast' } as const;

/**
 * The record of a folder.
 * @param kinds of what (default: whatever it is)
 * @throws InputError if it is none of these
 */
export function readRecord(path: string, ...kinds: readonly FolderKind['name'][]): FolderRecord {
  const file = join(path, RECORD);
  const asked =
    kinds.length > 0 ? kinds.map((kind) => phrase[kind]).join(' or ') : 'a sweep, advice or a forecast';
  const refuse = (reason: string) =>
    new InputError('folder', path, `the results folder of ${asked} (${reason})`);
  let record: unknown;
  try {
    record = JSON.parse(textOf(file, readFileSync(file)));
  } catch (error) {
    if (error instanceof InputError) throw error;
    throw refuse((error as Error).message);
  }
  const checked = recordSchema.safeParse(record);
  if (!checked.success) throw refuse(`${RECORD} is not one: ${checked.error.issues[0]?.message}`);
  const found = checked.data.kind ?? 'sweep';
  if (kinds.length > 0 && !kinds.includes(found)) throw refuse(`it is one of ${phrase[found]}`);
  return record as FolderRecord;
}

const recordSchema = z.looseObject({
  kind: z.enum(['sweep', 'advice', 'forecast']).optional(),
  config: z.looseObject({}),
  plan: z.string(),
  workingFolder: z.string(),
});
