/**
 * Which chunks of a plan are to be computed, given those that are done. Without `targetCi` all of them; with it those
 * of a cell one after another, until the interval of its mean over the chunks so far is narrow.
 */
import { ofShard, type PlanChunk, type Shard } from './chunks.js';
import type { Plan } from './plan.js';
import { statistic } from './statistics.js';

export class Agenda {
  /** Accuracies of a chunk's trials that did not fail, of chunks that are done. */
  private readonly done = new Map<number, readonly number[]>();
  /** In the order in which they are to be done: with `targetCi` the chunks of a cell, else each by itself. */
  private readonly queues: readonly (readonly PlanChunk[])[];

  constructor(
    private readonly plan: Plan,
    chunks: readonly PlanChunk[],
    shard: Shard = { number: 1, of: 1 },
  ) {
    const own = ofShard(chunks, shard, plan);
    if (plan.config.targetCi === undefined) {
      this.queues = own.map((chunk) => [chunk]);
      return;
    }
    const byCell = new Map<number, PlanChunk[]>();
    for (const chunk of own) {
      const { cell } = chunk.spans[0]!;
      byCell.set(cell, [...(byCell.get(cell) ?? []), chunk]);
    }
    this.queues = [...byCell.values()];
  }

  /** A chunk has been computed. */
  add({ index }: PlanChunk, accuracies: readonly number[]): void {
    this.done.set(index, this.plan.config.targetCi === undefined ? [] : accuracies);
  }

  has({ index }: PlanChunk): boolean {
    return this.done.has(index);
  }

  /** Chunks that can be computed now, whatever comes of each other; none when all is done. */
  next(): PlanChunk[] {
    return this.queues.flatMap((queue) => {
      const at = queue.findIndex((chunk) => !this.has(chunk));
      return at >= 0 && !this.isNarrow(queue.slice(0, at)) ? [queue[at]!] : [];
    });
  }

  /** Chunks that are needed as far as is known, done or not. */
  needed(): PlanChunk[] {
    return this.queues.flatMap((queue) => {
      const end = queue.findIndex((chunk, i) => !this.has(chunk) || this.isNarrow(queue.slice(0, i + 1)));
      return queue.slice(0, end < 0 ? queue.length : end + 1);
    });
  }

  private isNarrow(chunks: readonly PlanChunk[]): boolean {
    const { targetCi } = this.plan.config;
    if (targetCi === undefined || chunks.length === 0) return false;
    const { mean, ciLow, ciHigh } = statistic(chunks.flatMap(({ index }) => this.done.get(index) ?? []));
    return (ciHigh - ciLow) / 2 <= targetCi * Math.abs(mean);
  }
}
