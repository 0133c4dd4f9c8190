/** Initial states whose entries are independent normal numbers or zero, as data that a device can draw by itself. */
import type { TrialKey } from '../numbers/philox.js';
import { clock, type Coefficients } from './adapter.js';
import type { NormalEntries } from './initialization.js';

/** Key of the random numbers, and the standard deviations of the entries of X and Y; zero for zero ones. */
export interface Drawn {
  readonly key: TrialKey;
  readonly x: number;
  readonly y: number;
}

/** The normalized factors of an adapter with normal entries. */
export const drawnFrom = (key: TrialKey, { a, b }: NormalEntries, k: Coefficients): Drawn => ({
  key,
  x: b * Math.sqrt(clock(k) / k.lrRatioB),
  y: a * Math.sqrt(clock(k) / k.lrRatioA),
});
