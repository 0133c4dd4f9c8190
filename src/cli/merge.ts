/** `rankflow sweep merge`: the parts of shards to one summary and report. */
import { resolve } from 'node:path';
import { InputError } from '../host/inputError.js';
import { Incomplete, merge, openSweep, type FolderSweep } from '../run/folderSweep.js';
import { note } from './output.js';
import { show } from './sweepOutput.js';

/** Merges the parts in folders, into `out` or else the one folder, and prints the summary. */
export async function mergeFolders(
  folders: readonly string[],
  out: string | undefined,
  json: boolean,
): Promise<void> {
  const target = out === undefined ? null : resolve(out);
  const sweeps: FolderSweep[] = [];
  for (const path of folders.map((folder) => resolve(folder))) sweeps.push(await openSweep(path));
  const [first, ...others] = sweeps as [FolderSweep, ...FolderSweep[]];
  const other = others.find(({ hash }) => hash !== first.hash);
  if (other) throw new InputError('folders', other.path, `of the same plan as ${first.path}`);
  const whole = target === null ? first : { ...first, path: target, record: null };
  const cells = await attempt(() => merge(whole, target === null ? others : sweeps));
  show(whole, cells, json);
}

async function attempt<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof Incomplete)) throw error;
    for (const line of error.message.split('\n')) note(`rankflow: ${line}`);
    process.exit(1);
  }
}
