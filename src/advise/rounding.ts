/** What rounding to the types of a pair of checkpoints puts into their difference. */
import type { Checkpoint } from '../files/checkpoint.js';
import { noiseEdge } from './allocate.js';

/** Rounding of a weight [rows, cols] of which both checkpoints hold a rounded copy. */
export interface Rounding {
  /** Share of the entries that are equal in both. */
  readonly equalShare: number;
  /**
   * Root mean square of the rounding in the difference, by the spacing (ulp) of each entry in its type:
   * sqrt(mean ulp^2 / 12) of TUNED, and of BASE too if that was rounded after training had begun from it.
   */
  readonly rms: number;
  /** Singular value up to which a direction can be rounding alone. */
  readonly edge: number;
}

/**
 * Entries differ in ulp, so that the edge of independent equal ones is a lower bound: 0.67 to 0.96 of the largest
 * singular value of the rounding, in pairs of float32 checkpoints rounded to bfloat16.
 */
const MARGIN = 1.3;

export function roundingOf(
  { rows, cols }: { readonly rows: number; readonly cols: number },
  rms: number,
  { equal, squares }: { readonly equal: number; readonly squares: number },
): Rounding {
  const entries = rows * cols;
  // Where most entries did not move, rounding is not uniform; it is no more than all that moved.
  const deviation = Math.min(rms, Math.sqrt(squares / entries));
  return { equalShare: equal / entries, rms, edge: MARGIN * noiseEdge(rows, cols, deviation) };
}

/** Mean square of rounding to the nearest number of a tensor's type, ulp^2 / 12 of each entry. */
export function roundingVariance(file: Checkpoint, name: string): number {
  const { data } = file.spacings(name);
  let sum = 0;
  for (const ulp of data) sum += ulp * ulp;
  return sum / data.length / 12;
}
