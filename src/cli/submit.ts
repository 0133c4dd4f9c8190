/** `rankflow sweep submit`: a sweep as jobs of a cluster, each of which computes a shard of it. */
import { basename, posix, resolve } from 'node:path';
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
import { shellWord } from '../host/shellWord.js';
import { InputError } from '../host/inputError.js';
import { makeFolder, newSweep } from '../run/folderSweep.js';
import { configFromText } from '../input/fromText.js';
import type { SweepConfig } from '../sweep/config.js';
import { note, print } from './output.js';

/** Words that start rankflow in an image that has it installed. */
const IN_IMAGE = ['rankflow'];

/**
 * Submits the shards of a sweep, or prints what would be submitted.
 * @param out folder that all shards share, absolute
 */
export async function submit(
  argv: Readonly<Record<string, unknown>>,
  config: SweepConfig,
  out: string,
): Promise<void> {
  const dry = Boolean(argv['dry-run']);
  if (argv['kubernetes']) {
    const job = checkConfig(kubernetesSchema, configFromText(kubernetesSchema, argv));
    const mounted = posix.join(job.mount, basename(out));
    const manifest = kubernetesManifest({ ...job, folder: mounted, command: IN_IMAGE });
    const sweep = await newSweep(config, out);
    const file = namedFile(config);
    if (file !== undefined) throw new InputError('config', file, 'without files, which pods do not have');
    if (!dry) makeFolder(sweep);
    print(manifest.trimEnd());
    if (!dry) note(`rankflow: copy ${out} to the claim ${job.claim} first, where pods have it as ${mounted}`);
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
}
