/** `rankflow sweep merge`: the parts of shards to one summary and report. */
import { resolve } from 'node:path';
import type { CommandModule } from 'yargs';
import { InputError } from '../host/inputError.js';
import { Incomplete, merge, openSweep, type FolderSweep } from '../run/folderSweep.js';
import { note } from './output.js';
import { show } from './sweepOutput.js';

export const mergeCommand: CommandModule = {
  command: 'merge <folders..>',
  describe: 'check that the shards of a sweep are complete, and write its summary and report',
  builder: (yargs) =>
    yargs
      .positional('folders', {
        type: 'string',
        array: true,
        describe: 'the folder of all shards, or those of each',
      })
      .option('out', {
        type: 'string',
        requiresArg: true,
        describe: 'results folder, which must not exist, for shards that have folders of their own',
      })
      .option('json', { type: 'boolean', describe: 'print the summary as JSON, alone, on standard output' }),
  async handler(argv) {
    const folders = (argv['folders'] as string[]).map((folder) => resolve(folder));
    const out = argv['out'] as string | undefined;
    if (folders.length > 1 && out === undefined)
      throw new InputError('out', out, 'a folder for what several folders hold together');
    const target = out === undefined ? null : resolve(out);
    const sweeps: FolderSweep[] = [];
    for (const folder of folders) sweeps.push(await openSweep(folder));
    const [first, ...others] = sweeps as [FolderSweep, ...FolderSweep[]];
    const other = others.find(({ hash }) => hash !== first.hash);
    if (other) throw new InputError('folders', other.path, `of the same plan as ${first.path}`);
    const whole = target === null ? first : { ...first, path: target, record: null };
    const cells = await attempt(() => merge(whole, target === null ? others : sweeps));
    show(whole, cells, Boolean(argv['json']));
  },
};

async function attempt<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof Incomplete)) throw error;
    for (const line of error.message.split('\n')) note(`rankflow: ${line}`);
    process.exit(1);
  }
}
