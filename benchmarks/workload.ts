/**
 * The words of this folder: a workload is something that is run and measured, and gives one or more results, each a
 * value with the bar that it has to reach, if there is one.
 */
import type { Sample } from './measure.js';

export interface Workload {
  /** What `--only` calls it; ids of its results begin with it. */
  readonly id: string;
  readonly claim: string;
  /** @throws Skipped if what it needs is absent */
  run(): Promise<Measured[]>;
}

/** What a workload measured. */
export interface Measured {
  readonly id: string;
  readonly value: number;
  readonly unit: string;
  /** The bar, and on which side of it the value has to be; left out: there is none. */
  readonly bar?: Bar;
  /** False if something else than the value rules out a pass: what it was measured on is wrong. */
  readonly valid?: boolean;
  /** What the value was computed from: medians and quartiles of what was timed. */
  readonly times?: readonly Sample[];
  /** How it was measured, where that is not plain from the claim. */
  readonly note?: string;
}

export interface Bar {
  readonly sense: '>=' | '<=';
  readonly value: number;
}

export const atLeast = (value: number): Bar => ({ sense: '>=', value });
export const atMost = (value: number): Bar => ({ sense: '<=', value });

/** A result as it is reported; value and pass are null if it was skipped, pass also if there is no bar. */
export interface Result extends Omit<Measured, 'value' | 'bar' | 'valid'> {
  readonly value: number | null;
  readonly bar: number | null;
  readonly sense: Bar['sense'] | null;
  readonly pass: boolean | null;
  readonly skipped?: string;
}

/** What a workload needs is not here; the message says what. */
export class Skipped extends Error {
  override readonly name = 'Skipped';
}

export function judged({ bar, valid = true, ...measured }: Measured): Result {
  const { value } = measured;
  const pass = bar ? valid && (bar.sense === '>=' ? value >= bar.value : value <= bar.value) : null;
  return { ...measured, bar: bar?.value ?? null, sense: bar?.sense ?? null, pass };
}

/** The results of a workload. One that fails, fails its bar. */
export async function resultsOf(workload: Workload): Promise<Result[]> {
  const { id } = workload;
  try {
    return (await workload.run()).map(judged);
  } catch (error) {
    const none = { id, value: null, unit: '', bar: null, sense: null };
    if (error instanceof Skipped) return [{ ...none, pass: null, skipped: error.message }];
    return [
      { ...none, pass: false, note: error instanceof Error ? (error.stack ?? error.message) : String(error) },
    ];
  }
}
