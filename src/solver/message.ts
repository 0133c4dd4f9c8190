/**
 * Trajectories as one thread sends them to another: their numbers in blocks that change hands, in place of many objects
 * that would be copied. They are made again one by one, as they are asked for.
 */
import { outcomeCodes, outcomeOf } from '../../kernels/report.js';
import { dense } from '../numbers/dense.js';
import type { Chunk, Trajectory } from './chunk.js';
import type { Observation, SavePoint } from './observe.js';

/** The trajectories of a chunk, in their order. */
export interface TrajectoryMessage {
  readonly count: number;
  /** X [n, r] and Y [m, r] of each, one after another. */
  readonly factors: Float64Array;
  readonly ends: Columns<Omit<Trajectory, 'factors' | 'saved' | 'last' | 'outcome'>>;
  /** Codes of the outcomes (kernels/report.ts). */
  readonly outcomes: Uint8Array;
  readonly last: Columns<Observation>;
  /** What they have at save times: curves, where that is the loss alone. */
  readonly saved: Curves | readonly Trajectory['saved'][];
}

/** Records of the same keys: the values of each, in a block where all are numbers. */
type Columns<T> = { readonly [Key in keyof T]: Float64Array | readonly T[Key][] };

interface Curves {
  /** Losses, and risks if there are any [trajectories, saves, 1 or 2]. */
  readonly values: Float64Array;
  /** How many save times each has come to, and whether it was at rest at the others (0 or 1). */
  readonly kept: Int32Array;
  readonly rests: Uint8Array;
}

type Of = Pick<Chunk, 'problem' | 'stop' | 'detail' | 'starts'>;

/** A message, and the buffers that change hands with it. */
export function toMessage(
  trajectories: readonly Trajectory[],
  chunk: Of,
): { readonly message: TrajectoryMessage; readonly buffers: readonly ArrayBuffer[] } {
  const parts = trajectories.flatMap(({ factors: { x, y } }) => [x.data, y.data]);
  const message: TrajectoryMessage = {
    count: trajectories.length,
    factors: joined(parts),
    ends: columnsOf(
      trajectories.map(({ time, acceptedSteps, rejectedSteps, evaluations }) => ({
        ...{ time, acceptedSteps, rejectedSteps, evaluations },
      })),
    ),
    outcomes: Uint8Array.from(trajectories, ({ outcome }) => outcomeCodes[outcome]),
    last: columnsOf(trajectories.map(({ last }) => last)),
    saved: chunk.detail === 'loss' ? curvesOf(trajectories, chunk) : trajectories.map(({ saved }) => saved),
  };
  const blocks = [message.factors, message.outcomes, message.saved, message.ends, message.last]
    .flatMap((block): unknown[] => (ArrayBuffer.isView(block) ? [block] : Object.values(block)))
    .filter(ArrayBuffer.isView);
  return { message, buffers: blocks.map(({ buffer }) => buffer as ArrayBuffer) };
}

function joined(parts: readonly Float64Array[]): Float64Array {
  const all = new Float64Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

function columnsOf<T extends object>(records: readonly T[]): Columns<T> {
  const names = Object.keys(records[0] ?? {}) as (keyof T)[];
  return Object.fromEntries(
    names.map((name) => {
      const values = records.map((record) => record[name]);
      return [name, values.every((value) => typeof value === 'number') ? Float64Array.from(values) : values];
    }),
  ) as Columns<T>;
}

const recordAt = <T>(columns: Columns<T>, i: number): T => {
  const record: Partial<T> = {};
  for (const name in columns) record[name] = columns[name][i] as T[typeof name];
  return record as T;
};

const fieldsOf = ({ problem }: Of): number => (problem.risk ? 2 : 1);

function curvesOf(trajectories: readonly Trajectory[], chunk: Of): Curves {
  const [saves, fields] = [chunk.stop.saveTimes.length, fieldsOf(chunk)];
  const values = new Float64Array(trajectories.length * saves * fields);
  const kept = Int32Array.from(trajectories, ({ saved, last }, i) => {
    let count = 0;
    for (let point; (point = saved[count]) && point !== last; count++) {
      const at = (i * saves + count) * fields;
      values[at] = point.loss;
      if (fields > 1) values[at + 1] = point.risk!;
    }
    return count;
  });
  const rests = Uint8Array.from(trajectories, ({ saved, last }, i) => Number(saved[kept[i]!] === last));
  return { values, kept, rests };
}

/** The trajectories that a message was made of. */
export function* fromMessage(
  { count, factors, ends, outcomes, last: lasts, saved }: TrajectoryMessage,
  chunk: Of,
): Generator<Trajectory, void> {
  const { n, m } = chunk.problem;
  const { saveTimes } = chunk.stop;
  const fields = fieldsOf(chunk);
  let at = 0;
  for (let i = 0; i < count; i++) {
    const { rank } = chunk.starts[i]!;
    const next = (rows: number) => dense(rows, rank, factors.subarray(at, (at += rows * rank)));
    const last = recordAt(lasts, i);
    const pointOf = ({ values, kept, rests }: Curves, time: number, k: number): SavePoint | null => {
      if (k >= kept[i]!) return rests[i] ? last : null;
      const from = (i * saveTimes.length + k) * fields;
      return { time, loss: values[from]!, risk: fields > 1 ? values[from + 1]! : null };
    };
    yield {
      outcome: outcomeOf(outcomes[i]!)!,
      ...recordAt(ends, i),
      saved: 'kept' in saved ? saveTimes.map((time, k) => pointOf(saved, time, k)) : saved[i]!,
      last,
      factors: { x: next(n), y: next(m) },
    };
  }
}
