/**
 * The report of the fused kernels on a trajectory, the same on every side: its entries, the codes of outcomes, and how
 * far a trajectory has come. Free of TensorFlow.js, so that the build can splice it into the assembly.
 */
import { outcomes, type Outcome } from '../src/method/outcome.js';

/** Entries of the report on each trajectory: the first output of the kernel, int32 [batch, REPORT]. */
export const report = {
  /** 0 while it runs, else the code of its outcome. */
  outcome: 0,
  /** Save times reached. */
  saves: 1,
  accepted: 2,
  rejected: 3,
  evaluations: 4,
  /**
   * Fraction of the way from the last save time (or the start) to the next that is behind, in binary: 30 digits, the 30
   * after, and how many times 30 zeros come before them.
   */
  progress: 5,
  progressRest: 6,
  progressZeros: 7,
} as const;

/** Entries of a report. */
export const REPORT = Object.keys(report).length;

const names = Object.keys(outcomes) as Outcome[];

/** Codes of outcomes, from 1 on: 0 stands for none. */
export const outcomeCodes = Object.fromEntries(names.map((name, i) => [name, i + 1])) as Readonly<
  Record<Outcome, number>
>;

/** The outcome of a code; undefined of 0, and of what is no code. */
export const outcomeOf = (code: number): Outcome | undefined => names[code - 1];

/** Binary digits of a word of the progress, and what such a word counts to. */
export const DIGIT_BITS = 30;
export const DIGITS = 2 ** DIGIT_BITS;
/** Times 30 zeros that any float64 number begins with at most. */
export const MOST_ZEROS = 36;

/** Entries `progress`, `progressRest` and `progressZeros` for a fraction of the way. */
export function toProgress(fraction: number): readonly [progress: number, rest: number, zeros: number] {
  let zeros = 0;
  let scaled = fraction * DIGITS;
  for (; scaled > 0 && scaled < 1 && zeros < MOST_ZEROS; zeros++) scaled *= DIGITS;
  const whole = Math.floor(scaled);
  return [whole, Math.round((scaled - whole) * DIGITS), zeros];
}

/** The fraction of the way in the report on a trajectory [REPORT]. */
export const fromProgress = (row: ArrayLike<number>): number =>
  (row[report.progress]! + row[report.progressRest]! / DIGITS) * DIGITS ** -(1 + row[report.progressZeros]!);
