/** The flags of `rankflow devices`. */
import type { CommandModule } from 'yargs';

export const devicesCommand: CommandModule = {
  command: 'devices',
  describe: 'list the TensorFlow.js backends that work here, and why the others do not',
  builder: (yargs) =>
    yargs
      .option('json', { type: 'boolean', describe: 'print JSON, alone, on standard output' })
      .example('$0 devices', '')
      .example('$0 devices --json', ''),
  async handler(argv) {
    const { devices } = await import('../devices.js');
    await devices(Boolean(argv['json']));
  },
};
