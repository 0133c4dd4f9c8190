/** The flags of `rankflow theory`, and what they say. */
import type { CommandModule } from 'yargs';
import { checkConfig } from '../../input/checkConfig.js';
import { configFromText } from '../../input/fromText.js';
import { bareFlags } from '../../input/horizon.js';
import { curvatureKeys, type CurvatureKey } from '../../problem/source.js';
import { sweepSchema } from '../../sweep/config.js';
import { flagsOf } from '../flags.js';

const theorySchema = sweepSchema.pick({
  loss: true,
  target: true,
  base: true,
  transpose: true,
  ...(Object.fromEntries(curvatureKeys.map((key) => [key, true])) as Record<CurvatureKey, true>),
  spectrum: true,
  vectors: true,
  noise: true,
  shape: true,
  ranks: true,
  init: true,
  scaling: true,
  alpha: true,
  lrRatioA: true,
  lrRatioB: true,
  flow: true,
  decay: true,
  coupledDecay: true,
  seed: true,
});

export const theoryCommand: CommandModule = {
  command: 'theory',
  describe: 'print what the closed forms say of each rank; nothing is simulated',
  builder: (yargs) =>
    yargs
      .options(flagsOf(theorySchema))
      .option('json', { type: 'boolean', describe: 'print JSON, alone, on standard output' })
      .example('$0 theory --spectrum power:1 --shape 4096x4096 --ranks 1,4,16,64', '')
      .example(
        '$0 theory --spectrum power:1 --shape 64x64 --ranks 1,4,16 --decay 0.1',
        'where weight decay ends',
      )
      .example(
        '$0 theory --loss trace-squared --spectrum power:0.5 --shape 64x64 --ranks 1,2,4 --init gaussian',
        '',
      )
      .example(
        '$0 theory --spectrum 2.5,1.5,1,0.6 --shape 600x900 --noise 0.8 --ranks 1,2,3,4',
        'the best rank under noise',
      ),
  async handler(argv) {
    const config = checkConfig(theorySchema, configFromText(theorySchema, argv, bareFlags));
    const { theory } = await import('../theory.js');
    await theory(checkConfig(sweepSchema, config), Boolean(argv['json']));
  },
};
