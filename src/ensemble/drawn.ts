/** Initial states whose entries are independent normal numbers or zero, as data that is drawn where it is needed. */
import { normals, type TrialKey } from '../numbers/philox.js';
import type { NormalEntries } from './initialization.js';

/** The law of adapters with normal entries, and of their factors X = x B and Y = y A^T. */
export interface DrawnLaw {
  readonly entries: NormalEntries;
  readonly x: number;
  readonly y: number;
}

/** A draw of such an adapter. */
export interface Drawn {
  readonly key: TrialKey;
  readonly law: DrawnLaw;
}

/**
 * Writes X [n, r] and then Y [m, r] of a draw, row-major, to numbers that are zero: digit by digit the factors that its
 * member starts at.
 */
export function writeDrawn(
  { key, law: { entries, x, y } }: Drawn,
  n: number,
  m: number,
  to: Float32Array | Float64Array,
): void {
  const { rank } = key;
  const { a, b } = entries;
  if (b !== 0) normals(n * rank, key, 'loraB').forEach((value, i) => (to[i] = b * value * x));
  if (a === 0) return;
  const drawn = normals(rank * m, key, 'loraA');
  for (let j = 0, from = 0; j < rank; j++)
    for (let i = 0; i < m; i++, from++) to[(n + i) * rank + j] = a * drawn[from]! * y;
}
