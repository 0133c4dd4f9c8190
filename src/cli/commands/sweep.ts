/** The flags of `rankflow sweep`, and what they and a file say: a new sweep, or the rest of one that was begun. */
import type { CommandModule } from 'yargs';
import { InputError } from '../../host/inputError.js';
import { checkConfig } from '../../input/checkConfig.js';
import { configFromText } from '../../input/fromText.js';
import { defaultFolder, refuseFolder } from '../../results/folder.js';
import { sweepSchema, type SweepConfig } from '../../sweep/config.js';
import { bareFlags } from '../../input/horizon.js';
import { configOf, configurableFlags, initializationHelp, shardFlag } from '../flags.js';
import type { SweepRequest } from '../sweep.js';
import { mergeCommand } from './merge.js';
import { submitCommand } from './submit.js';

/** Keys of how a sweep is computed, which may change when it goes on: its rows stay the same. */
const executionSchema = sweepSchema.pick({
  ...{ workers: true, chunk: true, backend: true, kernel: true, fusedKernel: true },
});

export const sweepCommand: CommandModule = {
  command: 'sweep',
  describe: 'simulate many ranks and initializations beside the closed-form law',
  builder: (yargs) =>
    yargs
      .command(
        mergeCommand('a sweep', 'summary and report', async () => (await import('../merge.js')).mergeFolders),
      )
      .command(submitCommand)
      .options(configurableFlags(sweepSchema))
      .option('resume', {
        type: 'string',
        requiresArg: true,
        global: false,
        describe:
          'results folder of a sweep that was cut off: computes what is missing, alone or with a shard',
      })
      .option('shard', shardFlag)
      .option('json', { type: 'boolean', describe: 'print the summary as JSON, alone, on standard output' })
      .example('$0 sweep --spectrum power:1 --shape 64x64 --ranks 1,2,4,8', 'a power-law target')
      .example(
        '$0 sweep --target w.safetensors --ranks 4,8 --init kaiming,gaussian:0.05 --trials 64 --time 50',
        '',
      )
      .example(
        '$0 sweep --loss trace-squared --spectrum power:0.5 --shape 256x256 --ranks 1,4,16 --init gaussian',
        '',
      )
      .example('$0 sweep --config sweep.yaml --backend webgpu --out results', '')
      .example('$0 sweep --resume results', 'the rest of a sweep that was cut off')
      .epilogue(initializationHelp),
  async handler(argv) {
    const request =
      typeof argv['resume'] === 'string' ? resumeRequest(argv, argv['resume']) : newRequest(argv);
    const { sweep } = await import('../sweep.js');
    await sweep(request, argv['shard'] as string | undefined, Boolean(argv['json']));
  },
};

/** A new sweep, in a folder that is not there yet; the shards of one share a folder, which the first of them makes. */
function newRequest(argv: Readonly<Record<string, unknown>>): SweepRequest {
  const config = configOf(sweepSchema, argv);
  const out = config.out ?? defaultFolder('sweep');
  if (argv['shard'] === undefined) refuseFolder(out);
  else if (config.out === undefined) throw new InputError('out', undefined, 'a folder that all shards share');
  return { config, out };
}

/** The sweep in a folder, and how the rest of it is to be computed. */
function resumeRequest(argv: Readonly<Record<string, unknown>>, folder: string): SweepRequest {
  const config = configFromText(sweepSchema, argv, bareFlags);
  const [other] = Object.keys({ ...config, ...(argv['config'] !== undefined && { config: '' }) }).filter(
    (key) => !(key in executionSchema.shape),
  );
  if (other !== undefined)
    throw new InputError(other, config[other], 'left out with --resume: the folder says it');
  const execution = Object.entries(checkConfig(executionSchema, config)).filter(([key]) => key in config);
  return { folder, execution: Object.fromEntries(execution) as Partial<SweepConfig> };
}
