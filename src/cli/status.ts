/** `rankflow status`: how a sweep's folder stands. */
import { resolve } from 'node:path';
import type { CommandModule } from 'yargs';
import { formatCount } from '../report/format.js';
import { table } from '../report/table.js';
import { wordsOf } from '../results/arithmetic.js';
import { inventoryOf, missingOf, openSweep, rangesOf } from '../results/folderSweep.js';
import { isAlive, readRuns, type RunRecord } from '../results/runs.js';
import { trialsOf } from '../sweep/chunks.js';
import { print, printJson } from './output.js';

export const statusCommand: CommandModule = {
  command: 'status <folder>',
  describe: 'how a sweep stands: chunks done, missing and failed, runs, rate and time left',
  builder: (yargs) =>
    yargs
      .positional('folder', { type: 'string', describe: 'results folder of a sweep' })
      .option('json', { type: 'boolean', describe: 'print it as JSON' }),
  async handler(argv) {
    const folder = resolve(argv['folder'] as string);
    const sweep = await openSweep(folder);
    const { parts, faults, arithmetic } = inventoryOf(sweep);
    const missing = await missingOf(sweep, parts);
    const runs = readRuns(folder);
    const failed = [...new Set(runs.flatMap(({ failedChunk }) => failedChunk ?? []))].filter((index) =>
      missing.some((chunk) => chunk.index === index),
    );
    const rate = runs.filter(isAlive).reduce((sum, run) => sum + rateOf(run), 0);
    const todo = missing.reduce((sum, chunk) => sum + trialsOf(chunk), 0);
    const left = rate > 0 ? todo / rate : null;
    const status = {
      plan: sweep.hash,
      chunks: { done: parts.length, missing: missing.length, failed: failed.length },
      missing: rangesOf(missing),
      failed,
      faults,
      trialsMissing: todo,
      trialsPerSecond: rate,
      secondsLeft: left,
      arithmetic,
      runs: runs.map((run) => ({ ...run, state: stateOf(run) })),
    };
    if (argv['json']) return printJson(status);
    print(
      `${parts.length} chunks are done, ${missing.length} missing${missing.length > 0 ? `: ${status.missing}` : ''}.`,
    );
    if (arithmetic) print(`Computed by ${wordsOf(arithmetic)}.`);
    if (failed.length > 0) print(`Failed: ${failed.join(', ')}.`);
    for (const { file, reason } of faults) print(`${file}: ${reason}`);
    if (todo > 0)
      print(
        `${formatCount(todo)} trials to do${left === null ? '; nothing runs' : `, ${formatCount(rate)} per second: ${duration(left)} left`}.`,
      );
    if (runs.length > 0)
      print(
        table(
          ['began', 'host', 'process', 'shard', 'state', 'chunks', 'trials', 'device', 'why'],
          runs.map((run) => [
            run.startedAt,
            run.host,
            String(run.pid),
            run.shard,
            stateOf(run),
            String(run.chunks),
            formatCount(run.trials),
            run.device,
            run.reason ?? '',
          ]),
          [false, false, true, true, false, true, true],
        ),
      );
  },
};

/** What a record says, but for one whose process is gone. */
const stateOf = (run: RunRecord): string => (run.state === 'running' && !isAlive(run) ? 'killed' : run.state);

const rateOf = ({ startedAt, updatedAt, trials }: RunRecord): number => {
  const seconds = (Date.parse(updatedAt) - Date.parse(startedAt)) / 1000;
  return seconds > 0 ? trials / seconds : 0;
};

/** "1 h 02 min", "3 min 20 s". */
function duration(seconds: number): string {
  const whole = Math.ceil(seconds);
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60)];
  return hours > 0 ? `${hours} h ${String(minutes).padStart(2, '0')} min` : `${minutes} min ${whole % 60} s`;
}
