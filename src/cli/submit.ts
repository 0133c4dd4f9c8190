/** `rankflow sweep submit` and `rankflow advise submit`: shards as jobs of a cluster. */
import { basename, posix, resolve } from 'node:path';
import { makeAdviceFolder, openAdvice, type AdviceRequest } from '../advise/folderAdvice.js';
import { adviceCalls, sweepCalls, type ShardCalls } from '../cluster/calls.js';
import { kubernetesManifest, kubernetesSchema, refuseUnmounted } from '../cluster/kubernetes.js';
import {
  arrayScript,
  arraysOf,
  maxArraySize,
  mergeScript,
  slurmSchema,
  submitSlurm,
  type SlurmConfig,
  type SlurmJob,
} from '../cluster/slurm.js';
import { checkConfig } from '../input/checkConfig.js';
import { namedFile } from '../input/config.js';
import { shellWord } from '../host/shellWord.js';
import { InputError } from '../host/inputError.js';
import { makeFolder, newSweep } from '../run/folderSweep.js';
import { configFromText } from '../input/fromText.js';
import type { SweepConfig } from '../sweep/config.js';
import { here } from './advise.js';
import { note, print } from './output.js';

type Arguments = Readonly<Record<string, unknown>>;

/** Words that start rankflow in an image that has it installed. */
const IN_IMAGE = ['rankflow'];

/**
 * Submits the shards of a sweep, or prints what would be submitted.
 * @param out folder that all shards share, absolute
 */
export async function submit(argv: Arguments, config: SweepConfig, out: string): Promise<void> {
  const dry = Boolean(argv['dry-run']);
  if (argv['kubernetes']) {
    const job = checkConfig(kubernetesSchema, configFromText(kubernetesSchema, argv));
    const folder = posix.join(job.mount, basename(out));
    const manifest = kubernetesManifest({ ...job, folder, calls: sweepCalls(folder), command: IN_IMAGE });
    const sweep = await newSweep(config, out);
    const file = namedFile(config);
    if (file !== undefined) throw new InputError('config', file, 'without files, which pods do not have');
    if (!dry) makeFolder(sweep);
    print(manifest.trimEnd());
    if (!dry) note(`rankflow: copy ${out} to the claim ${job.claim} first, where pods have it as ${folder}`);
    return;
  }
  const job = checkConfig(slurmSchema, configFromText(slurmSchema, argv));
  await onSlurm(job, out, sweepCalls(out), dry, async () => {
    const sweep = await newSweep(config, out);
    return () => void makeFolder(sweep);
  });
}

/**
 * Submits the shards of advice on a pair, or prints what would be submitted. In pods the paths are as those have them: the
 * first of them makes the folder.
 * @param flags other flags of the advice, as words
 */
export async function submitAdvice(
  argv: Arguments,
  request: AdviceRequest,
  out: string,
  flags: readonly string[],
): Promise<void> {
  const { base, tuned, config } = request;
  if (argv['kubernetes']) {
    const job = checkConfig(kubernetesSchema, { ...configFromText(kubernetesSchema, argv), gpus: 0 });
    const paths = { base, tuned, out, write: config.write, stats: config.stats };
    for (const [field, path] of Object.entries(paths))
      if (path !== undefined) refuseUnmounted(job, field, path);
    const calls = adviceCalls(base, tuned, out, flags);
    return print(kubernetesManifest({ ...job, folder: out, calls, command: IN_IMAGE }).trimEnd());
  }
  const folder = resolve(out);
  const job = checkConfig(slurmSchema, { ...configFromText(slurmSchema, argv), gres: '' });
  await onSlurm(job, folder, adviceCalls(base, tuned, folder, flags), Boolean(argv['dry-run']), async () => {
    const advice = await openAdvice(folder, request);
    const origin = await here();
    return () => makeAdviceFolder(advice, origin);
  });
}

/** Submits shards to Slurm once they are planned and their folder is made, or prints the scripts. */
async function onSlurm(
  config: SlurmConfig,
  folder: string,
  calls: ShardCalls,
  dry: boolean,
  plan: () => Promise<() => void>,
): Promise<void> {
  const job: SlurmJob = {
    ...{ ...config, folder, calls, cwd: process.cwd() },
    command: [process.execPath, resolve(process.argv[1]!)],
  };
  const most = maxArraySize();
  const scripts = [...arraysOf(job, most).map((array) => arrayScript(job, array)), mergeScript(job)];
  const make = await plan();
  if (dry) return print(scripts.join('\n').trimEnd());
  make();
  const { arrayIds, mergeId } = submitSlurm(job, most);
  print(
    `Submitted array job ${arrayIds.join(' and ')} of ${job.shards} shards, and merge job ${mergeId}: rankflow status ${shellWord(folder)}`,
  );
}
