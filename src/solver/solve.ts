/**
 * Solves an ensemble: many trajectories of one problem, of many ranks, draws and coefficients, in chunks, here or by
 * a pool of workers. With tensor operations ranks share chunks by zero columns, which the flow keeps at zero.
 */
import type { Coefficients } from '../flow/coefficients.js';
import type { Flow } from '../flow/flow.js';
import { clock } from '../flow/normalization.js';
import type { Ensemble } from '../ensemble/ensemble.js';
import { motionOf, type Motion } from '../flow/motion.js';
import { checkCoordinates } from '../ensemble/flowStart.js';
import type { Member } from '../ensemble/member.js';
import { InputError } from '../host/inputError.js';
import { trajectoryOrigin } from '../host/provenance.js';
import { assertFollows, type Method } from '../method/method.js';
import { assertMinibatches } from '../method/minibatch.js';
import type { StopRule } from '../method/track.js';
import type { Factors } from '../problem/factors.js';
import type { Problem } from '../problem/problem.js';
import { solveChunk, type Chunk, type SaveWatch, type Trajectory } from './chunk.js';
import type { ChunkRule, Device } from './device.js';
import { inFlight } from './inFlight.js';
import type { ObserveTask } from './observables.js';
import type { Detail, Observation, SavePoint } from './observe.js';
import { sharesProducts, wayOf, type PathChoice, type Way, type WayOptions } from './path.js';
import { assertOptions } from './options.js';
import type { Path } from './paths.js';
import { solutionOf, type Placed, type Solution, type SolutionProvenance } from './solution.js';
import { withinMemory } from './withinMemory.js';

/** Save times, and when else to stop (default: never steady, at most a million steps). */
export type StopOptions = Pick<StopRule, 'saveTimes'> & Partial<StopRule>;

export interface SolveOptions<M extends Member = Member> extends PathChoice {
  readonly method: Method;
  readonly stop: StopOptions;
  readonly device: Device;
  /** Most trajectories that advance together (default: as the device has it). Results do not depend on it. */
  readonly chunk?: number | ChunkRule | undefined;
  /** How much is kept at save times (default: 'flow'). */
  readonly detail?: Detail | undefined;
  /** What else is observed at the end, and at save times unless their detail is 'loss' (default: nothing). */
  readonly observe?: ObserveTask | null | undefined;
  /**
   * Hears of save points as they are reached by tensor operations, and of a chunk's when it is done by a fused kernel;
   * not of those that workers solve; the solver waits for it. A chunk that is solved again, in parts, is heard of
   * again.
   */
  readonly watch?: ((member: M, saved: SavePoint & Partial<Observation>) => void | Promise<void>) | undefined;
}

/** Most steps of a trajectory when none are given. */
const MAX_STEPS = 1_000_000;

/**
 * Columns that factors of this rank are held in: the next power of two, at least 4. It depends on nothing else, so
 * that neither do a trajectory's sums.
 */
export const paddedWidth = (rank: number): number => Math.max(4, 2 ** Math.ceil(Math.log2(rank)));

/** Members whose factors are held in the same width, computed, drawn and moved the same way: indices into all of them. */
interface Cut {
  readonly path: Path;
  readonly width: number;
  /** Whether the initial factors are drawn where they are computed. */
  readonly drawn: boolean;
  readonly motion: Motion;
  readonly indices: readonly number[];
}

/** Chunks of the same width that each worker gets at least, so that all end at about the same time. */
const SHARES = 4;

/**
 * Members by path, width, motion and where they are drawn, then in chunks, at least `shares` of them where there are as many
 * members.
 */
export function chunks(
  members: readonly Pick<Member, 'rank' | 'drawn' | 'coefficients' | 'flow'>[],
  chunk: number | ChunkRule,
  pathOf: (rank: number) => Path,
  shares = 1,
): Cut[] {
  const groups = new Map<string, Omit<Cut, 'indices'> & { readonly all: number[] }>();
  // Of a cell all have the same, one after another.
  let [last, moved, words]: [(typeof members)[number] | null, Motion | null, string] = [null, null, ''];
  members.forEach((member, i) => {
    const path = pathOf(member.rank);
    const width = path === 'tensor-ops' ? paddedWidth(member.rank) : member.rank;
    const drawn = path === 'fused' && Boolean(member.drawn);
    if (!moved || last?.coefficients !== member.coefficients || last.flow !== member.flow) {
      moved = motionOf(member.coefficients, member.flow);
      words = JSON.stringify(moved);
      last = member;
    }
    const key = `${path} ${width} ${drawn} ${words}`;
    const group = groups.get(key) ?? { path, width, drawn, motion: moved, all: [] };
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
 * The solution of an ensemble on a device: computed chunk by chunk, in the same order whoever solves them. A chunk that
 * the device has no memory for is solved in parts.
 * @throws InputError, once it is asked for a trajectory, if the path or the precision cannot be had, an option is out of
 *   range, or a member starts at factors of other shapes
 */
export function solve<M extends Member>(ensemble: Ensemble<M>, options: SolveOptions<M>): Solution<M> {
  const startedAt = new Date().toISOString();
  return solutionOf(solveByChunk(ensemble, options), () => ({
    ...provenanceOf(ensemble, options),
    startedAt,
  }));
}

function provenanceOf<M extends Member>(
  { problem, members, seed }: Ensemble<M>,
  options: SolveOptions<M>,
): SolutionProvenance {
  const { method, device, precision = 'float32', kernel = 'auto' } = options;
  const stop = wholeStop(options);
  const ranks = [...new Set(members.map(({ rank }) => rank))];
  return {
    ...trajectoryOrigin(device.info, precision, ranks.map(pathsByRank({ problem, members }, options))),
    seed: seed ?? null,
    config: {
      ...{ loss: problem.loss.name, n: problem.n, m: problem.m, ranks, trajectories: members.length },
      ...{ method, stop, precision, kernel },
    },
  };
}

/** The path of every rank of an ensemble. @throws InputError if it cannot be had */
function pathsByRank<M extends Member>(
  { problem, members }: Ensemble<M>,
  options: SolveOptions<M>,
): (rank: number) => Path {
  const stop = wholeStop(options);
  const paths = new Map<number, Path>();
  return (rank) => {
    const path = paths.get(rank) ?? wayOfMembers(problem, members, rank, { ...options, stop }).path;
    paths.set(rank, path);
    return path;
  };
}

const wholeStop = ({ stop }: Pick<SolveOptions, 'stop'>): StopRule => ({
  steadyTolerance: null,
  maxSteps: MAX_STEPS,
  ...stop,
});

/**
 * What `solve` computes, a chunk at a time, each to be gone through once: sooner where there are many trajectories.
 * @throws InputError as the solution does
 */
export async function* solveByChunk<M extends Member>(
  { problem, members }: Ensemble<M>,
  options: SolveOptions<M>,
): AsyncGenerator<Iterable<Placed<M>>> {
  const { method, device, precision = 'float32', detail = 'flow', observe = null } = options;
  const stop = wholeStop(options);
  const { structure, n, m, risk } = problem;
  assertOptions({ ...options, stop });
  for (const flow of new Set(members.map((member) => member.flow))) {
    checkCoordinates(problem, flow);
    assertFollows(method, flow);
  }
  if (method.minibatches) assertMinibatches(method.minibatches.size, structure);
  const chunkOf = ({ path, width, drawn, motion, indices }: Cut): Chunk => ({
    problem: { structure, n, m, ...(risk && { risk }) },
    ...{ motion, path, precision, method, stop, detail, observe, width },
    starts: indices.map((i) => {
      const member = members[i]!;
      const { rank, trial, draw, coefficients, flow } = member;
      const from = drawn ? member.drawn! : startOf(member, problem);
      return { member: i, rank, trial, draw, clock: clock(coefficients, flow), from };
    }),
  });
  const { watch } = options;
  const onSave: SaveWatch | undefined = watch && ((index, saved) => watch(members[index]!, saved));
  // A function cannot be sent to another thread.
  const work = members.reduce((sum, { rank }) => sum + (n + m) * (rank ** 2 + 8), 0);
  const pool = structure.kind !== 'autodiff' && device.pool?.isWorth(work) ? device.pool : null;
  const cuts = chunks(
    members,
    options.chunk ?? device.chunkRule(problem, stop.saveTimes.length),
    pathsByRank({ problem, members }, options),
    pool ? (sharesProducts(structure) ? 1 : SHARES) * pool.workers : 1,
  );
  const run = withinMemory(async (chunk) => {
    const trajectories = await (pool ? pool.solve(chunk) : solveChunk(chunk, device, onSave));
    await device.check();
    return trajectories;
  });
  // Enough chunks under way that a slow one does not leave workers idle.
  yield* inFlight(cuts, pool ? 2 * pool.workers : 1, (cut) =>
    run(chunkOf(cut)).then((trajectories) => placed(trajectories, cut.indices, members)),
  );
}

function* placed<M extends Member>(
  trajectories: Iterable<Trajectory>,
  indices: readonly number[],
  members: readonly M[],
): Generator<Placed<M>> {
  let k = 0;
  for (const trajectory of trajectories) {
    const index = indices[k++]!;
    yield [index, { ...trajectory, member: members[index]! }];
  }
}

/** The factors that a member starts at. @throws InputError if they have not the shapes of its rank */
function startOf(member: Member, { n, m }: Pick<Problem, 'n' | 'm'>): Factors {
  const factors = member.initial();
  const { x, y } = factors;
  const { rank } = member;
  if (x.rows !== n || x.cols !== rank || y.rows !== m || y.cols !== rank) {
    const words = (rows: number[]) => `X [${rows[0]}, ${rows[1]}], Y [${rows[2]}, ${rows[3]}]`;
    throw new InputError('start', words([x.rows, x.cols, y.rows, y.cols]), words([n, rank, m, rank]));
  }
  return factors;
}

/** The way of all members of a rank. @throws InputError if what is asked for cannot be had */
function wayOfMembers(problem: Problem, members: readonly Member[], rank: number, options: WayOptions): Way {
  const laws = distinctLaws(members.filter((member) => member.rank === rank));
  const clocks = new Set(laws.map(({ coefficients, flow }) => clock(coefficients, flow)));
  const motions = new Map(
    laws.map(({ coefficients, flow }) => {
      const motion = motionOf(coefficients, flow);
      return [JSON.stringify(motion), motion];
    }),
  );
  return wayOf(problem, rank, options, [...clocks], [...motions.values()]);
}

/** Members of which no two have the same coefficients and flow: the objects, of which there are few. */
function distinctLaws(members: readonly Member[]): readonly Pick<Member, 'coefficients' | 'flow'>[] {
  const flows = new Map<Coefficients, Set<Flow>>();
  return members.filter(({ coefficients, flow }) => {
    const seen = flows.get(coefficients) ?? new Set();
    flows.set(coefficients, seen);
    return seen.size < seen.add(flow).size;
  });
}
