/** `rankflow status`: how a folder that is filled part by part stands. */
import { resolve } from 'node:path';
import { formatCount, formatDuration } from '../report/format.js';
import { table } from '../report/table.js';
import { wordsOf } from '../results/arithmetic.js';
import type { Part } from '../results/parts.js';
import { readRecord, type PartsFolder } from '../results/partsFolder.js';
import { isAlive, readRuns, type RunRecord } from '../results/runs.js';
import { inventoryOf, rangesOf } from '../run/mergeParts.js';
import { chunksMissing } from '../run/openParts.js';
import { print, printJson } from './output.js';

/** A chunk that is missing. */
interface Missing {
  readonly index: number;
  /** Trials, adapters, or the one weight that it is. */
  readonly units: number;
  readonly effort: number;
}

/** A folder, and what it lacks. */
interface Filled {
  readonly folder: PartsFolder;
  readonly unit: 'trials' | 'weights' | 'adapters';
  missing(parts: readonly Part[]): readonly Missing[] | Promise<readonly Missing[]>;
}

async function sweepIn(path: string): Promise<Filled> {
  const { openFolder } = await import('./openFolder.js');
  const { missingOf } = await import('../run/computeSweep.js');
  const { effortOf, trialsOf } = await import('../sweep/chunks.js');
  const folder = await openFolder(path);
  return {
    ...{ folder, unit: 'trials' },
    missing: async (parts) =>
      (await missingOf(folder, parts)).map((chunk) => ({
        index: chunk.index,
        units: trialsOf(chunk),
        effort: effortOf(chunk, folder.plan),
      })),
  };
}

async function adviceFolder(path: string): Promise<Filled> {
  const { adviceIn } = await import('../advise/folderAdvice.js');
  const folder = await adviceIn(path, false);
  return {
    ...{ folder, unit: 'weights' },
    missing: (parts) => chunksMissing(folder, parts).map((chunk) => ({ ...chunk, units: 1 })),
  };
}

async function forecastFolder(path: string): Promise<Filled> {
  const { forecastIn } = await import('../advise/folderForecast.js');
  const folder = await forecastIn(path, false);
  return {
    ...{ folder, unit: 'adapters' },
    missing: (parts) => chunksMissing(folder, parts).map((chunk) => ({ ...chunk, units: chunk.adapters })),
  };
}

const filledBy = { sweep: sweepIn, advice: adviceFolder, forecast: forecastFolder };

/** Prints how a folder stands, as JSON or in words. */
export async function status(path: string, json: boolean): Promise<void> {
  const at = resolve(path);
  const { folder, unit, missing: lacking } = await filledBy[readRecord(at).kind ?? 'sweep'](at);
  const { parts, faults, arithmetic } = inventoryOf(folder);
  const missing = await lacking(parts);
  const runs = readRuns(at);
  const failed = [...new Set(runs.flatMap(({ failedChunk }) => failedChunk ?? []))].filter((index) =>
    missing.some((chunk) => chunk.index === index),
  );
  const alive = runs.filter(isAlive);
  const total = (of: (chunk: Missing) => number) => missing.reduce((sum, chunk) => sum + of(chunk), 0);
  const rateOf = (of: (run: RunRecord) => number) =>
    alive.reduce((sum, run) => sum + of(run) / Math.max(1e-3, secondsOf(run)), 0);
  const [todo, rate] = [total(({ units }) => units), rateOf((run) => run.trials ?? run.chunks)];
  const effortRate = rateOf(({ effort }) => effort);
  const secondsLeft = effortRate > 0 ? total(({ effort }) => effort) / effortRate : null;
  const standing = {
    plan: folder.hash,
    chunks: { done: parts.length, missing: missing.length, failed: failed.length },
    missing: rangesOf(missing),
    failed,
    faults,
    [`${unit}Missing`]: todo,
    [`${unit}PerSecond`]: rate,
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
        ? `${formatCount(todo)} ${unit} to do; ${alive.length > 0 ? 'estimating' : 'nothing runs'}.`
        : `${formatCount(todo)} ${unit} to do, ${rate < 10 ? rate.toFixed(2) : formatCount(rate)} per second: ${formatDuration(secondsLeft)} left.`,
    );
  // A weight is a chunk.
  const own = <T>(column: readonly T[]) => (unit === 'weights' ? [] : column);
  if (runs.length > 0)
    print(
      table(
        ['began', 'host', 'process', 'shard', 'state', 'chunks', ...own([unit]), 'device', 'why'],
        runs.map((run) => [
          run.startedAt,
          run.host,
          String(run.pid),
          run.shard,
          stateOf(run),
          String(run.chunks),
          ...own([formatCount(run.trials ?? 0)]),
          run.device,
          run.reason ?? '',
        ]),
        [false, false, true, true, false, true, ...own([true])],
      ),
    );
}

/** State of a run by its record; "killed" if its process is gone. */
const stateOf = (run: RunRecord): string => (run.state === 'running' && !isAlive(run) ? 'killed' : run.state);

const secondsOf = ({ startedAt, updatedAt }: RunRecord): number =>
  (Date.parse(updatedAt) - Date.parse(startedAt)) / 1000;
