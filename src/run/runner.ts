/** Computes what an agenda says, chunk by chunk. */
import type { BackendInfo } from '../backend/backend.js';
import type { Pool } from '../solver/pool.js';
import type { Agenda } from './agenda.js';
import type { PlanChunk } from '../sweep/chunks.js';
import type { Plan } from '../sweep/plan.js';
import { succeeded, type TrialRow } from '../sweep/row.js';
import { runTrials } from './trials.js';
import type { Trials } from '../sweep/row.js';

/** A chunk that has been computed: its trials, by cell and number. */
export interface ComputedChunk extends Trials {
  readonly chunk: PlanChunk;
}

/** A chunk could not be computed. */
export class ChunkFailed extends Error {
  override readonly name = 'ChunkFailed';
  constructor(
    readonly chunk: PlanChunk,
    override readonly cause: unknown,
  ) {
    super(cause instanceof Error ? cause.message : String(cause));
  }
}

/** Accuracies of the trials that did not fail. */
export const accuraciesOf = (rows: readonly Pick<TrialRow, 'outcome' | 'accuracy'>[]): number[] =>
  rows.filter(({ outcome }) => succeeded(outcome)).map(({ accuracy }) => accuracy);

/**
 * Yields chunks as they are computed, those of the agenda in its order. Workers have two chunks at a time, so that none
 * is idle while another ends one.
 * @throws ChunkFailed
 */
export async function* runAgenda(
  plan: Plan,
  agenda: Agenda,
  backend: BackendInfo,
  pool: Pool | null,
): AsyncGenerator<ComputedChunk> {
  for (;;) {
    const todo = agenda.next().values();
    const inFlight: Promise<ComputedChunk>[] = [];
    let any = false;
    for (;;) {
      while (inFlight.length < (pool ? 2 : 1)) {
        const { value, done } = todo.next();
        if (done) break;
        const computed = compute(plan, value, backend, pool);
        // Its failure is heard of when its turn comes.
        computed.catch(() => undefined);
        inFlight.push(computed);
      }
      const next = inFlight.shift();
      if (!next) break;
      const computed = await next;
      agenda.add(computed.chunk, accuraciesOf(computed.rows));
      any = true;
      yield computed;
    }
    if (!any) return;
  }
}

async function compute(
  plan: Plan,
  chunk: PlanChunk,
  backend: BackendInfo,
  pool: Pool | null,
): Promise<ComputedChunk> {
  const all: { row: TrialRow; curve: readonly (number | null)[] }[] = [];
  try {
    for await (const { rows, curves } of runTrials(plan, chunk.spans, backend, pool))
      rows.forEach((row, i) => all.push({ row, curve: curves[i]! }));
  } catch (error) {
    throw new ChunkFailed(chunk, error);
  }
  all.sort((a, b) => a.row.cell - b.row.cell || a.row.trial - b.row.trial);
  return { chunk, rows: all.map(({ row }) => row), curves: all.map(({ curve }) => curve) };
}
