/** Initial states whose entries are independent normal numbers or zero, as data that is drawn where it is needed. */
import { normals, type TrialKey } from '../numbers/philox.js';
import type { NormalEntries } from './initialization.js';

/** The draws of adapters with normal entries, of all trials of a law, and their factors X = x B and Y = y A^T. */
export interface Drawn {
  readonly seed: number;
  readonly entries: NormalEntries;
  readonly x: number;
  readonly y: number;
}

/** Tells one of them: its rank and trial, and the draw of the target. */
export type DrawnAt = Omit<Required<TrialKey>, 'seed'>;

/**
 * Writes X [n, r] and then Y [m, r] of a draw, row-major, to numbers that are zero: digit by digit the factors that its
 * member starts at.
 */
export function writeDrawn(
  { seed, entries: { a, b }, x, y }: Drawn,
  { rank, trial, draw }: DrawnAt,
  n: number,
  m: number,
  to: Float32Array | Float64Array,
): void {
  const key = { seed, rank, trial, draw };
  if (b !== 0) normals(n * rank, key, 'loraB').forEach((value, i) => (to[i] = b * value * x));
  if (a === 0) return;
  const drawn = normals(rank * m, key, 'loraA');
  for (let j = 0, from = 0; j < rank; j++)
    for (let i = 0; i < m; i++, from++) to[(n + i) * rank + j] = a * drawn[from]! * y;
}
