/**
 * A chunk of an ensemble: trajectories whose factors are held in the same width, as plain data, so that it can be
 * solved here or in another thread; by a fused kernel, or by tensor operations on factors or on their coordinates in Krylov
 * spaces.
 */
import type { Motion } from '../flow/motion.js';
import type { Precision } from '../numbers/precision.js';
import { loraSystem } from '../../kernels/tensorOps/loraSystem.js';
import { dense } from '../numbers/dense.js';
import type { Factors } from '../problem/factors.js';
import { minibatchesOf } from '../method/minibatch.js';
import type { Method } from '../method/method.js';
import { succeeded } from '../method/outcome.js';
import type { StopRule } from '../method/track.js';
import type { Problem } from '../problem/problem.js';
import type { Drawn } from '../ensemble/drawn.js';
import type { Device } from './device.js';
import { integrateFused } from './fused.js';
import { defectOf, intoSpace, krylovSpace, outOfSpace, type KrylovSpace } from './krylov.js';
import type { HostState } from './batch.js';
import { integrate, type Batch, type Ending } from './integrate.js';
import type { ObserveTask } from './observables.js';
import { isFiniteObservation, observer, type Detail, type Observation, type SavePoint } from './observe.js';
import type { Path } from './paths.js';

export interface Chunk {
  readonly problem: Pick<Problem, 'structure' | 'n' | 'm' | 'risk'>;
  readonly motion: Motion;
  readonly path: Path;
  readonly precision: Precision;
  readonly method: Method;
  readonly stop: StopRule;
  readonly detail: Detail;
  /** What is observed beside, at the end, and with all detail at the save times; null for nothing. */
  readonly observe: ObserveTask | null;
  /** Columns that factors are held in: their rank, or more with tensor operations. */
  readonly width: number;
  readonly starts: readonly ChunkStart[];
}

export interface ChunkStart {
  /** Index of its member among all members. */
  readonly member: number;
  readonly rank: number;
  /** Numbers of its trial and of its draw of the target, which choose the samples of minibatches. */
  readonly trial: number;
  readonly draw: number;
  /** Normalized time per unit of time t. */
  readonly clock: number;
  /** Normalized factors, or their draw; of a chunk all the same. */
  readonly from: Factors | Drawn;
}

const isDrawn = (from: ChunkStart['from']): from is Drawn => 'key' in from;

export type Trajectory = Omit<Ending<Observation, SavePoint & Partial<Observation>>, 'state'> & {
  /** Normalized final factors, in the problem's coordinates. */
  readonly factors: Factors;
};

/** Hears of what is kept of a member's trajectory at a save time; the solver waits for it. */
export type SaveWatch = (member: number, saved: SavePoint & Partial<Observation>) => void | Promise<void>;

/** Solves a chunk on a device, in this thread. */
export const solveChunk = (chunk: Chunk, device: Device, watch?: SaveWatch): Promise<Trajectory[]> =>
  device.run(() => solvedHere(chunk, device, watch));

async function solvedHere(
  chunk: Chunk,
  { kernel, pause, threads }: Pick<Device, 'kernel' | 'pause' | 'threads'>,
  watch: SaveWatch | undefined,
): Promise<Trajectory[]> {
  const { problem, motion, path, precision, method, stop, detail, observe, width, starts } = chunk;
  const { structure, n, m } = problem;
  const { save, last, savesAll, savesLook } = observer(problem, motion, detail, observe);
  const clocks = starts.map(({ clock }) => clock);
  const factorsOf = (index: number, [x, y]: HostState): Factors => {
    const { rank } = starts[index]!;
    return { x: unpad(x!, n, width, rank), y: unpad(y!, m, width, rank) };
  };
  const heard = <S extends SavePoint & Partial<Observation>>(index: number, saved: S | Promise<S>) =>
    watch
      ? (async () => {
          const told = await saved;
          await pause(() => watch(starts[index]!.member, told));
          return told;
        })()
      : saved;
  const drawn = starts.flatMap(({ from }) => (isDrawn(from) ? [from] : []));
  const initial = starts.flatMap(({ from }) =>
    isDrawn(from) ? [] : [[padded(from.x, width), padded(from.y, width)]],
  );
  const whole = (
    { state, ...ending }: Ending<Observation, SavePoint & Partial<Observation>>,
    index: number,
  ) => trajectoryOf(ending, factorsOf(index, state));
  if (path === 'fused' && structure.kind !== 'autodiff') {
    const endings = await integrateFused(kernel!, {
      ...{ clocks, structure, n, m, rank: width, motion, precision, method, stop, samplers: starts, threads },
      initial: drawn.length > 0 ? { drawn } : { states: initial },
      ...{ savesAll, savesLook },
      save: (index, time, factors, measured) => heard(index, save(factors, clocks[index]!, time, measured)),
      observe: (index, time, factors, measured) => last(factors, clocks[index]!, time, measured),
    });
    return endings.map(({ factors, ...ending }) => trajectoryOf(ending, factors));
  }
  const common = {
    clocks,
    save: (index: number, time: number, state: HostState) =>
      heard(index, save(factorsOf(index, state), clocks[index]!, time)),
    observe: (index: number, time: number, state: HostState) =>
      last(factorsOf(index, state), clocks[index]!, time),
  };
  const endings =
    path === 'krylov'
      ? await inKrylovSpaces(chunk, common)
      : await byTensorOps(chunk, { ...common, initial });
  return endings.map(whole);
}

/** A trajectory whose last state may be one of which not all that is measured is a finite number. */
const trajectoryOf = ({ outcome, ...ending }: Omit<Trajectory, 'factors'>, factors: Factors): Trajectory => ({
  ...ending,
  outcome: succeeded(outcome) && !isFiniteObservation(ending.last) ? 'loss-not-finite' : outcome,
  factors,
});

async function byTensorOps<T extends S, S>(
  { problem: { structure, n, m }, motion, width, method, stop, starts }: Chunk,
  batch: Pick<Batch<T, S>, 'initial' | 'clocks' | 'save' | 'observe'>,
): Promise<Ending<T, S>[]> {
  const system = loraSystem(structure, { n, m, width }, motion);
  const minibatches = minibatchesOf(method.minibatches, structure);
  const samplesAt = minibatches && ((index: number, step: number) => minibatches.at(starts[index]!, step));
  try {
    const shapes = [
      { rows: n, cols: width },
      { rows: m, cols: width },
    ];
    return await integrate(
      { ...batch, system, shapes, ranks: starts.map(({ rank }) => rank), samplesAt: samplesAt ?? undefined },
      method,
      stop,
    );
  } finally {
    system.dispose();
  }
}

/** Blocks of a Krylov space at first, and by which it grows until its defect is below the rounding of a state. */
const BLOCKS = 20;
const MORE_BLOCKS = 10;
const LEAST_DEFECT = 2 ** -24;

/** A state has come to where its Krylov space is too small. */
class SpaceTooSmall extends Error {}

/** Trajectories by tensor operations, each in the Krylov space of its start. What is kept is of the factors themselves. */
async function inKrylovSpaces<T extends S, S>(
  chunk: Chunk,
  { clocks, save, observe }: Required<Pick<Batch<T, S>, 'clocks' | 'save' | 'observe'>>,
): Promise<Ending<T, S>[]> {
  const { structure } = chunk.problem;
  if (structure.kind !== 'quadratic') throw new Error(`no Krylov space: ${structure.kind}`);
  const { error } = structure;
  const endings: Ending<T, S>[] = [];
  for (const [index, start] of chunk.starts.entries()) {
    const from = start.from as Factors;
    /** By the flow of factors or of their coordinates, and the way back to factors. */
    const follow = async (
      { x, y }: Factors,
      problem: Chunk['problem'],
      outOf: (state: HostState) => HostState,
    ): Promise<Ending<T, S>> => {
      const [ending] = await byTensorOps(
        { ...chunk, problem, starts: [start] },
        {
          initial: [[x.data, y.data]],
          clocks: [clocks[index]!],
          save: (_, time, state) => save(index, time, outOf(state)),
          observe: (_, time, state) => observe(index, time, outOf(state)),
        },
      );
      return { ...ending!, state: outOf(ending!.state) };
    };
    const inside = async (space: KrylovSpace | null): Promise<Ending<T, S>> => {
      if (!space) return follow(from, chunk.problem, (state) => state);
      const { u, v, t } = space;
      const structure = { kind: 'quadratic', error: t, covariance: null } as const;
      try {
        return await follow(intoSpace(space, from), { n: u.cols, m: v.cols, structure }, (state) => {
          const coordinates = factorsIn(space, state, start.rank);
          if (defectOf(space, coordinates) > LEAST_DEFECT) throw new SpaceTooSmall();
          const { x, y } = outOfSpace(space, coordinates);
          return [x.data, y.data];
        });
      } catch (reason) {
        if (!(reason instanceof SpaceTooSmall)) throw reason;
        return inside(krylovSpace(error, from, MORE_BLOCKS, space));
      }
    };
    endings.push(await inside(krylovSpace(error, from, BLOCKS)));
  }
  return endings;
}

const factorsIn = ({ u, v }: KrylovSpace, [x, y]: HostState, rank: number): Factors => ({
  x: dense(u.cols, rank, Float64Array.from(x!)),
  y: dense(v.cols, rank, Float64Array.from(y!)),
});

/** [rows, rank] with zero columns up to `width`. */
function padded({ rows, cols, data }: Factors['x'], width: number): Float64Array {
  if (cols === width) return data;
  const out = new Float64Array(rows * width);
  for (let i = 0; i < rows; i++) out.set(data.subarray(i * cols, (i + 1) * cols), i * width);
  return out;
}

function unpad(data: HostState[number], rows: number, width: number, rank: number): Factors['x'] {
  if (rank === width) return dense(rows, rank, Float64Array.from(data));
  const out = dense(rows, rank);
  for (let i = 0; i < rows; i++) out.data.set(data.subarray(i * width, i * width + rank), i * rank);
  return out;
}
