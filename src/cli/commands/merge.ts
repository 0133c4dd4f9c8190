/** The flags of `rankflow sweep merge`. */
import type { CommandModule } from 'yargs';
import { InputError } from '../../host/inputError.js';

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
    const folders = argv['folders'] as string[];
    const out = argv['out'] as string | undefined;
    if (folders.length > 1 && out === undefined)
      throw new InputError('out', out, 'a folder for what several folders hold together');
    const { mergeFolders } = await import('../merge.js');
    await mergeFolders(folders, out, Boolean(argv['json']));
  },
};
