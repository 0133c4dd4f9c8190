/** The flags of `rankflow advise`, and what they say: of a pair of checkpoints, or of a training that is planned. */
import type { CommandModule, Options } from 'yargs';
import type { z } from 'zod';
import { adviseSchema } from '../../advise/config.js';
import { forecastSchema } from '../../advise/forecast/config.js';
import { InputError } from '../../host/inputError.js';
import { checkConfig } from '../../input/checkConfig.js';
import { configFromText } from '../../input/fromText.js';
import { defaultFolder, refuseFolder } from '../../results/folder.js';
import { parseShard } from '../../input/shard.js';
import { shellWord } from '../../host/shellWord.js';
import { flagsOf, givenFlags, shardFlag } from '../flags.js';
import { mergeCommand } from './merge.js';
import { submitAdviceCommand } from './submit.js';
import { refuseWrite } from '../write.js';

type Arguments = Readonly<Record<string, unknown>>;

/** Flags of both forms, which stay with the rest. */
const shared = Object.keys(adviseSchema.shape).filter((key) => key in forecastSchema.shape);

/** Flags of a schema under a heading of the help. */
const grouped = (schema: z.ZodObject, group: string): Record<string, Options> =>
  Object.fromEntries(
    Object.entries(flagsOf(schema)).map(([name, options]) => [
      name,
      shared.includes(name) ? options : { ...options, group },
    ]),
  );

const AFTER = 'After training, with BASE and TUNED:';

export const adviseCommand: CommandModule = {
  command: 'advise [base] [tuned]',
  describe:
    'which rank for which weight: from checkpoints before and after training, and as adapters; or before training, ' +
    'from statistics (--stats), what each rank makes of it',
  builder: (yargs) =>
    yargs
      .command(
        mergeCommand(
          'advice',
          'advice and report',
          async () => (await import('../advise.js')).mergeAdviceFolders,
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
      .options(grouped(adviseSchema, AFTER))
      .options(grouped(forecastSchema, 'Before training, without them:'))
      .option('stats', {
        describe: `${forecastSchema.shape.stats.description}; with BASE and TUNED: ${adviseSchema.shape.stats.description}`,
      })
      .option('shard', { ...shardFlag, group: AFTER })
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
  handler: (argv) => (argv['base'] === undefined ? before(argv) : after(argv)),
};

async function after(argv: Arguments): Promise<void> {
  const { base, tuned } = argv as { base: string; tuned?: string };
  if (tuned === undefined) throw new InputError('tuned', tuned, 'given with BASE');
  refuseOthers(argv, forecastSchema, adviseSchema, 'with BASE and TUNED');
  const config = checkConfig(adviseSchema, configFromText(adviseSchema, argv));
  const shard = typeof argv['shard'] === 'string' ? parseShard(argv['shard'], process.env) : undefined;
  if (shard && config.out === undefined)
    throw new InputError('out', undefined, 'a folder that all shards share');
  const out = config.out ?? defaultFolder('advise');
  refuseWrite(config, out);
  const flags = givenFlags(adviseSchema.omit({ out: true }), argv);
  const words = [shellWord(base), shellWord(tuned), '--out', shellWord(out)];
  const own = shard ? ['--shard', `${shard.number}/${shard.of}`] : [];
  const resume = [
    ...words,
    ...flags.map((word) => (word.startsWith('--') ? word : shellWord(word))),
    ...own,
  ].join(' ');
  const { adviseAfter } = await import('../advise.js');
  await adviseAfter({ base, tuned, config }, { out, shard, resume, json: Boolean(argv['json']) });
}

async function before(argv: Arguments): Promise<void> {
  if (argv['stats'] === undefined)
    throw new InputError('base', undefined, 'given with TUNED, or --stats in their place');
  if (argv['shard'] !== undefined)
    throw new InputError('shard', argv['shard'], 'left out without BASE and TUNED');
  refuseOthers(argv, adviseSchema, forecastSchema, 'without BASE and TUNED');
  const config = checkConfig(forecastSchema, configFromText(forecastSchema, argv));
  const out = config.out ?? defaultFolder('advise');
  refuseFolder(out);
  const { adviseForecast } = await import('../adviseForecast.js');
  await adviseForecast(config, { out, json: Boolean(argv['json']) });
}

/** @throws InputError for a flag of the other form */
function refuseOthers(argv: Arguments, other: z.ZodObject, own: z.ZodObject, when: string): void {
  const [[key, value] = []] = Object.entries(configFromText(other, argv)).filter(
    ([name]) => !(name in own.shape),
  );
  if (key !== undefined) throw new InputError(key, value, `left out ${when}`);
}
