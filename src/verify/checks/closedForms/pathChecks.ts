/** The checks that every closed-form path is held to: simulated paths follow it, end where it ends, and as fast. */
import type { Adapter } from '../../../ensemble/adapter.js';
import type { Case } from '../../cases.js';
import { Worst, type Check, type CheckContext } from '../../check.js';
import { pathBudget } from '../../means/trajectories.js';
import {
  comparePath,
  compareRate,
  endBudget,
  rateBudget,
  simulateAdapters,
  type Approach,
  type Expected,
  type Snapshot,
} from './simulate.js';

/** A claim, where it is stated, and the cases that it is measured on. */
interface Claim<C extends Case> {
  readonly claim: string;
  readonly source: string;
  cases(context: CheckContext): readonly C[];
}

/** An error of a simulated end, and what it is of. */
export type EndError = readonly [error: number, what: string];

/** What a theory says of LoRA's path from one kind of start. */
export interface PathTheory<C extends Case> {
  /** First part of the ids of its checks. */
  readonly name: string;
  readonly path: Claim<C> & {
    expected(context: CheckContext, at: C, adapter: Adapter): (t: number) => Expected;
  };
  readonly end: Claim<C> & {
    /** A time at which nothing that the budget sees is left, and the errors of the end of each adapter there. */
    reach(
      context: CheckContext,
      at: C,
    ): { readonly time: number; errors(end: Snapshot, adapter: number): readonly EndError[] };
  };
  readonly rate: Claim<C> & {
    /** Approach to the end of the first adapter of the case with this index. */
    approach(context: CheckContext, at: C, index: number): Approach;
  };
}

/** The checks of path, end and rate. */
export function checksOf<C extends Case>({
  name,
  path,
  end,
  rate,
}: PathTheory<C>): {
  readonly path: Check;
  readonly end: Check;
  readonly rate: Check;
} {
  const words = (part: string, { claim, source }: Claim<C>) => ({
    ...{ id: `closed-forms/${name}-${part}`, claim, source },
    on: 'backend' as const,
  });
  return {
    path: {
      ...words('path', path),
      async measure(context) {
        const worst = new Worst();
        for (const at of path.cases(context))
          await comparePath(context, at, (adapter) => path.expected(context, at, adapter), worst);
        return { ...worst.result, allowed: pathBudget(context.backend) };
      },
    },
    end: {
      ...words('end', end),
      async measure(context) {
        const worst = new Worst();
        for (const at of end.cases(context)) {
          const { time, errors } = end.reach(context, at);
          const [ends] = await simulateAdapters(context, at, [time]);
          ends!.forEach((snapshot, adapter) => {
            for (const [error, what] of errors(snapshot, adapter)) worst.add(error, `${at.name}: ${what}`);
          });
        }
        return { ...worst.result, allowed: endBudget(context.backend) };
      },
    },
    rate: {
      ...words('rate', rate),
      async measure(context) {
        const worst = new Worst(1);
        for (const [index, at] of rate.cases(context).entries())
          await compareRate(context, at, rate.approach(context, at, index), worst);
        return { ...worst.result, allowed: rateBudget(context.backend) };
      },
    },
  };
}
