/** `rankflow devices`: which TensorFlow.js backends work here, on which device, and why the others do not. */
import type { CommandModule } from 'yargs';
import { listBackends } from '../backend/useBackend.js';
import { print, printJson } from './output.js';

export const devicesCommand: CommandModule = {
  command: 'devices',
  describe: 'list the TensorFlow.js backends that work here, and why the others do not',
  builder: (yargs) =>
    yargs
      .option('json', { type: 'boolean', describe: 'print JSON, alone, on standard output' })
      .example('$0 devices', '')
      .example('$0 devices --json', ''),
  async handler(argv) {
    const backends = await listBackends();
    if (argv['json']) return printJson(backends);
    for (const { name, available, preferred, device, reason, limits } of backends) {
      const works = available ? (preferred ? 'yes, the default' : 'yes') : 'no';
      print(`${name.padEnd(11)} ${works.padEnd(17)} ${available ? device : reason}`);
      if (available)
        for (const [limit, value] of Object.entries(limits)) print(`${' '.repeat(30)}${limit}: ${value}`);
    }
  },
};
