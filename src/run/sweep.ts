/** A whole sweep in one call: config to cells. */
import type { BackendInfo } from '../backend/backend.js';
import { InputError } from '../host/inputError.js';
import { checkConfig } from '../input/checkConfig.js';
import type { Way } from '../solver/path.js';
import { chunksOf } from '../sweep/chunks.js';
import { sweepSchema, type SweepInput } from '../sweep/config.js';
import { makePlan, totalTrials, type Plan } from '../sweep/plan.js';
import type { Trial } from '../sweep/row.js';
import { columnsOf, summarize } from '../sweep/summarize.js';
import type { CellSummary } from '../sweep/summary.js';
import { Agenda } from './agenda.js';
import { withDevice } from './device.js';
import { runAgenda, type ComputedChunk } from './runner.js';
import { waysOf } from './trials.js';

/** Hears of a sweep while it runs. */
export interface SweepWatch {
  /** Called once, after everything that can be refused has been checked and before the first trajectory. */
  start?(plan: Plan, backend: BackendInfo, ways: readonly Way[]): void;
  /** Called with every finished chunk. */
  chunk?(chunk: ComputedChunk): void;
}

/** Trajectories whose results fit in memory. */
const MOST_IN_MEMORY = 1_000_000;

/**
 * Runs a sweep and returns its cells: accuracy of every rank, initialization and scaling beside the law. All trials are
 * held in memory; the command line, which writes them, holds a few at a time.
 * @throws InputError if the config is wrong or the backend is absent
 */
export async function sweep(input: SweepInput, watch: SweepWatch = {}): Promise<CellSummary[]> {
  const config = checkConfig(sweepSchema, input);
  const plan = await makePlan(config);
  if (totalTrials(plan) > MOST_IN_MEMORY)
    throw new InputError(
      'trials',
      config.trials,
      `at most ${MOST_IN_MEMORY} over all cells, but on the command line`,
    );
  const trials: Trial[] = [];
  await runPlan(plan, new Agenda(plan, chunksOf(plan)), {
    ...watch,
    chunk(computed) {
      trials.push(...computed.trials);
      watch.chunk?.(computed);
    },
  });
  return summarize(plan, columnsOf(trials));
}

/**
 * Computes what an agenda says on the device that the plan asks for, until it is done or `stop` says so.
 * @throws InputError if the backend is absent; ChunkFailed
 */
export const runPlan = (
  plan: Plan,
  agenda: Agenda,
  watch: SweepWatch,
  stop: () => boolean = () => false,
): Promise<void> =>
  withDevice(plan.config, async (device) => {
    watch.start?.(plan, device.info, waysOf(plan, device));
    for await (const chunk of runAgenda(plan, agenda, device)) {
      watch.chunk?.(chunk);
      if (stop()) return;
    }
  });
