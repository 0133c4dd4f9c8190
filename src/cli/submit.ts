/** `rankflow sweep submit` and `rankflow advise submit`: shards as jobs of a cluster. */
import { basename, posix, resolve } from 'node:path';
import { makeAdviceFolder, openAdvice, type AdviceRequest } from '../advise/folderAdvice.js';
import { makeForecastFolder, openForecast } from '../advise/folderForecast.js';
import type { ForecastConfig } from '../advise/forecast/config.js';
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

/** Advice on a pair, or a forecast, that is submitted. */
export interface AdviceSubmission {
  /** Paths of the pair; none of a forecast. */
  readonly pair: readonly string[];
  /** Its other flags, as words. */
  readonly flags: readonly string[];
  /** All files and folders that it names, by key. */
  readonly paths: Readonly<Record<string, string | undefined>>;
  /** Whether it computes on a GPU where there is one. */
  readonly takesGpus: boolean;
  /** Plans it in a folder, and returns what makes that. @throws InputError if it is unfit */
  plan(folder: string): Promise<() => void>;
}

export const submissionOfPair = (request: AdviceRequest, flags: readonly string[]): AdviceSubmission => {
  const { base, tuned, config } = request;
  return {
    ...{ pair: [base, tuned], flags, takesGpus: false },
    paths: { base, tuned, write: config.write, stats: config.stats },
    async plan(folder) {
      const advice = await openAdvice(folder, request);
      const origin = await here();
      return () => makeAdviceFolder(advice, origin);
    },
  };
};

export const submissionOfForecast = (config: ForecastConfig, flags: readonly string[]): AdviceSubmission => ({
  ...{ pair: [], flags, takesGpus: true },
  paths: { stats: config.stats, starts: config.starts, pilot: config.pilot },
  async plan(folder) {
    const forecast = await openForecast(folder, config);
    return () => makeForecastFolder(forecast);
  },
});

/**
 * Submits the shards of advice, or prints what would be submitted. In pods the paths are as those have them: the first of
 * them makes the folder.
 */
export async function submitAdvice(
  argv: Arguments,
  { pair, flags, paths, takesGpus, plan }: AdviceSubmission,
  out: string,
): Promise<void> {
  if (argv['kubernetes']) {
    const given = configFromText(kubernetesSchema, argv);
    const job = checkConfig(kubernetesSchema, takesGpus ? given : { ...given, gpus: 0 });
    for (const [field, path] of Object.entries({ ...paths, out }))
      if (path !== undefined) refuseUnmounted(job, field, path);
    const calls = adviceCalls(pair, out, flags);
    return print(kubernetesManifest({ ...job, folder: out, calls, command: IN_IMAGE }).trimEnd());
  }
  const folder = resolve(out);
  const given = configFromText(slurmSchema, argv);
  const job = checkConfig(slurmSchema, takesGpus ? given : { ...given, gres: '' });
  const calls = adviceCalls(pair, folder, flags);
  await onSlurm(job, folder, calls, Boolean(argv['dry-run']), () => plan(folder));
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
