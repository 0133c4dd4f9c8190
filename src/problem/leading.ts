/** Problems whose closed forms alone are asked: of a large target the leading singular triples are enough. */
import type { Dense } from '../numbers/dense.js';
import { truncatedSvd, type TruncatedSvd } from '../numbers/truncatedSvd.js';
import type { ClosedFormNeeds } from './loss.js';
import type { Problem } from './problem.js';

/** A problem that knows its leading singular triples alone. Its optima are those of the triples: upper bounds. */
export interface LeadingProblem extends Problem {
  readonly leading: TruncatedSvd;
}

export const isLeading = (problem: object): problem is LeadingProblem => 'leading' in problem;

/** Seconds between two lines of progress. */
const PAUSE = 2;

/** The `count` leading singular triples of E [n, m]; `tell` gets a line now and then. */
export function leadingTriples(
  error: Dense,
  count: number,
  { seed, tell }: Pick<ClosedFormNeeds, 'seed' | 'tell'>,
): TruncatedSvd {
  const what = `${count} leading singular values of ${error.rows} x ${error.cols}`;
  tell(`${what} ...`);
  let last = performance.now();
  return truncatedSvd(error, count, {
    seed,
    onProgress({ iteration, tailShare }) {
      if (performance.now() - last < 1000 * PAUSE) return;
      last = performance.now();
      tell(`${what}: ${(100 * tailShare).toPrecision(6)} % of |E|^2 is left after ${iteration} iterations`);
    },
  });
}
