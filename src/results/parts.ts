/**
 * The parts of a results folder: one Parquet file for each chunk that is done. A part appears whole or not at all; its
 * name has the digest of its bytes, and its metadata the plan it belongs to and what computed it, so that what is
 * damaged, foreign or there twice is seen, and not taken for a result.
 */
import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { parquetMetadata, parquetRead } from 'hyparquet';
import { isPointer } from '../files/foreign.js';
import { writeWhole } from '../files/writeWhole.js';
import { digestOf } from '../sweep/planHash.js';
import { arithmeticText, parseArithmetic, wordsOf, type Arithmetic } from './arithmetic.js';
import { namesIn } from './folder.js';
import type { PartsFolder } from './partsFolder.js';
import { columnsParquet, type Columns, type ColumnTypes, type Value } from './tables.js';

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
  /** Arithmetic of the parts; null if there are none, or they were not read. */
  readonly arithmetic: Arithmetic | null;
  readonly parts: readonly Part[];
  readonly faults: readonly Fault[];
}

/**
 * Names of parts, and of copies of them as file managers and browsers name these: the bytes are those of the digest.
 */
const NAME = /^part-(\d{6,})-([0-9a-f]{16})(?: ?\(\d+\)| - Copy(?: \(\d+\))?| copy(?: \d+)?)?\.parquet$/;

const placeOf = ({ path, kind }: Pick<PartsFolder, 'path' | 'kind'>): string => join(path, kind.parts);

/** Writes the part of a chunk, and returns it. The same chunk gives the same bytes, and so takes its own place. */
export function writePart(
  folder: PartsFolder,
  arithmetic: Arithmetic,
  chunk: number,
  columns: Columns,
  types: ColumnTypes,
): Part {
  const bytes = columnsParquet(columns, types, {
    plan: folder.hash,
    chunk: String(chunk),
    arithmetic: arithmeticText(arithmetic),
  });
  const name = `part-${String(chunk).padStart(6, '0')}-${digestOf(bytes).slice(0, 16)}.parquet`;
  const file = join(placeOf(folder), name);
  writeWhole(file, bytes);
  return { chunk, file };
}

/**
 * Looks at all parts of a folder: at every byte of them, if they are to be `read`, else at their names alone. Hidden
 * files, and those that are no Parquet, are nobody's business.
 * @param pinned what computes the folder (default: what computed the first of its parts)
 * @param only the one chunk whose parts are looked at (default: those of all)
 */
export function inventory(
  folder: PartsFolder,
  readBytes: boolean,
  pinned: Arithmetic | null = null,
  only?: number,
): Inventory {
  const faults: Fault[] = [];
  const filesByChunk = new Map<number, Map<string, string>>();
  let arithmetic = pinned;
  for (const name of namesIn(placeOf(folder))) {
    if (name.startsWith('.') || !name.endsWith('.parquet')) continue;
    const file = join(placeOf(folder), name);
    const [, chunk, digest] = NAME.exec(name) ?? [];
    const index = Number(chunk);
    if (only !== undefined && index !== only) continue;
    let reason = chunk === undefined ? 'its name is none of a part' : null;
    if (reason === null && readBytes) {
      const metadata = readMetadata(file, digest!);
      if (typeof metadata !== 'string') arithmetic ??= parseArithmetic(metadata['arithmetic']);
      reason = typeof metadata === 'string' ? metadata : faultOf(metadata, folder.hash, index, arithmetic);
    }
    if (reason !== null) faults.push({ file, reason });
    else if (index >= folder.chunks.length) faults.push({ file, reason: `the plan has no chunk ${index}` });
    else {
      const byDigest = filesByChunk.get(index) ?? new Map<string, string>();
      filesByChunk.set(index, byDigest);
      const other = byDigest.get(digest!);
      if (other === undefined || file.length < other.length) byDigest.set(digest!, file);
    }
  }
  const parts: Part[] = [];
  for (const [chunk, byDigest] of filesByChunk) {
    const files = [...byDigest.values()];
    if (files.length === 1) parts.push({ chunk, file: files[0]! });
    else
      for (const file of files)
        faults.push({ file, reason: `chunk ${chunk} is there ${files.length} times` });
  }
  return { parts, faults, arithmetic };
}

type PartMetadata = Readonly<Record<string, string | undefined>>;

/** The metadata of a part, or what is wrong with its bytes. */
function readMetadata(file: string, digest: string): PartMetadata | string {
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch (error) {
    return `it cannot be read (${(error as Error).message.split(', ')[0]})`;
  }
  if (digestOf(bytes).slice(0, 16) !== digest)
    return isPointer(bytes)
      ? 'it is a Git LFS pointer, without the data: fetch it with git lfs pull'
      : 'it is damaged: its bytes are not those that its name tells of';
  try {
    const { key_value_metadata: metadata } = parquetMetadata(arrayOf(bytes));
    return Object.fromEntries((metadata ?? []).map(({ key, value }) => [key, value]));
  } catch (error) {
    return `it is no Parquet file (${(error as Error).message})`;
  }
}

function faultOf(
  metadata: PartMetadata,
  plan: string,
  chunk: number,
  pinned: Arithmetic | null,
): string | null {
  if (metadata['plan'] !== plan) return 'it belongs to another plan';
  if (metadata['chunk'] !== String(chunk)) return `it is of chunk ${metadata['chunk']}`;
  const arithmetic = parseArithmetic(metadata['arithmetic']);
  if (!arithmetic || !pinned) return 'it does not say what computed it';
  return arithmeticText(arithmetic) === arithmeticText(pinned)
    ? null
    : `it was computed by ${wordsOf(arithmetic)}, not by ${wordsOf(pinned)}`;
}

const arrayOf = ({ buffer, byteOffset, byteLength }: Buffer): ArrayBuffer =>
  buffer.slice(byteOffset, byteOffset + byteLength) as ArrayBuffer;

/** Moves what is no part out of the way. */
export function setAside(folder: string, faults: readonly Fault[]): void {
  if (faults.length === 0) return;
  const aside = join(folder, SET_ASIDE);
  mkdirSync(aside, { recursive: true });
  for (const { file } of faults) {
    const free = (name: string): string => (existsSync(join(aside, name)) ? free(`${name}.again`) : name);
    renameSync(file, join(aside, free(basename(file))));
  }
}

/** Removes what processes that were killed were writing; nobody may be writing now. */
export function removeTemporaryFiles(folder: Pick<PartsFolder, 'path' | 'kind'>): void {
  for (const name of namesIn(placeOf(folder)))
    if (name.endsWith('.part')) rmSync(join(placeOf(folder), name));
}

/** Copies parts of another folder. */
export function copyParts(parts: readonly Part[], folder: Pick<PartsFolder, 'path' | 'kind'>): void {
  for (const { file } of parts) copyFileSync(file, join(placeOf(folder), basename(file)));
}

/** Columns of a part, [column][row]. */
export async function readPart<V extends Value | Uint8Array = Value>(
  { file }: Part,
  columns: readonly string[],
): Promise<V[][]> {
  const values = new Map<string, V[]>(columns.map((name) => [name, []]));
  await parquetRead({
    file: arrayOf(readFileSync(file)),
    columns: [...columns],
    // Bytes are no text.
    utf8: false,
    onChunk({ columnName, columnData }) {
      const column = values.get(columnName)!;
      for (const value of columnData as Iterable<V>) column.push(value);
    },
  });
  return [...values.values()];
}
