/** The flags of `rankflow status`. */
import type { CommandModule } from 'yargs';

export const statusCommand: CommandModule = {
  command: 'status <folder>',
  describe:
    'how a sweep, advice or a forecast stands: chunks done, missing and failed, runs, rate and time left',
  builder: (yargs) =>
    yargs
      .positional('folder', {
        type: 'string',
        describe: 'results folder of a sweep, of advice or of a forecast',
      })
      .option('json', { type: 'boolean', describe: 'print it as JSON' }),
  async handler(argv) {
    const { status } = await import('../status.js');
    await status(argv['folder'] as string, Boolean(argv['json']));
  },
};
