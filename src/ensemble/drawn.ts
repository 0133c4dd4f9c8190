/** Initial states whose entries are independent normal numbers or zero, as data that a device can draw by itself. */
import type { Coefficients } from '../flow/coefficients.js';
import type { Flow } from '../flow/flow.js';
import { normalizationOf } from '../flow/normalization.js';
import type { TrialKey } from '../numbers/philox.js';
import type { NormalEntries } from './initialization.js';

/** Key of the random numbers, and the standard deviations of the entries of X and Y; zero for zero ones. */
export interface Drawn {
  readonly key: TrialKey;
  readonly x: number;
  readonly y: number;
}

/** The factors of an adapter with normal entries, as a flow has them. */
export function drawnFrom(key: TrialKey, { a, b }: NormalEntries, k: Coefficients, flow: Flow): Drawn {
  const { x, y } = normalizationOf(k, flow);
  return { key, x: b * x, y: a * y };
}
