/** Solutions: the trajectories of an ensemble, as they are computed or all in its order. */
import type { Member } from '../ensemble/member.js';
import type { Origin } from '../host/provenance.js';
import type { Trajectory } from './chunk.js';

/** A trajectory with the member of the ensemble that it is of. */
export type Solved<M extends Member = Member> = Trajectory & { readonly member: M };

/** Trajectories of an ensemble, computed while they are asked for, once: by iteration or by `all`, else an Error. */
export interface Solution<M extends Member = Member> extends AsyncIterable<Solved<M>> {
  /** All trajectories, in the order of the ensemble's members. */
  all(): Promise<Solved<M>[]>;
  readonly provenance: SolutionProvenance;
}

/** Origin of a solution, the seed of its ensemble (null: its members were not drawn from one), and what was solved. */
export interface SolutionProvenance extends Origin {
  readonly seed: number | null;
  readonly config: unknown;
}

/** A trajectory with its place among the ensemble's members. */
export type Placed<M extends Member = Member> = readonly [index: number, trajectory: Solved<M>];

/** The solution of trajectories that come in any order, some at a time. */
export const solutionOf = <M extends Member>(
  source: AsyncIterable<Iterable<Placed<M>>>,
  provenance: () => SolutionProvenance,
): Solution<M> => {
  let isTaken = false;
  let origin: SolutionProvenance | undefined;
  const take = () => {
    if (isTaken)
      throw new Error('the trajectories of a solution are computed once: keep them, or solve again');
    isTaken = true;
    return source;
  };
  return {
    get provenance() {
      return (origin ??= provenance());
    },
    async *[Symbol.asyncIterator]() {
      for await (const some of take()) for (const [, trajectory] of some) yield trajectory;
    },
    async all() {
      const ordered: Solved<M>[] = [];
      for await (const some of take()) for (const [index, trajectory] of some) ordered[index] = trajectory;
      return ordered;
    },
  };
};
