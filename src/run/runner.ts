/** Computes what an agenda says, chunk by chunk. */
import type { Device } from '../solver/device.js';
import { inFlight } from '../solver/inFlight.js';
import type { PlanChunk } from '../sweep/chunks.js';
import type { Plan } from '../sweep/plan.js';
import { succeeded, type Trial, type TrialRow } from '../sweep/row.js';
import type { Agenda } from './agenda.js';
import { runTrials } from './trials.js';

/** A chunk that has been computed. */
export interface ComputedChunk {
  readonly chunk: PlanChunk;
  /** By cell and number. */
  readonly trials: readonly Trial[];
}

/** A chunk could not be computed. */
export class ChunkFailed extends Error {
  override readonly name = 'ChunkFailed';
  constructor(
    readonly chunk: { readonly index: number },
    override readonly cause: unknown,
  ) {
    super(cause instanceof Error ? cause.message : String(cause));
  }
}

/** What intervals are of, of the trials that did not fail: their risks where there are any, else their accuracies. */
export const measuresOf = (rows: readonly Pick<TrialRow, 'outcome' | 'accuracy' | 'risk'>[]): number[] =>
  rows.filter(({ outcome }) => succeeded(outcome)).map(({ accuracy, risk }) => risk ?? accuracy);

/**
 * Yields chunks as they are computed, those of the agenda in its order. Workers have two chunks at a time, so that none
 * is idle while another ends one.
 * @throws ChunkFailed
 */
export async function* runAgenda(plan: Plan, agenda: Agenda, device: Device): AsyncGenerator<ComputedChunk> {
  for (;;) {
    const todo = agenda.next();
    const most = device.pool ? 2 : 1;
    for await (const computed of inFlight(todo, most, (chunk) => computeChunk(plan, chunk, device))) {
      agenda.add(computed.chunk, measuresOf(computed.trials.map(({ row }) => row)));
      yield computed;
    }
    if (todo.length === 0) return;
  }
}

async function computeChunk(plan: Plan, chunk: PlanChunk, device: Device): Promise<ComputedChunk> {
  const trials: Trial[] = [];
  try {
    for await (const some of runTrials(plan, chunk.spans, device))
      for (const trial of some) trials.push(trial);
  } catch (error) {
    throw new ChunkFailed(chunk, error);
  }
  trials.sort((a, b) => a.row.cell - b.row.cell || a.row.draw - b.row.draw || a.row.trial - b.row.trial);
  return { chunk, trials };
}
