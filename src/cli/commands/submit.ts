/** The flags of `rankflow sweep submit`. */
import { resolve } from 'node:path';
import type { CommandModule } from 'yargs';
import { kubernetesSchema } from '../../cluster/kubernetes.js';
import { slurmSchema } from '../../cluster/slurm.js';
import { InputError } from '../../host/inputError.js';
import { refuseFolder } from '../../results/folder.js';
import { sweepSchema } from '../../sweep/config.js';
import { configOf, configurableFlags, flagsOf } from '../flags.js';

export const submitCommand: CommandModule = {
  command: 'submit',
  describe: 'plan a sweep, and submit its shards to Slurm, or write them as a Kubernetes job',
  builder: (yargs) =>
    yargs
      .options(configurableFlags(sweepSchema))
      .options({
        slurm: {
          type: 'boolean',
          describe: 'submit an array job, and a job that merges when all have succeeded',
        },
        kubernetes: { type: 'boolean', describe: 'print the manifest of an Indexed Job' },
        'dry-run': { type: 'boolean', describe: 'print what would be submitted, and write nothing' },
        ...flagsOf(slurmSchema),
        ...flagsOf(kubernetesSchema),
      })
      .example(
        '$0 sweep submit --slurm --shards 8 --spectrum power:1 --shape 64x64 --ranks 1,2,4 --trials 100000 --out results',
        '',
      ),
  async handler(argv) {
    if (Boolean(argv['slurm']) === Boolean(argv['kubernetes']))
      throw new InputError('slurm', argv['slurm'], 'given, or kubernetes, and not both');
    const config = configOf(sweepSchema, argv);
    if (config.out === undefined) throw new InputError('out', undefined, 'a folder that all shards share');
    const out = resolve(config.out);
    refuseFolder(out);
    const { submit } = await import('../submit.js');
    await submit(argv, config, out);
  },
};
