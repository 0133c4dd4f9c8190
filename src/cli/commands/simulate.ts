/** The flags of `rankflow simulate`, and what they and a file say. */
import type { CommandModule } from 'yargs';
import { defaultFolder, refuseFolder } from '../../results/folder.js';
import { simulationSchema } from '../../simulation/config.js';
import { configOf, configurableFlags, initializationHelp } from '../flags.js';

export const simulateCommand: CommandModule = {
  command: 'simulate',
  describe: 'follow one ensemble over time and keep its final adapters',
  builder: (yargs) =>
    yargs
      .options(configurableFlags(simulationSchema))
      .option('json', {
        type: 'boolean',
        describe: 'print the functionals as JSON, alone, on standard output',
      })
      .example('$0 simulate --spectrum power:1 --shape 64x48 --rank 4 --init balanced:0.1 --time 40', '')
      .example('$0 simulate --loss trace-squared --base w0.npy --rank 2 --init gaussian --time 1', '')
      .example(
        '$0 simulate --loss ./myLoss.ts --shape 32x32 --rank 4 --time 20',
        'a custom TensorFlow.js loss',
      )
      .epilogue(initializationHelp),
  async handler(argv) {
    const config = configOf(simulationSchema, argv);
    const out = config.out ?? defaultFolder('simulate');
    refuseFolder(out);
    const { simulate } = await import('../simulate.js');
    await simulate(config, out, Boolean(argv['json']));
  },
};
