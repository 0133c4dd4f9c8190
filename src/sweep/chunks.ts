/**
 * How a plan is cut: into chunks, which are computed and kept whole, and those into shards. Both depend on the plan
 * alone, so that any machine cuts it the same way.
 */
import type { Shard } from '../input/shard.js';
import { sharesMatrix } from '../problem/structure.js';
import { paddedWidth } from '../solver/solve.js';
import { looksOf } from './looks.js';
import type { Cell, Plan } from './plan.js';

/** Trials of a cell, from one to before another. */
export interface Span {
  readonly cell: number;
  /** Draw of the target that they are of (default: the first). */
  readonly draw?: number;
  readonly from: number;
  readonly to: number;
}

/** A part of a sweep that is computed and kept as one. */
export interface PlanChunk {
  readonly index: number;
  readonly spans: readonly Span[];
}

/**
 * Work of one trajectory, in entries of Gram matrices times rows. Where trials share a dense noisy target, whose products
 * are taken for all of a chunk together, it is less, so that they stay together.
 */
export const effort = ({ problem: { n, m, structure, risk }, rank }: Cell): number => {
  const width = paddedWidth(rank);
  return risk && sharesMatrix(structure) ? (n + m) * width : (n + m) * width ** 2;
};

/** Work of making the problem of a draw, in the same units: a decomposition is that of some hundred evaluations. */
const making = ({ problem: { n, m } }: Cell): number => (n * m * Math.min(n, m)) / 100;

/** Effort of a chunk: some seconds of a core, which is what a run that is cut off loses. */
const CHUNK_EFFORT = 2 ** 24;
const MOST_TRIALS = 4096;

export const trialsOf = ({ spans }: PlanChunk): number =>
  spans.reduce((sum, { from, to }) => sum + to - from, 0);

/** Effort of a chunk, in the units of `effort`. */
export const effortOf = ({ spans }: PlanChunk, { cells }: Pick<Plan, 'cells'>): number =>
  spans.reduce((sum, { cell, from, to }) => sum + (to - from) * effort(cells[cell]!), 0);

/**
 * The chunks of a plan, in the order of its cells and trials; with several draws of the target, all cells of a loss and
 * shape at a draw before those at the next, so that they share its problem. With `targetCi` each chunk is of a single
 * cell and draw, cells come one after another, and a chunk ends at a look at the interval of its cell at the latest.
 */
export function chunksOf({ cells, config }: Pick<Plan, 'cells' | 'config'>): PlanChunk[] {
  const chunks: Span[][] = [];
  let [room, trials, made] = [0, 0, 0];
  const decides = config.targetCi !== undefined;
  for (const { cell, draw } of decides ? cells.flatMap(drawsOf) : byProblem(cells)) {
    const each = effort(cell);
    if (draw !== made) room -= making(cell);
    made = draw;
    const looks = decides && cell.draws === 1 ? looksOf(cell.trials) : [];
    for (let from = 0; from < cell.trials;) {
      if (decides || room < each || trials === 0) {
        chunks.push([]);
        const look = looks.find((each) => each > from);
        [room, trials] = [CHUNK_EFFORT, look === undefined ? MOST_TRIALS : look - from];
      }
      const to = Math.min(cell.trials, from + Math.max(1, Math.min(trials, Math.floor(room / each))));
      chunks.at(-1)!.push({ cell: cell.index, ...(draw > 0 && { draw }), from, to });
      room -= (to - from) * each;
      trials -= to - from;
      from = to;
    }
  }
  return chunks.map((spans, index) => ({ index, spans }));
}

/** A cell at a draw of the target. */
interface CellDraw {
  readonly cell: Cell;
  readonly draw: number;
}

const drawsOf = (cell: Cell): CellDraw[] => Array.from({ length: cell.draws }, (_, draw) => ({ cell, draw }));

/** Cells at their draws, draw by draw among those of one loss and shape. */
function byProblem(cells: readonly Cell[]): CellDraw[] {
  const groups = new Map<string, Cell[]>();
  for (const cell of cells) {
    const { loss, n, m } = cell.problem;
    const key = `${loss.name} ${n}x${m}`;
    groups.set(key, [...(groups.get(key) ?? []), cell]);
  }
  return [...groups.values()].flatMap((group) =>
    group.flatMap(drawsOf).sort((a, b) => a.draw - b.draw || a.cell.index - b.cell.index),
  );
}

/** The chunks of a shard: every `of`-th; with `targetCi`, where one chunk decides on the next, those of whole cells. */
export const ofShard = (
  chunks: readonly PlanChunk[],
  { number, of }: Shard,
  { config }: Pick<Plan, 'config'>,
) =>
  chunks.filter(
    ({ index, spans }) => (config.targetCi === undefined ? index : spans[0]!.cell) % of === number - 1,
  );
