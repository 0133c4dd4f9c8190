/** Merges the parts of a sweep, of its folder or of those of its shards, into its summary and report. */
import { columnsOfParts } from '../results/trialParts.js';
import { finishSweepFolder, readSweepFolder } from '../results/sweepFolder.js';
import { summarize } from '../sweep/summarize.js';
import type { CellSummary } from '../sweep/summary.js';
import { missingOf } from './computeSweep.js';
import { makeFolder, type FolderSweep } from './folderSweep.js';
import { mergeParts } from './mergeParts.js';

/**
 * Writes the summary and the report of a sweep whose parts are all there.
 * @throws InputError, Incomplete as mergeParts
 */
export const mergeSweep = (sweep: FolderSweep, others: readonly FolderSweep[] = []): Promise<CellSummary[]> =>
  mergeParts(sweep, sweep.record !== null, others, {
    missing: (parts) => missingOf(sweep, parts),
    make: (path) => void makeFolder({ ...sweep, path }),
    async finish(path, parts, arithmetic) {
      const cells = await summarize(sweep.plan, columnsOfParts(parts, sweep.chunks));
      await finishSweepFolder(path, { ...(sweep.record ?? readSweepFolder(path)), ...arithmetic }, cells);
      return cells;
    },
  });
