/** The flags of `rankflow advise`, and what they say. */
import { isAbsolute, relative, resolve } from 'node:path';
import type { CommandModule } from 'yargs';
import { adviseSchema } from '../../advise/config.js';
import { InputError } from '../../host/inputError.js';
import { checkConfig } from '../../input/checkConfig.js';
import { configFromText } from '../../input/fromText.js';
import { defaultFolder, refuseFolder } from '../../results/folder.js';
import { flagsOf } from '../flags.js';

export const adviseCommand: CommandModule = {
  command: 'advise <base> <tuned>',
  describe: 'which rank for which weight: from checkpoints before and after training, and as adapters',
  builder: (yargs) =>
    yargs
      .positional('base', {
        type: 'string',
        describe: 'checkpoint before training: a folder, a .safetensors file or its index',
      })
      .positional('tuned', {
        type: 'string',
        describe: 'checkpoint after training from it, or a folder of a PEFT adapter',
      })
      .options(flagsOf(adviseSchema))
      .option('json', { type: 'boolean', describe: 'print the advice as JSON, alone, on standard output' })
      .example('$0 advise models/base models/tuned', '')
      .example('$0 advise models/base models/tuned --budget 0.2%,1% --write adapters --dtype bfloat16', '')
      .example('$0 advise models/base adapter --budget 500000 --write smaller', 'resizes an adapter'),
  async handler(argv) {
    const config = checkConfig(adviseSchema, configFromText(adviseSchema, argv));
    const out = config.out ?? defaultFolder('advise');
    refuseFolder(out);
    if (config.write !== undefined) {
      refuseFolder(config.write, 'write');
      const [adapters, results] = [resolve(config.write), resolve(out)];
      if (isWithin(adapters, results) || isWithin(results, adapters))
        throw new InputError('write', config.write, 'a folder apart from out, neither in the other');
    }
    const { adviseAfter } = await import('../advise.js');
    await adviseAfter(argv['base'] as string, argv['tuned'] as string, config, {
      out,
      json: Boolean(argv['json']),
    });
  },
};

/** Whether a path is a folder or below it. */
function isWithin(folder: string, path: string): boolean {
  const way = relative(folder, path);
  return !isAbsolute(way) && !/^\.\.([\\/]|$)/.test(way);
}
