/** The sweep of a folder, for a command. */
import { builtInLoss } from '../problem/losses.js';
import { readSweepFolder } from '../results/sweepFolder.js';
import { openSweep, type FolderSweep } from '../run/folderSweep.js';
import type { SweepConfig } from '../sweep/config.js';

/**
 * The sweep of a folder, whose path is absolute. A module of a loss may itself read files by names from the folder in
 * which the sweep was begun: this process goes there, if it is there.
 * @throws InputError as openSweep
 */
export function openFolder(path: string, execution?: Partial<SweepConfig>): Promise<FolderSweep> {
  const { config, workingFolder } = readSweepFolder(path);
  if (!config.loss.every(builtInLoss))
    try {
      process.chdir(workingFolder);
    } catch {
      // openSweep says what is not there.
    }
  return openSweep(path, execution);
}
