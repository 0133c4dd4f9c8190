/**
 * Solves an ensemble: many trajectories of one problem, of many ranks, draws and coefficients, in chunks, here or by
 * a pool of workers. With tensor operations ranks share chunks by zero columns, which the flow keeps at zero.
 */
import * as tf from '@tensorflow/tfjs';
import { fusedKernel } from '../../kernels/fused.js';
import { trajectoriesTogether, type BackendInfo } from '../backend/backend.js';
import { clock, type Coefficients } from '../ensemble/adapter.js';
import type { Factors } from '../problem/factors.js';
import { InputError } from '../host/inputError.js';
import { assertMethod, type Method } from '../method/method.js';
import type { StopRule } from '../method/track.js';
import type { Problem } from '../problem/problem.js';
import { solveChunk, type Chunk, type SaveWatch, type Trajectory } from './chunk.js';
import type { Drawn } from './drawn.js';
import type { Detail } from './observe.js';
import { wayOf, type PathChoice } from './path.js';
import type { Path } from './paths.js';
import type { Pool } from './pool.js';
import { withinMemory } from './withinMemory.js';

export type { SaveWatch, Trajectory } from './chunk.js';

/** One trajectory to be: where it starts and how its factors relate to its adapter. */
export interface Member {
  readonly rank: number;
  readonly coefficients: Coefficients;
  /** Normalized initial factors, in the problem's coordinates; called when its batch starts. */
  initial(): Factors;
  /** The same as random numbers, for a device that can draw them itself. */
  readonly drawn?: Drawn | null;
}

/** Trajectories that advance together, by the width of their factors and the way they are computed. */
export type ChunkRule = (width: number, path: Path) => number;

export interface SolveOptions extends PathChoice {
  readonly method: Method;
  readonly stop: StopRule;
  /** Most trajectories that advance together. Results do not depend on it. */
  readonly chunk: number | ChunkRule;
  /** How much is kept at save times (default: 'flow'). */
  readonly detail?: Detail;
  /** Workers to solve chunks (default: this thread solves them). Results do not depend on them. */
  readonly pool?: Pool | null;
  /** Asked after every chunk whether the device did its work (backend.ts). */
  readonly check?: () => Promise<void>;
  /**
   * Hears of save points as they are reached by tensor operations, and of a chunk's when it is done by a fused kernel;
   * not of those that a pool solves. A chunk that is solved again, in parts, is told of again.
   */
  readonly watch?: SaveWatch | undefined;
}

/**
 * Columns that factors of this rank are held in: the next power of two, at least 4. It depends on nothing else, so
 * that neither do a trajectory's sums.
 */
export const paddedWidth = (rank: number): number => Math.max(4, 2 ** Math.ceil(Math.log2(rank)));

/** State elements that a fused kernel should be given at once: 32 MiB of them in float32. */
const FUSED_ELEMENTS = 2 ** 23;

/**
 * How many trajectories of a problem a backend should advance together, by the width of their factors. With tensor
 * operations, what its caches or its memory suggest for their factors and, for a custom loss, W, G and the loss of each;
 * with a fused kernel, what is not much to hold or to lose, for their states at so many save times.
 */
export const chunkFor =
  ({ n, m, structure }: Problem, backend: BackendInfo, saves: number): ChunkRule =>
  (width, path) =>
    path === 'fused'
      ? Math.max(1, Math.floor(FUSED_ELEMENTS / ((n + m) * width * (1 + saves))))
      : trajectoriesTogether(backend, (n + m) * width + (structure.kind === 'autodiff' ? 3 * n * m : 0));

/** Members whose factors are held in the same width, computed and drawn the same way: indices into all of them. */
interface Cut {
  readonly path: Path;
  readonly width: number;
  /** Whether the device draws them. */
  readonly drawn: boolean;
  readonly indices: readonly number[];
}

/** Chunks of the same width that each worker gets at least, so that all end at about the same time. */
const SHARES = 4;

/** Members by path, width and who draws them, then in chunks, at least `shares` of them where there are as many members. */
export function chunks(
  members: readonly Pick<Member, 'rank' | 'drawn'>[],
  chunk: SolveOptions['chunk'],
  pathOf: (rank: number) => Path,
  shares = 1,
): Cut[] {
  const draws = fusedKernel(tf.getBackend())?.normals !== undefined;
  const groups = new Map<string, Omit<Cut, 'indices'> & { readonly all: number[] }>();
  members.forEach((member, i) => {
    const path = pathOf(member.rank);
    const width = path === 'fused' ? member.rank : paddedWidth(member.rank);
    const drawn = draws && path === 'fused' && Boolean(member.drawn);
    const key = `${path} ${width} ${drawn}`;
    const group = groups.get(key) ?? { path, width, drawn, all: [] };
    groups.set(key, group);
    group.all.push(i);
  });
  return [...groups.values()].flatMap(({ all, ...same }) => {
    const most = typeof chunk === 'number' ? chunk : chunk(same.width, same.path);
    const size = Math.min(most, Math.ceil(all.length / shares));
    return Array.from({ length: Math.ceil(all.length / size) }, (_, k) => ({
      ...same,
      indices: all.slice(k * size, (k + 1) * size),
    }));
  });
}

/**
 * Solves the members chunk by chunk; yields each chunk's trajectories with their indices, in the same order whoever
 * solves them. A chunk that the device has no memory for is solved in parts.
 * @throws InputError if the path or the precision asked for cannot be had, or the method or the stop rule is none
 */
export async function* solve(
  problem: Problem,
  members: readonly Member[],
  options: SolveOptions,
): AsyncGenerator<{ index: number; trajectory: Trajectory }[]> {
  const { method, stop, precision = 'float32', detail = 'flow', pool, check, watch } = options;
  const { structure, n, m } = problem;
  assertStop(stop);
  assertMethod(method);
  const made = ({ path, width, drawn, indices }: Cut): Chunk => ({
    problem: { structure, n, m },
    ...{ path, precision, method, stop, detail, width },
    starts: indices.map((i) => {
      const member = members[i]!;
      const { rank, coefficients } = member;
      return { member: i, rank, clock: clock(coefficients), from: drawn ? member.drawn! : member.initial() };
    }),
  });
  const paths = new Map<number, Path>();
  const pathOf = (rank: number) => {
    const path = paths.get(rank) ?? wayOf(problem, rank, options, [...clocksOf(members, rank)]).path;
    paths.set(rank, path);
    return path;
  };
  // A function cannot be sent to another thread.
  const work = members.reduce((sum, { rank }) => sum + (n + m) * (rank ** 2 + 8), 0);
  const elsewhere = structure.kind !== 'autodiff' && pool?.isWorth(work) ? pool : null;
  const todo = chunks(members, options.chunk, pathOf, elsewhere ? SHARES * elsewhere.workers : 1).values();
  const run = withinMemory(async (chunk) => {
    const trajectories = await (elsewhere ? elsewhere.solve(chunk) : solveChunk(chunk, watch));
    await check?.();
    return trajectories;
  });
  /** In their order, and enough of them that a slow one does not leave workers idle. */
  const inFlight: { readonly indices: readonly number[]; readonly solved: Promise<Trajectory[]> }[] = [];
  for (;;) {
    while (inFlight.length < (elsewhere ? 2 * elsewhere.workers : 1)) {
      const { value, done } = todo.next();
      if (done) break;
      const solved = run(made(value));
      // Its failure is heard of when its turn comes.
      solved.catch(() => undefined);
      inFlight.push({ indices: value.indices, solved });
    }
    const next = inFlight.shift();
    if (!next) return;
    const trajectories = await next.solved;
    yield trajectories.map((trajectory, k) => ({ index: next.indices[k]!, trajectory }));
  }
}

/** The clocks that members of a rank have. */
const clocksOf = (members: readonly Member[], rank: number): Set<number> =>
  new Set(members.flatMap(({ rank: r, coefficients }) => (r === rank ? [clock(coefficients)] : [])));

function assertStop({ saveTimes, maxSteps }: StopRule): void {
  if (
    saveTimes.length === 0 ||
    !saveTimes.every((time, k) => time >= (saveTimes[k - 1] ?? 0) && time < Infinity)
  )
    throw new InputError('saveTimes', saveTimes, 'finite times, ascending from 0, at least one');
  if (!(maxSteps >= 1)) throw new InputError('maxSteps', maxSteps, 'at least 1');
}
