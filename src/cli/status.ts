/** `rankflow status`: how a sweep's folder stands. */
import { resolve } from 'node:path';
import { formatCount, formatDuration } from '../report/format.js';
import { table } from '../report/table.js';
import { wordsOf } from '../results/arithmetic.js';
import { missingOf } from '../run/computeSweep.js';
import { inventoryOf } from '../run/folderSweep.js';
import { rangesOf } from '../run/mergeSweep.js';
import { isAlive, readRuns, type RunRecord } from '../results/runs.js';
import { trialsOf } from '../sweep/chunks.js';
import { openFolder } from './openFolder.js';
import { print, printJson } from './output.js';

/** Prints how the sweep in a folder stands, as JSON or in words. */
export async function status(path: string, json: boolean): Promise<void> {
  const folder = resolve(path);
  const sweep = await openFolder(folder);
  const { parts, faults, arithmetic } = inventoryOf(sweep);
  const missing = await missingOf(sweep, parts);
  const runs = readRuns(folder);
  const failed = [...new Set(runs.flatMap(({ failedChunk }) => failedChunk ?? []))].filter((index) =>
    missing.some((chunk) => chunk.index === index),
  );
  const alive = runs.filter(isAlive);
  const rate = alive.reduce((sum, run) => sum + rateOf(run), 0);
  const todo = missing.reduce((sum, chunk) => sum + trialsOf(chunk), 0);
  const secondsLeft = rate > 0 ? todo / rate : null;
  const standing = {
    plan: sweep.hash,
    chunks: { done: parts.length, missing: missing.length, failed: failed.length },
    missing: rangesOf(missing),
    failed,
    faults,
    trialsMissing: todo,
    trialsPerSecond: rate,
    secondsLeft,
    arithmetic,
    runs: runs.map((run) => ({ ...run, state: stateOf(run) })),
  };
  if (json) return printJson(standing);
  print(
    `${parts.length} chunks are done, ${missing.length} missing${missing.length > 0 ? `: ${standing.missing}` : ''}.`,
  );
  if (arithmetic) print(`Computed by ${wordsOf(arithmetic)}.`);
  if (failed.length > 0) print(`Failed: ${failed.join(', ')}.`);
  for (const { file, reason } of faults) print(`${file}: ${reason}`);
  if (todo > 0)
    print(
      secondsLeft === null
        ? `${formatCount(todo)} trials to do; ${alive.length > 0 ? 'estimating' : 'nothing runs'}.`
        : `${formatCount(todo)} trials to do, ${formatCount(rate)} per second: ${formatDuration(secondsLeft)} left.`,
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
}

/** State of a run by its record; "killed" if its process is gone. */
const stateOf = (run: RunRecord): string => (run.state === 'running' && !isAlive(run) ? 'killed' : run.state);

const rateOf = ({ startedAt, updatedAt, trials }: RunRecord): number => {
  const seconds = (Date.parse(updatedAt) - Date.parse(startedAt)) / 1000;
  return seconds > 0 ? trials / seconds : 0;
};
