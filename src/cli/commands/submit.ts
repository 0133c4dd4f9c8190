/** The flags of `rankflow sweep submit` and `rankflow advise submit`. */
import { resolve } from 'node:path';
import type { CommandModule, Options } from 'yargs';
import type { z } from 'zod';
import { adviseSchema } from '../../advise/config.js';
import { forecastSchema } from '../../advise/forecast/config.js';
import { kubernetesSchema } from '../../cluster/kubernetes.js';
import { slurmSchema } from '../../cluster/slurm.js';
import { InputError } from '../../host/inputError.js';
import { refuseFolder } from '../../results/folder.js';
import { sweepSchema } from '../../sweep/config.js';
import { refuseWrite } from '../write.js';
import { configOf, configurableFlags, flagsOf, givenFlags } from '../flags.js';
import { afterTraining, beforeTraining, formFlags } from './adviceForms.js';

const clusterFlags = (slurm: z.ZodObject, kubernetes: z.ZodObject): Record<string, Options> => ({
  slurm: {
    type: 'boolean',
    describe: 'submit an array job, and a job that merges when all have succeeded',
  },
  kubernetes: { type: 'boolean', describe: 'print the manifest of an Indexed Job' },
  'dry-run': { type: 'boolean', describe: 'print what would be submitted, and write nothing' },
  ...flagsOf(slurm),
  ...flagsOf(kubernetes),
});

/** The folder that all shards share. @throws InputError if there is none, or not one cluster is named */
function sharedFolder(argv: Readonly<Record<string, unknown>>, out: string | undefined): string {
  if (Boolean(argv['slurm']) === Boolean(argv['kubernetes']))
    throw new InputError('slurm', argv['slurm'], 'given, or kubernetes, and not both');
  if (out === undefined) throw new InputError('out', undefined, 'a folder that all shards share');
  return out;
}

/** The folder that all shards share; on Slurm there is nothing yet, and in pods it is as these have it. */
function adviceFolder(argv: Readonly<Record<string, unknown>>, out: string | undefined): string {
  const folder = sharedFolder(argv, out);
  if (argv['slurm']) refuseFolder(resolve(folder));
  return folder;
}

export const submitCommand: CommandModule = {
  command: 'submit',
  describe: 'plan a sweep, and submit its shards to Slurm, or write them as a Kubernetes job',
  builder: (yargs) =>
    yargs
      .options(configurableFlags(sweepSchema))
      .options(clusterFlags(slurmSchema, kubernetesSchema))
      .example(
        '$0 sweep submit --slurm --shards 8 --spectrum power:1 --shape 64x64 --ranks 1,2,4 --trials 100000 --out results',
        '',
      ),
  async handler(argv) {
    const config = configOf(sweepSchema, argv);
    const out = resolve(sharedFolder(argv, config.out));
    refuseFolder(out);
    const { submit } = await import('../submit.js');
    await submit(argv, config, out);
  },
};

export const submitAdviceCommand: CommandModule = {
  command: 'submit [base] [tuned]',
  describe:
    'submit the shards of advice, or of a forecast, to Slurm, or write them as a Kubernetes job, whose pods have all paths',
  builder: (yargs) =>
    yargs
      .positional('base', { type: 'string', describe: 'checkpoint before training' })
      .positional('tuned', { type: 'string', describe: 'checkpoint after training from it' })
      .options(formFlags)
      .options(clusterFlags(slurmSchema, kubernetesSchema))
      .example('$0 advise submit models/base models/tuned --slurm --shards 8 --out advice', '')
      .example(
        '$0 advise submit --stats stats.safetensors --optimizer adamw --lr 1e-4 --steps 500 --ranks 1,4,16 --slurm --shards 4 --out forecast',
        '',
      ),
  async handler(argv) {
    const after = afterTraining(argv);
    if (!after) {
      const config = beforeTraining(argv);
      const out = adviceFolder(argv, config.out);
      const { submissionOfForecast, submitAdvice } = await import('../submit.js');
      return submitAdvice(argv, submissionOfForecast(config, givenFlags(forecastSchema, argv)), out);
    }
    const out = adviceFolder(argv, after.config.out);
    for (const flag of ['gres', 'gpus'])
      if (argv[flag] !== undefined) throw new InputError(flag, argv[flag], 'left out with BASE and TUNED');
    if (argv['slurm']) refuseWrite(after.config, out);
    const { submissionOfPair, submitAdvice } = await import('../submit.js');
    return submitAdvice(argv, submissionOfPair(after, givenFlags(adviseSchema, argv)), out);
  },
};
