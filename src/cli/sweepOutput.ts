/** What a sweep that is done prints. */
import { join } from 'node:path';
import { sweepTable } from '../report/table.js';
import { pinnedIn } from '../results/arithmetic.js';
import type { FolderSweep } from '../run/folderSweep.js';
import { readSweepFolder, summaryRow } from '../results/sweepFolder.js';
import type { CellSummary } from '../sweep/summary.js';
import { print, printJson } from './output.js';

/** The table of a sweep's cells, or all there is as JSON. */
export function show({ path }: FolderSweep, cells: readonly CellSummary[], json: boolean): void {
  if (json)
    printJson({
      provenance: readSweepFolder(path),
      arithmetic: pinnedIn(path),
      folder: path,
      cells: cells.map(summaryRow),
    });
  else print(`${sweepTable(cells)}\n\nResults: ${path} (open ${join(path, 'report.html')})`);
}
