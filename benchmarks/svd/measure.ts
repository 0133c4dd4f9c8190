/** One decomposition, timed, and what it is off by. */
import { scaled, type Dense } from '../../src/numbers/dense.js';
import type { Svd } from '../../src/numbers/svd.js';
import { svdDefects } from '../../src/numbers/svdCheck.js';

export interface Measured {
  /** Median of the runs. */
  readonly seconds: number;
  /** |A - U diag(sigma) V^T|_F / |A|_F, 0 of zeros. */
  readonly residual: number;
  /** The larger |Q^T Q - I|_F / |I|_F of U and V. */
  readonly orthogonality: number;
}

/** Runs are made until they took this long together, and at most so many. */
const LONG_ENOUGH = 0.2;
const MOST_RUNS = 9;

export function measured(a: Dense, decompose: (a: Dense) => Svd): Measured {
  const times: number[] = [];
  let found: Svd;
  do {
    const start = performance.now();
    found = decompose(a);
    times.push((performance.now() - start) / 1000);
  } while (times.length < MOST_RUNS && times.reduce((sum, t) => sum + t, 0) < LONG_ENOUGH);
  const seconds = times.sort((x, y) => x - y)[times.length >> 1]!;
  const largest = a.data.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  // To order 1, so that squares stay in range; in two steps, as the factor may not.
  const half = largest === 0 ? 0 : -Math.trunc(Math.log2(largest) / 2);
  const ordinary = scaled(scaled(a, 2 ** half), 2 ** half);
  const sigma = found.sigma.map((s) => s * 2 ** half * 2 ** half);
  return { seconds, ...svdDefects(ordinary, { ...found, sigma }) };
}
