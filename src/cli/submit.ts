/** `rankflow sweep submit`: a sweep as jobs of a cluster, each of which computes a shard of it. */
import { basename, posix, resolve } from 'node:path';
import type { CommandModule } from 'yargs';
import { kubernetesManifest, kubernetesSchema } from '../cluster/kubernetes.js';
import {
  arrayScript,
  arraysOf,
  maxArraySize,
  mergeScript,
  slurmSchema,
  submitSlurm,
  type SlurmJob,
} from '../cluster/slurm.js';
import { checkConfig } from '../input/checkConfig.js';
import { namedFile } from '../input/config.js';
import { InputError } from '../host/inputError.js';
import { refuseFolder } from '../results/folder.js';
import { makeFolder, newSweep } from '../run/folderSweep.js';
import { configFromText } from '../input/fromText.js';
import { flagsOf } from './flags.js';
import { note, print, shellWord } from './output.js';
import { configOf, sweepFlags } from './sweepFlags.js';

/** How rankflow is called in an image that has it installed. */
const IN_IMAGE = ['rankflow'];

export const submitCommand: CommandModule = {
  command: 'submit',
  describe: 'plan a sweep, and submit its shards to Slurm, or write them as a Kubernetes job',
  builder: (yargs) =>
    yargs
      .options(sweepFlags)
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
    const config = configOf(argv);
    if (config.out === undefined) throw new InputError('out', undefined, 'a folder that all shards share');
    const out = resolve(config.out);
    refuseFolder(out);
    const dry = Boolean(argv['dry-run']);
    if (argv['kubernetes']) {
      const job = checkConfig(kubernetesSchema, configFromText(kubernetesSchema, argv));
      const folder = posix.join(job.mount, basename(out));
      const manifest = kubernetesManifest({ ...job, folder, command: IN_IMAGE });
      const sweep = await newSweep(config, out);
      const file = namedFile(config);
      if (file !== undefined) throw new InputError('config', file, 'without files, which pods do not have');
      if (!dry) makeFolder(sweep);
      print(manifest.trimEnd());
      if (!dry)
        note(`rankflow: copy ${out} to the claim ${job.claim} first, where pods have it as ${folder}`);
      return;
    }
    const job: SlurmJob = {
      ...checkConfig(slurmSchema, configFromText(slurmSchema, argv)),
      folder: out,
      command: [process.execPath, resolve(process.argv[1]!)],
      cwd: process.cwd(),
    };
    const most = maxArraySize();
    const scripts = [...arraysOf(job, most).map((array) => arrayScript(job, array)), mergeScript(job)];
    const sweep = await newSweep(config, out);
    if (dry) return print(scripts.join('\n').trimEnd());
    makeFolder(sweep);
    const { arrayIds, mergeId } = submitSlurm(job, most);
    print(
      `Submitted array job ${arrayIds.join(' and ')} of ${job.shards} shards, and merge job ${mergeId}: rankflow status ${shellWord(out)}`,
    );
  },
};
