/** A whole sweep in one call: config to cells. */
import type { BackendInfo } from '../backend/backend.js';
import { useBackend } from '../backend/useBackend.js';
import { checkConfig } from '../input/checkConfig.js';
import { sweepSchema, type SweepInput } from './config.js';
import type { Way } from '../solver/path.js';
import { makePlan, type Plan } from './plan.js';
import { runSweep, summarize, waysOf, type SweepChunk } from './sweep.js';
import type { CellSummary } from './summary.js';

/** Hears of a sweep while it runs. */
export interface SweepWatch {
  /** Called once, after everything that can be refused has been checked and before the first trajectory. */
  start?(plan: Plan, backend: BackendInfo, ways: readonly Way[]): void;
  /** Called with every finished chunk. */
  chunk?(chunk: SweepChunk): void;
}

/**
 * Runs a sweep and returns its cells: accuracy of every rank, initialization and scaling beside the law.
 * @throws InputError if the config is wrong or the backend is absent
 */
export async function sweep(input: SweepInput, watch: SweepWatch = {}): Promise<CellSummary[]> {
  const config = checkConfig(sweepSchema, input);
  // A custom loss is tried on the processor: what is wrong is said before a device is opened.
  await useBackend('cpu');
  const plan = await makePlan(config);
  const backend = await useBackend(config.backend, { tf32: config.tf32 });
  const { poolFor } = await import('../solver/pool.js');
  const pool = poolFor(backend, config.workers);
  const chunks: Pick<SweepChunk, 'rows' | 'curves'>[] = [];
  try {
    watch.start?.(plan, backend, waysOf(plan));
    for await (const chunk of runSweep(plan, backend, pool)) {
      chunks.push({ rows: chunk.rows, curves: chunk.curves });
      watch.chunk?.(chunk);
    }
  } finally {
    await pool?.close();
  }
  return summarize(plan, chunks);
}
