/**
 * The parts of a sweep's folder: one Parquet file for each chunk that is done, under trials/. A part appears whole or
 * not at all; its name has the digest of its bytes, and its metadata the plan it belongs to, so that what is damaged,
 * foreign or there twice is seen, and not taken for a result.
 */
import { copyFileSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { parquetMetadata, parquetRead } from 'hyparquet';
import { writeWhole } from '../files/writeWhole.js';
import type { Trials } from '../sweep/sweep.js';
import { digestOf } from '../sweep/planHash.js';
import { trialIntegers } from '../sweep/row.js';
import type { PlanChunk } from '../sweep/chunks.js';
import type { Outcome } from '../method/outcome.js';
import type { Stationarity } from '../sweep/stationarity.js';
import type { Column, TrialColumns } from '../sweep/summarize.js';
import { byColumn, columnsParquet, type Columns, type Value } from './tables.js';

export const TRIALS = 'trials';
const SET_ASIDE = 'set-aside';

/** A part that is what it should be. */
export interface Part {
  readonly chunk: number;
  /** Path of the file. */
  readonly file: string;
}

/** A file among the parts that is none of this plan's. */
export interface Fault {
  readonly file: string;
  readonly reason: string;
}

export interface Inventory {
  readonly parts: readonly Part[];
  readonly faults: readonly Fault[];
}

/** Column of the loss at save time k. */
const lossAt = (k: number): string => `loss_at_${k}`;

const NAME = /^part-(\d{6,})-([0-9a-f]{16})\.parquet$/;

/** Writes the part of a chunk. The same chunk gives the same bytes, and so takes its own place. */
export function writePart(
  folder: string,
  plan: string,
  { index }: PlanChunk,
  { rows, curves }: Trials,
): void {
  // Of cells with fewer save times than others of the chunk the last columns are null.
  const saves = Math.max(...curves.map(({ length }) => length));
  const losses = Array.from({ length: saves }, (_, k) => [
    lossAt(k),
    curves.map((curve) => curve[k] ?? null),
  ]);
  const columns = { ...byColumn(rows), ...(Object.fromEntries(losses) as Columns) };
  const bytes = columnsParquet(columns, trialIntegers, { plan, chunk: String(index) });
  const name = `part-${String(index).padStart(6, '0')}-${digestOf(bytes).slice(0, 16)}.parquet`;
  writeWhole(join(folder, TRIALS, name), bytes);
}

/** Looks at all parts of a folder: at every byte of them, if they are to be `read`, else at their names alone. */
export function inventory(
  folder: string,
  plan: string,
  chunks: readonly PlanChunk[],
  read: boolean,
): Inventory {
  const faults: Fault[] = [];
  const found = new Map<number, string[]>();
  for (const name of readdirSync(join(folder, TRIALS)).sort()) {
    // What was being written when a process was killed.
    if (name.endsWith('.part')) continue;
    const file = join(folder, TRIALS, name);
    const [, chunk, digest] = NAME.exec(name) ?? [];
    const reason =
      chunk === undefined
        ? 'its name is none of a part'
        : read
          ? faultOf(file, digest!, plan, Number(chunk))
          : null;
    const index = Number(chunk);
    if (reason !== null) faults.push({ file, reason });
    else if (index >= chunks.length) faults.push({ file, reason: `the plan has no chunk ${index}` });
    else found.set(index, [...(found.get(index) ?? []), file]);
  }
  const parts: Part[] = [];
  for (const [chunk, files] of found) {
    if (files.length === 1) parts.push({ chunk, file: files[0]! });
    else
      for (const file of files)
        faults.push({ file, reason: `chunk ${chunk} is there ${files.length} times` });
  }
  return { parts, faults };
}

function faultOf(file: string, digest: string, plan: string, chunk: number): string | null {
  const bytes = readFileSync(file);
  if (digestOf(bytes).slice(0, 16) !== digest)
    return 'it is damaged: its bytes are not those that its name tells of';
  const told = Object.fromEntries(
    (parquetMetadata(arrayOf(bytes)).key_value_metadata ?? []).map(({ key, value }) => [key, value]),
  );
  if (told['plan'] !== plan) return 'it belongs to another plan';
  return told['chunk'] === String(chunk) ? null : `it is of chunk ${told['chunk']}`;
}

const arrayOf = ({ buffer, byteOffset, byteLength }: Buffer): ArrayBuffer =>
  buffer.slice(byteOffset, byteOffset + byteLength) as ArrayBuffer;

/** Moves files that are no parts out of the way. */
export function setAside(folder: string, faults: readonly Fault[]): void {
  if (faults.length === 0) return;
  mkdirSync(join(folder, SET_ASIDE), { recursive: true });
  for (const { file } of faults) renameSync(file, join(folder, SET_ASIDE, basename(file)));
}

/** Removes what processes that were killed were writing; nobody may be writing now. */
export function sweepUp(folder: string): void {
  const trials = join(folder, TRIALS);
  for (const name of readdirSync(trials)) if (name.endsWith('.part')) rmSync(join(trials, name));
}

/** Copies parts of another folder. */
export function copyParts(parts: readonly Part[], folder: string): void {
  for (const { file } of parts) copyFileSync(file, join(folder, TRIALS, basename(file)));
}

/** Columns of a part, [column][row]. */
export async function readPart({ file }: Part, columns: readonly Column[]): Promise<Value[][]> {
  const names = columns.map((column) => (typeof column === 'number' ? lossAt(column) : column));
  const values = new Map<string, Value[]>(names.map((name) => [name, []]));
  await parquetRead({
    file: arrayOf(readFileSync(file)),
    columns: names,
    onChunk({ columnName, columnData }) {
      const column = values.get(columnName)!;
      for (const value of columnData as Iterable<Value>) column.push(value);
    },
  });
  return [...values.values()];
}

/** The trials in parts, read as they are asked for. */
export function columnsOfParts(parts: readonly Part[], chunks: readonly PlanChunk[]): TrialColumns {
  const spansOf = ({ chunk }: Part, cell: number) =>
    chunks[chunk]!.spans.filter((span) => span.cell === cell);
  const read = async (
    cell: number,
    columns: readonly Column[],
    take: (column: number, trial: number, value: Value) => void,
  ) => {
    let trial = 0;
    for (const part of parts.filter((each) => spansOf(each, cell).length > 0)) {
      const [cells = [], ...values] = await readPart(part, ['cell', ...columns]);
      cells.forEach((of, row) => {
        if (of !== cell) return;
        values.forEach((column, i) => take(i, trial, column[row]!));
        trial++;
      });
    }
  };
  return {
    async outcomes(cell) {
      const ended: Outcome[] = [];
      await read(cell, ['outcome'], (_, trial, value) => (ended[trial] = value as Outcome));
      return ended;
    },
    async stationarities(cell) {
      const ends: Stationarity[] = [];
      await read(cell, ['stationarity'], (_, trial, value) => (ends[trial] = value as Stationarity));
      return ends;
    },
    async numbers(cell, columns) {
      const spans = parts.flatMap((part) => spansOf(part, cell));
      const trials = spans.reduce((sum, { from, to }) => sum + to - from, 0);
      const values = columns.map(() => new Float64Array(trials));
      await read(cell, columns, (i, trial, value) => (values[i]![trial] = Number(value ?? NaN)));
      return values;
    },
  };
}
