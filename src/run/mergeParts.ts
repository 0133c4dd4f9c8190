/** Merges the parts of a results folder, or of those of its shards, into what all of them together give. */
import { renameSync, rmSync } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import { temporaryName } from '../files/writeWhole.js';
import { InputError } from '../host/inputError.js';
import { pin, pinnedIn, wordsOf, type Arithmetic } from '../results/arithmetic.js';
import { refuseFolder, restoreSubfolders } from '../results/folder.js';
import { copyParts, inventory, removeTemporaryFiles, type Inventory, type Part } from '../results/parts.js';
import type { PartsFolder } from '../results/partsFolder.js';

/** Parts are missing, or files among them are none. */
export class Incomplete extends Error {
  override readonly name = 'Incomplete';
}

type Chunks = PartsFolder['chunks'];

/** What is particular to what the parts are of. */
export interface Merging<T> {
  /** Chunks that are needed and not among these parts. */
  missing(parts: readonly Part[]): Chunks | Promise<Chunks>;
  /** Makes the folder, without parts, at another path than its own. */
  make(path: string): void;
  /** Writes what all parts together give into the folder at that path. */
  finish(path: string, parts: readonly Part[], arithmetic: Arithmetic | null): Promise<T>;
}

/** The parts of a folder, every byte of which is looked at. */
export const inventoryOf = (folder: PartsFolder): Inventory => inventory(folder, true, pinnedIn(folder.path));

/**
 * Finishes a folder whose parts are all there, in it or in those of its shards, from which they are then copied. A folder
 * that is yet to be made appears when all is written.
 * @param isMade whether the folder is there
 * @throws InputError if folders were not computed alike; Incomplete, which names what is wrong
 */
export async function mergeParts<T>(
  folder: PartsFolder,
  isMade: boolean,
  others: readonly PartsFolder[],
  { missing, make, finish }: Merging<T>,
): Promise<T> {
  if (!isMade) refuseFolder(folder.path);
  const inventories = [...(isMade ? [folder] : []), ...others].map((each) => ({
    ...inventoryOf(each),
    path: each.path,
  }));
  const arithmetic = commonArithmetic(inventories);
  // In the order of their chunks, in which sums are taken.
  const all = inventories.flatMap((each) => each.parts).sort((a, b) => a.chunk - b.chunk);
  const first = new Map([...all].reverse().map((part) => [part.chunk, part]));
  const parts = [...first.values()].reverse();
  const faults = inventories.flatMap((each) => each.faults);
  const problems = [
    ...faults.map(({ file, reason }) => `${file}: ${reason}`),
    // A part's name has the digest of its bytes.
    ...all.flatMap(({ chunk, file }) =>
      basename(file) === basename(first.get(chunk)!.file)
        ? []
        : [`${file}: chunk ${chunk} is another than in ${first.get(chunk)!.file}`],
    ),
  ];
  const lacking = problems.length > 0 ? [] : await missing(parts);
  if (lacking.length > 0) problems.push(`${lacking.length} chunks are missing: ${rangesOf(lacking)}`);
  if (problems.length > 0) throw new Incomplete(problems.join('\n'));
  const path = isMade ? folder.path : temporaryName(resolve(folder.path));
  try {
    if (!isMade) make(path);
    const place = { ...folder, path };
    restoreSubfolders(path, folder.kind.subfolders);
    if (arithmetic) pin(path, arithmetic);
    copyParts(
      parts.filter(({ file }) => dirname(dirname(resolve(file))) !== resolve(path)),
      place,
    );
    const result = await finish(path, parts, arithmetic);
    removeTemporaryFiles(place);
    if (!isMade) renameSync(path, resolve(folder.path));
    return result;
  } catch (error) {
    if (!isMade) rmSync(path, { recursive: true, force: true });
    throw error;
  }
}

/** What computed the parts of all folders. @throws InputError if they differ */
function commonArithmetic(
  folders: readonly { readonly path: string; readonly arithmetic: Arithmetic | null }[],
): Arithmetic | null {
  const pinned = folders.flatMap(({ path, arithmetic }) =>
    arithmetic ? [{ path, words: wordsOf(arithmetic) }] : [],
  );
  const other = pinned.find(({ words }) => words !== pinned[0]!.words);
  if (other)
    throw new InputError(
      'folders',
      `${other.path}, computed by ${other.words}`,
      `computed as ${pinned[0]!.path} was: by ${pinned[0]!.words}`,
    );
  return folders.find(({ arithmetic }) => arithmetic)?.arithmetic ?? null;
}

/** "0-3, 7": numbers of chunks, the first few ranges. */
export function rangesOf(chunks: Chunks): string {
  const ranges: [number, number][] = [];
  for (const { index } of chunks) {
    const last = ranges.at(-1);
    if (last && last[1] === index - 1) last[1] = index;
    else ranges.push([index, index]);
  }
  const written = ranges.slice(0, 10).map(([from, to]) => (from === to ? `${from}` : `${from}-${to}`));
  return [...written, ...(ranges.length > 10 ? [`and ${ranges.length - 10} more ranges`] : [])].join(', ');
}
