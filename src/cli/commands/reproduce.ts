/** The flags of `rankflow reproduce`, and what they say. */
import type { CommandModule } from 'yargs';
import { checkConfig } from '../../input/checkConfig.js';
import { configFromText } from '../../input/fromText.js';
import { reproductionSchema } from '../../reproduce/config.js';
import { defaultFolder, refuseFolder } from '../../results/folder.js';
import { flagsOf } from '../flags.js';

export const reproduceCommand: CommandModule = {
  command: 'reproduce',
  describe: 'demonstrate the claims of the paper and of the theory, each as a figure with its verdict',
  builder: (yargs) =>
    yargs
      .options(flagsOf(reproductionSchema))
      .example('$0 reproduce', 'every claim, in a few minutes on two cores')
      .example('$0 reproduce --only tanh-law,balanced', ''),
  async handler(argv) {
    const config = checkConfig(reproductionSchema, configFromText(reproductionSchema, argv));
    const out = config.out ?? defaultFolder('reproduce');
    refuseFolder(out);
    const { reproduction } = await import('../reproduce.js');
    await reproduction(config, out);
  },
};
