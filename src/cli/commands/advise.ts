/** The flags of `rankflow advise`, and what they say: of a pair of checkpoints, or of a training that is planned. */
import type { CommandModule } from 'yargs';
import type { z } from 'zod';
import { adviseSchema } from '../../advise/config.js';
import { forecastSchema } from '../../advise/forecast/config.js';
import { InputError } from '../../host/inputError.js';
import { defaultFolder } from '../../results/folder.js';
import { parseShard } from '../../input/shard.js';
import { shellWord } from '../../host/shellWord.js';
import type { AdviseOutput } from '../advise.js';
import { givenFlags, shardFlag } from '../flags.js';
import { afterTraining, beforeTraining, formFlags } from './adviceForms.js';
import { mergeCommand } from './merge.js';
import { submitAdviceCommand } from './submit.js';
import { refuseWrite } from '../write.js';

type Arguments = Readonly<Record<string, unknown>>;

export const adviseCommand: CommandModule = {
  command: 'advise [base] [tuned]',
  describe:
    'which rank for which weight: from checkpoints before and after training, and as adapters; or before training, ' +
    'from statistics (--stats), what each rank makes of it',
  builder: (yargs) =>
    yargs
      .command(
        mergeCommand(
          'advice, or of a forecast,',
          'advice and report',
          async () => (await import('../advise.js')).mergeAdvised,
        ),
      )
      .command(submitAdviceCommand)
      .positional('base', {
        type: 'string',
        describe: 'checkpoint before training: a folder, a .safetensors file or its index',
      })
      .positional('tuned', {
        type: 'string',
        describe: 'checkpoint after training from it, or a folder of a PEFT adapter',
      })
      .options(formFlags)
      .option('shard', shardFlag)
      .option('json', { type: 'boolean', describe: 'print the advice as JSON, alone, on standard output' })
      .example('$0 advise models/base models/tuned', '')
      .example('$0 advise models/base models/tuned --budget 0.2%,1% --write adapters --dtype bfloat16', '')
      .example(
        '$0 advise models/base models/tuned --stats stats.safetensors',
        'with errors weighted by inputs',
      )
      .example('$0 advise models/base adapter --budget 500000 --write smaller', 'resizes an adapter')
      .example(
        '$0 advise --stats stats.safetensors --optimizer adamw --lr 1e-4 --steps 500 --ranks 1,4,16',
        'before training',
      ),
  async handler(argv) {
    const after = afterTraining(argv);
    if (after) {
      const { base, tuned, config } = after;
      const output = outputOf(argv, [base, tuned], adviseSchema, config.out);
      refuseWrite(config, output.out);
      const { adviseAfter } = await import('../advise.js');
      return adviseAfter(after, output);
    }
    const config = beforeTraining(argv);
    const { adviseForecast } = await import('../adviseForecast.js');
    return adviseForecast(config, outputOf(argv, [], forecastSchema, config.out));
  },
};

/** Where results go, and how to go on with them. @throws InputError for a shard that is none, or has no folder */
function outputOf(
  argv: Arguments,
  positionals: readonly string[],
  schema: z.ZodObject,
  folder: string | undefined,
): AdviseOutput {
  const shard = typeof argv['shard'] === 'string' ? parseShard(argv['shard'], process.env) : undefined;
  if (shard && folder === undefined) throw new InputError('out', undefined, 'a folder that all shards share');
  const out = folder ?? defaultFolder('advise');
  const flags = givenFlags(schema, argv);
  const resume = [
    ...[...positionals, '--out', out, ...flags].map((word) =>
      word.startsWith('--') ? word : shellWord(word),
    ),
    ...(shard ? ['--shard', `${shard.number}/${shard.of}`] : []),
  ];
  return { out, shard, json: Boolean(argv['json']), resume: resume.join(' ') };
}
