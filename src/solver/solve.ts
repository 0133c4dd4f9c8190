/**
 * Solves an ensemble: many trajectories of one problem, of many ranks, draws and coefficients. Ranks share batches
 * by zero columns, which the flow keeps at zero; memory decides how many trajectories advance together.
 */
import { loraSystem } from '../../kernels/tensorOps/loraSystem.js';
import { trajectoriesTogether, type BackendInfo } from '../backend/backend.js';
import { dense } from '../dense.js';
import { clock, type Coefficients, type Factors } from '../ensemble/adapter.js';
import type { Method } from '../method/method.js';
import type { Problem } from '../problem/problem.js';
import type { HostState } from './batch.js';
import { integrate, type Ending, type StopRule } from './integrate.js';
import { observer, type Observation } from './observe.js';

/** One trajectory to be: where it starts and how its factors relate to its adapter. */
export interface Member {
  readonly rank: number;
  readonly coefficients: Coefficients;
  /** Normalized initial factors, in the problem's coordinates; called when its batch starts. */
  initial(): Factors;
}

export interface SolveOptions {
  readonly method: Method;
  readonly stop: StopRule;
  /** Most trajectories that advance together, by the width of their factors. Results do not depend on it. */
  readonly chunk: number | ((width: number) => number);
  readonly singularValues?: boolean;
}

export type Trajectory = Omit<Ending<Observation>, 'state'> & {
  /** Normalized final factors, in the problem's coordinates. */
  readonly factors: Factors;
};

/**
 * Columns that factors of this rank are held in: the next power of two, at least 4. It depends on nothing else, so
 * that neither do a trajectory's sums.
 */
export const paddedWidth = (rank: number): number => Math.max(4, 2 ** Math.ceil(Math.log2(rank)));

/**
 * How many trajectories of a problem a backend should advance together, by the width of their factors: what memory
 * suggests for their factors and, for a custom loss, W, G and the loss of each.
 */
export const chunkFor =
  ({ n, m, structure }: Problem, backend: BackendInfo): ((width: number) => number) =>
  (width) =>
    trajectoriesTogether(backend, (n + m) * width + (structure.kind === 'autodiff' ? 3 * n * m : 0));

/** Members by padded width, then in chunks: indices into `members`. */
export function chunks(members: readonly Member[], chunk: SolveOptions['chunk']): number[][] {
  const byWidth = new Map<number, number[]>();
  members.forEach(({ rank }, i) => {
    const width = paddedWidth(rank);
    const indices = byWidth.get(width);
    if (indices) indices.push(i);
    else byWidth.set(width, [i]);
  });
  return [...byWidth].flatMap(([width, indices]) => {
    const size = typeof chunk === 'number' ? chunk : chunk(width);
    return Array.from({ length: Math.ceil(indices.length / size) }, (_, k) =>
      indices.slice(k * size, (k + 1) * size),
    );
  });
}

/** Solves the members one after another chunk; yields each chunk's trajectories with their indices. */
export async function* solve(
  problem: Problem,
  members: readonly Member[],
  options: SolveOptions,
): AsyncGenerator<{ index: number; trajectory: Trajectory }[]> {
  for (const indices of chunks(members, options.chunk)) {
    const trajectories = await solveChunk(
      problem,
      indices.map((i) => members[i]!),
      options,
    );
    yield trajectories.map((trajectory, k) => ({ index: indices[k]!, trajectory }));
  }
}

/** Solves members whose factors are held in the same width. */
async function solveChunk(
  problem: Problem,
  members: readonly Member[],
  options: SolveOptions,
): Promise<Trajectory[]> {
  const { n, m, structure } = problem;
  const width = paddedWidth(members[0]!.rank);
  const observe = observer(problem, options.singularValues ?? false);
  const clocks = members.map(({ coefficients }) => clock(coefficients));
  const factorsOf = (index: number, [x, y]: HostState): Factors => {
    const { rank } = members[index]!;
    return { x: unpad(x!, n, width, rank), y: unpad(y!, m, width, rank) };
  };
  const system = loraSystem(structure, { n, m, width });
  try {
    const endings = await integrate(
      {
        system,
        shapes: [
          { rows: n, cols: width },
          { rows: m, cols: width },
        ],
        initial: members.map((member) => {
          const { x, y } = member.initial();
          return [pad(x, width), pad(y, width)];
        }),
        clocks,
        observe: (index, time, state) => observe(factorsOf(index, state), clocks[index]!, time),
      },
      options.method,
      options.stop,
    );
    return endings.map(({ state, ...ending }, index) => ({ ...ending, factors: factorsOf(index, state) }));
  } finally {
    system.dispose();
  }
}

/** [rows, rank] with zero columns up to `width`, rounded to float32. */
function pad({ rows, cols, data }: Factors['x'], width: number): Float32Array {
  const out = new Float32Array(rows * width);
  for (let i = 0; i < rows; i++) out.set(data.subarray(i * cols, (i + 1) * cols), i * width);
  return out;
}

function unpad(data: Float32Array, rows: number, width: number, rank: number): Factors['x'] {
  const out = dense(rows, rank);
  for (let i = 0; i < rows; i++) out.data.set(data.subarray(i * width, i * width + rank), i * rank);
  return out;
}
