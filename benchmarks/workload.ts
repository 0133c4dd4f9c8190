/**
 * The words of this folder: a workload is something that is run and measured, and gives one or more results, each a
 * value with the bar that it has to reach, if there is one.
 */
import type { Sample } from './measure.js';

export interface Workload {
  /** What `--only` calls it; ids of its results begin with it. */
  readonly id: string;
  readonly claim: string;
  readonly unit: string;
  /** What its value has to reach; left out: there is no bar. */
  readonly bar?: Bar;
  /** @throws Skipped if what it needs is absent */
  run(): Promise<Measured[]>;
}

/** What a workload measured. */
export interface Measured {
  /** If not the workload's; then its unit and its bar are its own too. */
  readonly id?: string;
  readonly unit?: string;
  readonly bar?: Bar;
  readonly value: number;
  /** False if something else than the value rules out a pass: what it was measured on is wrong. */
  readonly valid?: boolean;
  /** What the value was computed from: medians and quartiles of what was timed. */
  readonly times?: readonly Sample[];
  /** How it was measured, where that is not plain from the claim. */
  readonly note?: string;
}

/** On which side of a value the measured one has to be. */
export interface Bar {
  readonly sense: '>=' | '<=';
  readonly value: number;
}

export const atLeast = (value: number): Bar => ({ sense: '>=', value });
export const atMost = (value: number): Bar => ({ sense: '<=', value });

/** A result as it is reported; value and pass are null if it was skipped, pass also if there is no bar. */
export interface Result extends Pick<Measured, 'times' | 'note'> {
  readonly id: string;
  readonly value: number | null;
  readonly unit: string;
  readonly bar: number | null;
  readonly sense: Bar['sense'] | null;
  readonly pass: boolean | null;
  readonly skipped?: string;
}

/** What a workload needs is not here; the message says what. */
export class Skipped extends Error {
  override readonly name = 'Skipped';
}

const described = ({ id, unit, bar }: Pick<Workload, 'id' | 'unit' | 'bar'>) => ({
  id,
  unit,
  bar: bar?.value ?? null,
  sense: bar?.sense ?? null,
});

export function judged(workload: Workload, { id, unit = '', bar, valid = true, ...rest }: Measured): Result {
  const own = id === undefined ? workload : { id, unit, ...(bar && { bar }) };
  const reached =
    own.bar?.sense === '>=' ? rest.value >= own.bar.value : rest.value <= (own.bar?.value ?? NaN);
  return { ...described(own), ...rest, pass: own.bar ? valid && reached : null };
}

/** The results of a workload. One that fails, fails its bar. */
export async function resultsOf(workload: Workload): Promise<Result[]> {
  try {
    return (await workload.run()).map((measured) => judged(workload, measured));
  } catch (error) {
    const none = { ...described(workload), value: null };
    if (error instanceof Skipped) return [{ ...none, pass: null, skipped: error.message }];
    return [
      { ...none, pass: false, note: error instanceof Error ? (error.stack ?? error.message) : String(error) },
    ];
  }
}
