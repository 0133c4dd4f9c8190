/** `rankflow sweep merge`: the parts of shards to one summary and report. */
import { join, resolve } from 'node:path';
import { InputError } from '../host/inputError.js';
import type { FolderSweep } from '../run/folderSweep.js';
import { mergeSweep } from '../run/mergeSweep.js';
import { sweepTable } from '../report/table.js';
import { pinnedIn } from '../results/arithmetic.js';
import { readSweepFolder, summaryRow } from '../results/sweepFolder.js';
import type { CellSummary } from '../sweep/summary.js';
import { tradeOffs } from '../sweep/tradeOff.js';
import { merged } from './inParts.js';
import { openFolder } from './openFolder.js';
import { print, printJson } from './output.js';

/** Merges the parts in folders, into `out` or else the one folder, and prints the summary. */
export async function mergeFolders(
  folders: readonly string[],
  out: string | undefined,
  json: boolean,
): Promise<void> {
  const target = out === undefined ? null : resolve(out);
  const sweeps: FolderSweep[] = [];
  for (const path of folders.map((folder) => resolve(folder))) sweeps.push(await openFolder(path));
  const [first, ...others] = sweeps as [FolderSweep, ...FolderSweep[]];
  const other = others.find(({ hash }) => hash !== first.hash);
  if (other) throw new InputError('folders', other.path, `of the same plan as ${first.path}`);
  const mergedSweep = target === null ? first : { ...first, path: target, record: null };
  const cells = await merged(() => mergeSweep(mergedSweep, target === null ? others : sweeps));
  printCells(mergedSweep, cells, json);
}

/** Prints the table of a sweep's cells and where its results are, or all of it as JSON. */
export function printCells({ path }: FolderSweep, cells: readonly CellSummary[], json: boolean): void {
  if (json)
    printJson({
      provenance: readSweepFolder(path),
      arithmetic: pinnedIn(path),
      folder: path,
      cells: cells.map(summaryRow),
      tradeOffs: tradeOffs(cells),
    });
  else print(`${sweepTable(cells)}\n\nResults: ${path} (open ${join(path, 'report.html')})`);
}
