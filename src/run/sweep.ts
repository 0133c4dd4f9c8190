/** A whole sweep in one call: config to cells. */
import type { BackendInfo } from '../backend/backend.js';
import { useBackend } from '../backend/useBackend.js';
import { checkConfig } from '../input/checkConfig.js';
import { InputError } from '../host/inputError.js';
import type { Way } from '../solver/path.js';
import { Agenda } from './agenda.js';
import { chunksOf } from '../sweep/chunks.js';
import { sweepSchema, type SweepInput } from '../sweep/config.js';
import { makePlan, totalTrials, type Plan } from '../sweep/plan.js';
import { runAgenda, type ComputedChunk } from './runner.js';
import { columnsOf, summarize } from '../sweep/summarize.js';
import type { CellSummary } from '../sweep/summary.js';
import { waysOf } from './trials.js';
import type { Trials } from '../sweep/row.js';

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
  // A custom loss is tried on the processor: what is wrong is said before a device is opened.
  await useBackend('cpu');
  const plan = await makePlan(config);
  if (totalTrials(plan) > MOST_IN_MEMORY)
    throw new InputError(
      'trials',
      config.trials,
      `at most ${MOST_IN_MEMORY} over all cells, but on the command line`,
    );
  const trials: Trials[] = [];
  await runOn(plan, new Agenda(plan, chunksOf(plan)), {
    ...watch,
    chunk(chunk) {
      trials.push(chunk);
      watch.chunk?.(chunk);
    },
  });
  return summarize(plan, columnsOf(trials));
}

/**
 * Computes what an agenda says on the backend that the plan asks for, until it is done or `stop` says so.
 * @throws InputError if the backend is absent; ChunkFailed
 */
export async function runOn(
  plan: Plan,
  agenda: Agenda,
  watch: SweepWatch,
  stop: () => boolean = () => false,
): Promise<void> {
  const { config } = plan;
  const backend = await useBackend(config.backend, { tf32: config.tf32 });
  const { poolFor } = await import('../solver/pool.js');
  const pool = poolFor(backend, config.workers);
  try {
    watch.start?.(plan, backend, waysOf(plan));
    for await (const chunk of runAgenda(plan, agenda, backend, pool)) {
      watch.chunk?.(chunk);
      if (stop()) return;
    }
  } finally {
    await pool?.close();
  }
}
