/** Workers in threads of their own, so that all cores of the processor work. Node.js only. */
import { availableParallelism } from 'node:os';
import { Piscina } from 'piscina';
import type { FusedChoice } from '../../kernels/wasm/variants.js';
import { isOnProcessor, type BackendInfo, type BackendName } from '../backend/backend.js';
import { InputError } from '../host/inputError.js';
import type { Chunk, Trajectory } from './chunk.js';
import { fromMessage, type TrajectoryMessage } from './message.js';

/** What a worker is told when it starts. */
export interface WorkerData {
  readonly backend: BackendName;
  readonly fusedKernel: FusedChoice;
}

export interface Pool {
  readonly workers: number;
  /** Whether threads pay for work of that size with all that was asked for before: little is done before they start. */
  isWorth(work: number): boolean;
  /** Solves a chunk on a thread. Its trajectories are made as they are asked for, once. */
  solve(chunk: Chunk): Promise<Iterable<Trajectory>>;
  /** Ends the threads. */
  close(): Promise<void>;
}

/** Entries of Gram matrices, and 8 for each trajectory, times rows, from which threads pay: about a second's work. */
const WORTH = 2 ** 22;
/** What piscina and Node.js say of a thread that ended while it worked. */
const WORKER_DIED = /worker exited with code|Worker terminated/i;

/**
 * The pool for a backend: one thread for each core unless told otherwise. Null if this thread does as well: a single
 * worker, or a GPU, which is shared.
 * @throws InputError if there are to be several workers on a GPU
 */
export function poolFor(
  { name, fusedVariant }: Pick<BackendInfo, 'name' | 'fusedVariant'>,
  asked: number | undefined,
): Pool | null {
  const processor = isOnProcessor(name);
  if (!processor && asked !== undefined && asked > 1)
    throw new InputError('workers', asked, `1 on ${name}: several are for wasm and cpu`);
  const workers = asked ?? (processor ? availableParallelism() : 1);
  return workers > 1 ? openPool(name, workers, fusedVariant) : null;
}

/** Starts threads as they are needed, up to that number, each with that backend and implementation of its kernel. */
export function openPool(
  backend: BackendName,
  workers: number,
  fusedKernel: BackendInfo['fusedVariant'] = null,
): Pool {
  const threads = new Piscina<Chunk, TrajectoryMessage>({
    filename: new URL('worker.js', import.meta.url).href,
    workerData: { backend, fusedKernel: fusedKernel ?? 'auto' } satisfies WorkerData,
    minThreads: 0,
    maxThreads: workers,
    concurrentTasksPerWorker: 1,
    idleTimeout: Infinity,
  });
  // A thread that fails before it has a chunk, as one that cannot start, would leave all that wait for it waiting.
  const waiting = new Set<(error: Error) => void>();
  threads.on('error', (error: Error) => waiting.forEach((reject) => reject(error)));
  const onThread = (chunk: Chunk) =>
    new Promise<TrajectoryMessage>((resolve, reject) => {
      waiting.add(reject);
      void threads
        .run(chunk)
        .then(resolve, reject)
        .finally(() => waiting.delete(reject));
    });
  const retried = onceMore(onThread);
  let asked = 0;
  return {
    workers,
    isWorth: (work) => (asked += work) >= WORTH,
    solve: async (chunk) => fromMessage(await retried(chunk), chunk),
    close: () => threads.destroy(),
  };
}

/** Does work again that a thread died over, once: piscina has put another in its place. */
export const onceMore =
  <Task, Result>(run: (task: Task) => Promise<Result>) =>
  (task: Task): Promise<Result> =>
    run(task).catch((error: unknown) => {
      if (!(error instanceof Error && WORKER_DIED.test(error.message))) throw error;
      return run(task);
    });
