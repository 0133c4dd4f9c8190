/** Computes what is missing of a sweep in its results folder, and writes each chunk when it is done. */
import type { BackendInfo } from '../backend/backend.js';
import { runProvenance } from '../host/provenance.js';
import { WHOLE, type Shard } from '../input/shard.js';
import { arithmeticOf } from '../results/arithmetic.js';
import { readPart, type Fault, type Inventory, type Part } from '../results/parts.js';
import { trialColumns, trialTypes } from '../results/trialParts.js';
import type { Way } from '../solver/path.js';
import { effortOf, ofShard, trialsOf, type PlanChunk } from '../sweep/chunks.js';
import type { TrialRow } from '../sweep/row.js';
import { Agenda } from './agenda.js';
import { createRecord, type FolderSweep, type Planned } from './folderSweep.js';
import { inventoryOf } from './mergeParts.js';
import { PartsRun } from './partsRun.js';
import { ChunkFailed, measuresOf } from './runner.js';
import { runPlan } from './sweep.js';

/** Hears of a sweep while it is computed. */
export interface ComputeWatch {
  /** Before the first trajectory: how much there is to do, and what was set aside. */
  start?(backend: BackendInfo, ways: readonly Way[], todo: number, faults: readonly Fault[]): void;
  /** With every chunk that has been written: trials and share of the effort done since the start. */
  chunk?(trials: number, work: number): void;
}

/** What is to be computed, given the parts that there are. */
async function agendaOf({ plan, chunks }: Planned, parts: readonly Part[], shard: Shard): Promise<Agenda> {
  const agenda = new Agenda(plan, chunks, shard);
  const own = new Set(ofShard(chunks, shard, plan));
  for (const part of parts) {
    const chunk = chunks[part.chunk]!;
    if (!own.has(chunk)) continue;
    const decides = plan.config.targetCi !== undefined;
    const [ended = [], accuracies = [], risks = []] = decides
      ? await readPart(part, ['outcome', 'accuracy', 'risk'])
      : [];
    const rows = ended.map((outcome, i) => ({ outcome, accuracy: accuracies[i], risk: risks[i] }));
    agenda.add(chunk, measuresOf(rows as Pick<TrialRow, 'outcome' | 'accuracy' | 'risk'>[]));
  }
  return agenda;
}

/**
 * Computes the chunks of a shard that are missing, and writes each when it is done. What is damaged or foreign is set
 * aside and computed anew.
 * @param stop asked after every chunk whether to leave the rest
 * @returns whether all of the shard is done
 * @throws InputError if the folder or the backend is unfit; ChunkFailed; an error of the file system
 */
export async function computeSweep(
  sweep: FolderSweep,
  {
    shard = WHOLE,
    watch = {},
    stop,
  }: { shard?: Shard | undefined; watch?: ComputeWatch; stop?: () => boolean },
): Promise<boolean> {
  const { plan, chunks, record } = sweep;
  const found: Inventory = record ? inventoryOf(sweep) : { parts: [], faults: [], arithmetic: null };
  const agenda = await agendaOf(sweep, found.parts, shard);
  const todo = ofShard(chunks, shard, plan).filter((chunk) => !agenda.has(chunk));
  const all = todo.reduce((sum, chunk) => sum + effortOf(chunk, plan), 0);
  let run: PartsRun | undefined;
  let [trials, work] = [0, 0];
  try {
    await runPlan(
      plan,
      agenda,
      {
        start(_, backend, ways) {
          const origin = runProvenance(
            backend,
            plan.config,
            ways.map(({ path }) => path),
          );
          if (!record) createRecord(sweep, origin, shard.of > 1);
          run = new PartsRun(sweep, found, arithmeticOf(backend, plan.config, ways), shard, origin);
          watch.start?.(
            backend,
            ways,
            todo.reduce((sum, chunk) => sum + trialsOf(chunk), 0),
            found.faults,
          );
        },
        chunk({ chunk, trials: computed }) {
          const effort = effortOf(chunk, plan);
          run?.part(chunk.index, trialColumns(computed), trialTypes, { trials: computed.length, effort });
          trials += computed.length;
          work += effort;
          watch.chunk?.(trials, work / all);
        },
      },
      stop,
    );
  } catch (error) {
    run?.fail(error, error instanceof ChunkFailed ? error.chunk.index : undefined, false);
    throw error;
  }
  const done = agenda.next().length === 0;
  run?.end(done ? 'finished' : 'interrupted');
  return done;
}

/** Chunks that are needed and missing, as far as is known. */
export async function missingOf(sweep: FolderSweep, parts: readonly Part[]): Promise<PlanChunk[]> {
  const agenda = await agendaOf(sweep, parts, WHOLE);
  return agenda.needed().filter((chunk) => !agenda.has(chunk));
}
