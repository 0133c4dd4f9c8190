/**
 * A sweep, or advice, on a Slurm cluster: an array job whose tasks compute one shard each, or several where an array may
 * not be that large, and a merge job that waits for them. A task may be stopped and started again at any time: it does what its
 * shard still lacks.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { writeWhole } from '../files/writeWhole.js';
import { InputError } from '../host/inputError.js';
import type { ShardCalls } from './calls.js';

/** Flags of Slurm jobs. */
export const slurmSchema = z.strictObject({
  shards: z.int().min(1).max(10_000).describe('shards, each a task of an array job'),
  throttle: z.int().min(1).optional().describe('most shards that run at a time (default: all)'),
  gres: z
    .string()
    .regex(/^[\w.:,-]*$/, 'generic resources such as gpu:1 or gpu:h100:1, or empty for none')
    .default('gpu:1')
    .describe('generic resources of each shard, empty for none'),
  partition: z
    .string()
    .regex(/^[\w.,-]+$/, 'names of partitions, separated by commas')
    .optional()
    .describe('partition of the jobs (default: that of the cluster)'),
  timeLimit: z
    .string()
    .regex(/^\d+(?:(?::\d+){0,2}|-\d+(?::\d+){0,2})$/, 'a time such as 90, 12:00:00 or 2-12 (days-hours)')
    .optional()
    .describe('time limit of each start of a shard, some minutes at least: MINUTES, HH:MM:SS or D-HH'),
  cpusPerTask: z.int().min(1).optional().describe('processors of each shard (default: that of the cluster)'),
  maxRestarts: z
    .int()
    .min(0)
    .default(3)
    .describe('a shard that fails or reaches its time limit is requeued until it was restarted so often'),
});

export type SlurmConfig = z.output<typeof slurmSchema>;

export interface SlurmJob extends SlurmConfig {
  /** Results folder: an absolute path that the nodes have too. */
  readonly folder: string;
  readonly calls: ShardCalls;
  /** Words that start rankflow on the nodes, for example [process.execPath, '/shared/dist/src/cli/main.js']. */
  readonly command: readonly string[];
  /** Folder that the jobs run in: an absolute path. */
  readonly cwd: string;
}

/** Shards that are one array job, `first` of them counted from 0. */
export interface ShardArray {
  readonly first: number;
  readonly shards: number;
}

/** Bound that Slurm has by default: indices of an array are below it. */
const MAX_ARRAY_SIZE = 1001;

/** Bound of array indices on this cluster, or Slurm's default where there is none. */
export function maxArraySize(): number {
  const { stdout } = spawnSync('scontrol', ['show', 'config'], { encoding: 'utf8', timeout: 20_000 });
  return Number(/^MaxArraySize\s*=\s*(\d+)/m.exec(stdout ?? '')?.[1] ?? MAX_ARRAY_SIZE);
}

/** The array jobs of so many shards, as large as may be. */
export function arraysOf({ shards }: Pick<SlurmJob, 'shards'>, most: number): ShardArray[] {
  const size = Math.max(1, most);
  return Array.from({ length: Math.ceil(shards / size) }, (_, k) => ({
    first: k * size,
    shards: Math.min(size, shards - k * size),
  }));
}

/**
 * The batch script of an array job. Restarts that follow a preemption or a failed node count among `maxRestarts` too.
 * @throws InputError if a path cannot stand in a batch script
 */
export function arrayScript(job: SlurmJob, array: ShardArray = { first: 0, shards: job.shards }): string {
  const { throttle, gres, cpusPerTask, maxRestarts } = job;
  const directives = [
    `--array=0-${array.shards - 1}${throttle === undefined ? '' : `%${throttle}`}`,
    ...(gres === '' ? [] : [`--gres=${gres}`]),
    ...(cpusPerTask === undefined ? [] : [`--cpus-per-task=${cpusPerTask}`]),
    '--requeue',
    '--signal=B:USR1@60',
  ];
  return `${heading(job, 'rankflow', '%A_%a.log', directives)}
# Which shard a task is, for --shard auto.
export RANKFLOW_SHARDS=${job.shards} RANKFLOW_SHARD_OFFSET=${array.first}

# USR1 comes a minute before the time limit: the shard stops, to go on when it is restarted.
limit=
trap 'limit=1; kill -TERM "$shard"' USR1
# TERM comes to all processes of a job that is cancelled, preempted or requeued: the shell waits for the shard's end.
ended=
trap 'ended=1' TERM

${rankflow(job, job.calls.shard)} &
shard=$!
# A trap cuts a wait short; the last wait tells how the shard ended.
wait "$shard"
while kill -0 "$shard" 2>/dev/null; do wait "$shard"; done
wait "$shard"
status=$?

# Done, or refused as a mistake, which no restart mends.
case $status in 0 | 2) exit "$status" ;; esac
# Ended by Slurm, which restarts by itself what it preempts: requeueing would bring a cancelled job back.
if [ "$ended" ] || { [ "$status" = 143 ] && [ ! "$limit" ]; }; then exit "$status"; fi

restarts=\${SLURM_RESTART_COUNT:-0}
if [ "$restarts" -ge ${maxRestarts} ]; then
  echo "rankflow: shard $SLURM_ARRAY_TASK_ID ended with $status after $restarts restarts" >&2
  exit "$status"
fi
echo "rankflow: shard $SLURM_ARRAY_TASK_ID ended with $status and is requeued" >&2
# By array and task: SLURM_JOB_ID of one of the tasks is the number of the whole array.
scontrol requeue "\${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID"
exit "$status"
`;
}

/**
 * The batch script of the merge job, which is submitted to start after the array job.
 * @throws InputError if a path cannot stand in a batch script
 */
export const mergeScript = (job: SlurmJob): string =>
  `${heading(job, 'rankflow-merge', 'merge_%j.log', [])}
exec ${rankflow(job, job.calls.merge)}
`;

/**
 * Writes all scripts to FOLDER/slurm and submits them: the merge runs when every shard has succeeded, and is cancelled
 * when one has failed for good. With a throttle, arrays follow one another, so that it holds for all together.
 * @param most shards of an array job (default: what the cluster allows)
 * @throws InputError if a path cannot stand in a batch script
 * @throws Error if there is no sbatch, or it refuses a job
 */
export function submitSlurm(
  job: SlurmJob,
  most = maxArraySize(),
): { readonly arrayIds: readonly string[]; readonly mergeId: string } {
  const folder = join(job.folder, 'slurm');
  const arrays = arraysOf(job, most);
  const files = arrays.map((_, k) => join(folder, arrays.length === 1 ? 'array.sh' : `array-${k + 1}.sh`));
  const merge = join(folder, 'merge.sh');
  const scripts = [...arrays.map((array) => arrayScript(job, array)), mergeScript(job)];
  mkdirSync(folder, { recursive: true });
  [...files, merge].forEach((file, k) => writeWhole(file, scripts[k]!));
  const arrayIds: string[] = [];
  try {
    for (const file of files) {
      const before = job.throttle === undefined ? undefined : arrayIds.at(-1);
      arrayIds.push(sbatch(file, ...(before === undefined ? [] : [`--dependency=afterany:${before}`])));
    }
    const mergeId = sbatch(merge, `--dependency=afterok:${arrayIds.join(':')}`, '--kill-on-invalid-dep=yes');
    return { arrayIds, mergeId };
  } catch (error) {
    if (arrayIds.length === 0) throw error;
    const submission =
      arrayIds.length === 1 ? `array job ${arrayIds[0]} is` : `array jobs ${arrayIds.join(', ')} are`;
    throw new Error(`${submission} submitted, but not the rest: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

/** Submits a script and returns the number of its job. */
function sbatch(script: string, ...options: string[]): string {
  const { error, status, stdout, stderr } = spawnSync('sbatch', ['--parsable', ...options, script], {
    encoding: 'utf8',
  });
  if (error) {
    const absent = (error as NodeJS.ErrnoException).code === 'ENOENT';
    throw new Error(absent ? 'sbatch is not found: is Slurm on this machine?' : `sbatch: ${error.message}`);
  }
  // "12", or "12;cluster" where there are several clusters.
  const id = /^(\d+)(?:;|$)/m.exec(stdout)?.[1];
  if (status === 0 && id !== undefined) return id;
  throw new Error(`sbatch refused ${script}: ${stderr.trim() || stdout.trim() || `exit code ${status}`}`);
}

/** The first lines of a script, up to what it does. */
const heading = (job: SlurmJob, name: string, log: string, directives: readonly string[]): string =>
  [
    '#!/bin/bash',
    ...[
      `--job-name=${name}`,
      ...(job.partition === undefined ? [] : [`--partition=${job.partition}`]),
      ...(job.timeLimit === undefined ? [] : [`--time=${job.timeLimit}`]),
      `--chdir=${path('cwd', job.cwd)}`,
      // In names of logs a percent sign begins a pattern.
      `--output=${path('folder', join(job.folder, 'slurm').replaceAll('%', '%%'), log)}`,
      '--open-mode=append',
      ...directives,
    ].map((directive) => `#SBATCH ${directive}`),
    '',
  ].join('\n');

/** A path as a directive has it. @throws InputError if none can: a backslash ends patterns, a line break the line */
function path(field: string, folder: string, file = ''): string {
  if (/[\\\x00-\x1f\x7f]/.test(folder))
    throw new InputError(field, folder, 'a path without backslashes and line breaks, for Slurm');
  return `"${join(folder, file).replaceAll('"', '\\"')}"`;
}

/** A call of rankflow, each word quoted for the shell. */
const rankflow = ({ command }: SlurmJob, args: readonly string[]): string =>
  [...command, ...args].map((word) => `'${word.replaceAll("'", String.raw`'\''`)}'`).join(' ');
