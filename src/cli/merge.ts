/** `rankflow sweep merge`: the parts of shards to one summary and report. */
import { join } from 'node:path';
import type { FolderSweep } from '../run/folderSweep.js';
import { mergeSweep } from '../run/mergeSweep.js';
import { sweepTable } from '../report/table.js';
import { pinnedIn } from '../results/arithmetic.js';
import { readSweepFolder, summaryRow } from '../results/sweepFolder.js';
import type { CellSummary } from '../sweep/summary.js';
import { tradeOffs } from '../sweep/tradeOff.js';
import { mergedFolders } from './inParts.js';
import { openFolder } from './openFolder.js';
import { print, printJson } from './output.js';

/** Merges the parts in folders, into `out` or else the one folder, and prints the summary. */
export async function mergeFolders(
  folders: readonly string[],
  out: string | undefined,
  json: boolean,
): Promise<void> {
  const { folder, result } = await mergedFolders(
    folders,
    out,
    (path) => openFolder(path),
    (sweep, shards) => mergeSweep(shards.length === 0 ? sweep : { ...sweep, record: null }, shards),
  );
  printCells(folder, result, json);
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
