/**
 * Which chunks of a plan are to be computed, given those that are done. Without `targetCi` all of them; with it those
 * of a cell one look after another (looks.ts), until the interval of its mean over the trials so far is narrow.
 */
import { WHOLE, type Shard } from '../input/shard.js';
import { ofShard, type PlanChunk } from '../sweep/chunks.js';
import { lookLevel, looksOf } from '../sweep/looks.js';
import type { Plan } from '../sweep/plan.js';
import { byDraw, statisticOver, unitsOf } from '../sweep/draws.js';

/** The chunks between two looks. */
type Stage = readonly PlanChunk[];

export class Agenda {
  /** What is to be known of a chunk's trials that did not fail, of chunks that are done: accuracies, or risks. */
  private readonly done = new Map<number, readonly number[]>();
  /** In the order in which they are to be done: with `targetCi` the stages of a cell, else each chunk by itself. */
  private readonly queues: readonly (readonly Stage[])[];

  constructor(
    private readonly plan: Plan,
    chunks: readonly PlanChunk[],
    shard: Shard = WHOLE,
  ) {
    const own = ofShard(chunks, shard, plan);
    this.queues =
      plan.config.targetCi === undefined
        ? own.map((chunk) => [[chunk]])
        : plan.cells.map((cell) => {
            const { index, draws } = cell;
            const ofCell = own.filter(({ spans }) => spans[0]!.cell === index);
            const end = ({ spans }: PlanChunk) =>
              draws > 1 ? (spans.at(-1)!.draw ?? 0) + 1 : spans.at(-1)!.to;
            return looksOf(unitsOf(cell))
              .map((look, k, looks) =>
                ofCell.filter((chunk) => end(chunk) <= look && end(chunk) > (looks[k - 1] ?? 0)),
              )
              .filter((stage) => stage.length > 0);
          });
  }

  /** A chunk has been computed. */
  add({ index }: PlanChunk, values: readonly number[]): void {
    this.done.set(index, this.plan.config.targetCi === undefined ? [] : values);
  }

  has({ index }: PlanChunk): boolean {
    return this.done.has(index);
  }

  /** Chunks that can be computed now, whatever comes of each other; none when all is done. */
  next(): PlanChunk[] {
    return this.needed().filter((chunk) => !this.has(chunk));
  }

  /** Chunks that are needed as far as is known, done or not. */
  needed(): PlanChunk[] {
    return this.queues.flatMap((stages) => {
      const end = stages.findIndex(
        (stage, k) => !stage.every((chunk) => this.has(chunk)) || this.isNarrow(stages.slice(0, k + 1)),
      );
      return stages.slice(0, end < 0 ? stages.length : end + 1).flat();
    });
  }

  private isNarrow(stages: readonly Stage[]): boolean {
    const { config, cells } = this.plan;
    if (config.targetCi === undefined) return false;
    const chunks = stages.flat();
    const cell = cells[chunks[0]!.spans[0]!.cell]!;
    const values = chunks.map(({ index }) => this.done.get(index) ?? []);
    const drawOf = chunks.flatMap(({ spans }, k) => values[k]!.map(() => spans[0]!.draw ?? 0));
    const of = statisticOver(cell.draws > 1 ? byDraw(drawOf, cell.draws) : null);
    const { mean, ciLow, ciHigh } = of(Float64Array.from(values.flat()), lookLevel(unitsOf(cell)));
    return (ciHigh - ciLow) / 2 <= config.targetCi * Math.abs(mean);
  }
}
