/** `rankflow sweep`: flags or a config file to a plan, a run and a results folder; or the rest of one that was begun. */
import { resolve } from 'node:path';
import type { CommandModule } from 'yargs';
import { checkConfig } from '../input/checkConfig.js';
import { configFromText } from '../input/fromText.js';
import { bareFlags } from '../sweep/horizon.js';
import { InputError } from '../host/inputError.js';
import { progress, type Progress } from '../report/progress.js';
import { defaultFolder, refuseFolder } from '../results/folder.js';
import { compute, merge, newSweep, openSweep, type FolderSweep } from '../run/folderSweep.js';
import { readSweepFolder } from '../results/sweepFolder.js';
import { parseShard, type Shard } from '../sweep/chunks.js';
import { sweepSchema, type SweepConfig } from '../sweep/config.js';
import type { CellSummary } from '../sweep/summary.js';
import { initializationHelp } from './flags.js';
import { mergeCommand } from './merge.js';
import { howOf, note, shellWord } from './output.js';
import { submitCommand } from './submit.js';
import { configOf, sweepFlags } from './sweepFlags.js';
import { show } from './sweepOutput.js';

/** How a sweep that was begun may be told to be computed; its rows stay the same. */
const executionSchema = sweepSchema.pick({ workers: true, chunk: true, backend: true, kernel: true });

export const sweepCommand: CommandModule = {
  command: 'sweep',
  describe: 'simulate many ranks and initializations beside the closed-form law',
  builder: (yargs) =>
    yargs
      .command(mergeCommand)
      .command(submitCommand)
      .options(sweepFlags)
      .option('resume', {
        type: 'string',
        requiresArg: true,
        global: false,
        describe:
          'results folder of a sweep that was cut off: computes what is missing, alone or with a shard',
      })
      .option('shard', {
        type: 'string',
        requiresArg: true,
        global: false,
        describe: 'I/N: the I-th of N parts alone, to be merged; auto: as Slurm or Kubernetes says',
      })
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
    const shardText = argv['shard'] as string | undefined;
    const shard = shardText === undefined ? undefined : parseShard(shardText, process.env);
    const sweep = await begun(argv, shard);
    const cells = await computed(sweep, shard);
    if (cells) show(sweep, cells, Boolean(argv['json']));
  },
};

/** A new sweep, or the one to be resumed. */
async function begun(
  argv: Readonly<Record<string, unknown>>,
  shard: Shard | undefined,
): Promise<FolderSweep> {
  if (typeof argv['resume'] !== 'string') {
    const config = configOf(argv);
    const out = config.out ?? defaultFolder('sweep');
    // Several shards of a sweep share a folder, which the first of them makes.
    if (!shard) refuseFolder(out);
    else if (config.out === undefined)
      throw new InputError('out', undefined, 'a folder that all shards share');
    return newSweep(config, out);
  }
  const config = configFromText(sweepSchema, argv, bareFlags);
  const [other] = Object.keys({ ...config, ...(argv['config'] !== undefined && { config: '' }) }).filter(
    (key) => !(key in executionSchema.shape),
  );
  if (other !== undefined)
    throw new InputError(other, config[other], 'left out with --resume: the folder says it');
  const folder = resolve(argv['resume']);
  readSweepFolder(folder);
  const execution = checkConfig(executionSchema, config);
  const told = Object.entries(execution).filter(([key]) => key in config);
  return openSweep(folder, Object.fromEntries(told) as Partial<SweepConfig>);
}

/** The cells of a sweep that is done; null if a shard of it is. Ends the process if it is interrupted or fails. */
async function computed(sweep: FolderSweep, shard: Shard | undefined): Promise<CellSummary[] | null> {
  const { path, plan } = sweep;
  const resume = `rankflow sweep --resume ${shellWord(path)}${shard ? ` --shard ${shard.number}/${shard.of}` : ''}`;
  let code: number | null = null;
  const hear = (name: NodeJS.Signals, number: number) => {
    if (code !== null) process.exit(code);
    code = 128 + number;
    note(`rankflow: ${name}: ends after the chunk in hand; once more: now, without it`);
  };
  const signals = ['SIGINT', 'SIGTERM'] as const;
  for (const name of signals) process.on(name, hear);
  let shown: Progress | undefined;
  try {
    const done = await compute(sweep, {
      shard,
      stop: () => code !== null,
      watch: {
        start(backend, ways, todo, faults) {
          for (const { file, reason } of faults) note(`rankflow: ${file} is set aside: ${reason}`);
          note(`rankflow sweep on ${backend.name} (${backend.device})${howOf(plan, ways)}`);
          shown = progress(todo, 'trajectories');
        },
        chunk: (trials, work) => shown?.update(trials, work),
      },
    });
    shown?.stop();
    if (!done) {
      note(`rankflow: interrupted; what is done is kept. Go on with: ${resume}`);
      process.exit(code!);
    }
    if (shard && shard.of > 1) {
      note(
        `rankflow: shard ${shard.number}/${shard.of} is done. When all are: rankflow sweep merge ${shellWord(path)}`,
      );
      return null;
    }
    return await merge({ ...sweep, record: readSweepFolder(path) });
  } catch (error) {
    shown?.stop();
    if (error instanceof InputError) throw error;
    note(`rankflow: ${(error as Error).message}. What is done is kept. Go on with: ${resume}`);
    return process.exit(1);
  } finally {
    for (const name of signals) process.off(name, hear);
  }
}
