/** Computes what is missing of a sweep in its results folder, and writes each chunk when it is done. */
import type { BackendInfo } from '../backend/backend.js';
import { runProvenance } from '../host/provenance.js';
import { arithmeticOf, pin, refuseOther, type Arithmetic } from '../results/arithmetic.js';
import { restoreSubfolders } from '../results/folder.js';
import { readPart, setAside, writePart, type Fault, type Part } from '../results/parts.js';
import { RunLog } from '../results/runs.js';
import { subfolders } from '../results/sweepFolder.js';
import type { Way } from '../solver/path.js';
import { effort, ofShard, trialsOf, type PlanChunk, type Shard } from '../sweep/chunks.js';
import type { TrialRow } from '../sweep/row.js';
import { Agenda } from './agenda.js';
import { createRecord, inventoryOf, type FolderSweep, type Planned } from './folderSweep.js';
import { ChunkFailed, measuresOf } from './runner.js';
import { runPlan } from './sweep.js';

/** Hears of a sweep while it is computed. */
export interface ComputeWatch {
  /** Before the first trajectory: how much there is to do, and what was set aside. */
  start?(backend: BackendInfo, ways: readonly Way[], todo: number, faults: readonly Fault[]): void;
  /** With every chunk that has been written: trials and share of the effort done since the start. */
  chunk?(trials: number, work: number): void;
}

const WHOLE: Shard = { number: 1, of: 1 };

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
  const { path, plan, chunks, hash, record } = sweep;
  const { parts, faults, arithmetic } = record
    ? inventoryOf(sweep)
    : { parts: [], faults: [], arithmetic: null };
  const agenda = await agendaOf(sweep, parts, shard);
  const efforts = chunks.map(({ spans }) =>
    spans.reduce((sum, { cell, from, to }) => sum + (to - from) * effort(plan.cells[cell]!), 0),
  );
  const todo = ofShard(chunks, shard, plan).filter((chunk) => !agenda.has(chunk));
  const all = todo.reduce((sum, { index }) => sum + efforts[index]!, 0);
  let log: RunLog | undefined;
  let own: Arithmetic | undefined;
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
          own = arithmeticOf(backend, plan.config, ways);
          if (arithmetic) refuseOther(path, own, arithmetic);
          pin(path, own);
          restoreSubfolders(path, subfolders);
          setAside(path, faults);
          log = new RunLog(path, shard, origin);
          watch.start?.(
            backend,
            ways,
            todo.reduce((sum, chunk) => sum + trialsOf(chunk), 0),
            faults,
          );
        },
        chunk(computed) {
          writePart(path, hash, own!, computed.chunk, computed.trials);
          log?.chunk(computed.trials.length);
          trials += computed.trials.length;
          work += efforts[computed.chunk.index]!;
          watch.chunk?.(trials, work / all);
        },
      },
      stop,
    );
  } catch (error) {
    const failedChunk = error instanceof ChunkFailed ? { failedChunk: error.chunk.index } : {};
    log?.end('failed', { reason: (error as Error).message, ...failedChunk });
    throw error;
  }
  const done = agenda.next().length === 0;
  log?.end(done ? 'finished' : 'interrupted');
  return done;
}

/** Chunks that are needed and missing, as far as is known. */
export async function missingOf(sweep: FolderSweep, parts: readonly Part[]): Promise<PlanChunk[]> {
  const agenda = await agendaOf(sweep, parts, WHOLE);
  return agenda.needed().filter((chunk) => !agenda.has(chunk));
}
