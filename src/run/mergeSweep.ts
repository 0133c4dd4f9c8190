/** Merges the parts of a sweep, of its folder or of those of its shards, into its summary and report. */
import { renameSync, rmSync } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import { temporaryName } from '../files/writeWhole.js';
import { InputError } from '../host/inputError.js';
import { pin, wordsOf, type Arithmetic } from '../results/arithmetic.js';
import { refuseFolder, restoreSubfolders } from '../results/folder.js';
import { columnsOfParts, copyParts, removeTemporaryFiles } from '../results/parts.js';
import { finishSweepFolder, subfolders } from '../results/sweepFolder.js';
import type { PlanChunk } from '../sweep/chunks.js';
import { summarize } from '../sweep/summarize.js';
import type { CellSummary } from '../sweep/summary.js';
import { missingOf } from './computeSweep.js';
import { inventoryOf, makeFolder, type FolderSweep } from './folderSweep.js';

/** Parts are missing, or files among them are none. */
export class Incomplete extends Error {
  override readonly name = 'Incomplete';
}

/**
 * Writes the summary and the report of a sweep whose parts are all there, in its folder or in those of its shards, from
 * which they are then copied. A folder that is yet to be made appears when all is written.
 * @throws InputError if folders were not computed alike; Incomplete, which names what is wrong
 */
export async function mergeSweep(
  sweep: FolderSweep,
  others: readonly FolderSweep[] = [],
): Promise<CellSummary[]> {
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
  const problems = [
    ...faults.map(({ file, reason }) => `${file}: ${reason}`),
    // A part's name has the digest of its bytes.
    ...all.flatMap(({ chunk, file }) =>
      basename(file) === basename(first.get(chunk)!.file)
        ? []
        : [`${file}: chunk ${chunk} is another than in ${first.get(chunk)!.file}`],
    ),
  ];
  const missing = problems.length > 0 ? [] : await missingOf(sweep, parts);
  if (missing.length > 0) problems.push(`${missing.length} chunks are missing: ${rangesOf(missing)}`);
  if (problems.length > 0) throw new Incomplete(problems.join('\n'));
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
