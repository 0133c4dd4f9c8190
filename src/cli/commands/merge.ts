/** The flags of `rankflow sweep merge` and `rankflow advise merge`. */
import type { CommandModule } from 'yargs';
import { InputError } from '../../host/inputError.js';

/** Merges the parts in folders, into `out` or else the one folder, and prints what they give. */
export type MergeFolders = (
  folders: readonly string[],
  out: string | undefined,
  json: boolean,
) => Promise<void>;

/**
 * @param subject what is merged: `a sweep`
 * @param result what is written of it
 */
export const mergeCommand = (
  subject: string,
  result: string,
  load: () => Promise<MergeFolders>,
): CommandModule => ({
  command: 'merge <folders..>',
  describe: `check that the shards of ${subject} are complete, and write its ${result}`,
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
      .option('json', {
        type: 'boolean',
        describe: `print the ${result.split(' ')[0]} as JSON, alone, on standard output`,
      }),
  async handler(argv) {
    const folders = argv['folders'] as string[];
    const out = argv['out'] as string | undefined;
    if (folders.length > 1 && out === undefined)
      throw new InputError('out', out, 'a folder for what several folders hold together');
    const merge = await load();
    await merge(folders, out, Boolean(argv['json']));
  },
});
