/** `rankflow devices`: which TensorFlow.js backends work here, on which device, and why the others do not. */
import type { CommandModule } from 'yargs';
import { listBackends } from '../backend/useBackend.js';
import { table } from '../report/table.js';
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
    print(
      table(
        ['backend', 'works', 'device, or why not'],
        backends.map(({ name, available, preferred, device, reason }) => [
          name,
          available ? (preferred ? 'yes, default' : 'yes') : 'no',
          (available ? device : reason) ?? '',
        ]),
      ),
    );
    for (const { name, available, limits } of backends) {
      const entries = Object.entries(limits ?? {});
      if (available && entries.length > 0)
        print(`${name}: ${entries.map(([k, v]) => `${k} ${v}`).join(', ')}`);
    }
  },
};
