/** What is kept of a weight once it has been read and decomposed: all that advice needs, whatever the budgets are. */
import type { Leading } from './change.js';
import type { Pair } from './pairs.js';
import type { Rounding } from './rounding.js';
import type { Source } from './source.js';
import { weightedErrors, type WeightedErrors } from './weighted.js';

/** A weight that training changed by D [rows, cols]. */
export interface Decomposed extends Omit<Leading, 'left' | 'right'> {
  /** |D|_F^2. */
  readonly squares: number;
  /** |W0|_F^2; null of adapters. */
  readonly baseSquares: number | null;
  /** Null of adapters. */
  readonly rounding: Rounding | null;
  /** Errors weighted by the inputs; null where these are not known. */
  readonly weighted: WeightedErrors | null;
}

/** How many of its leading directions are worth rank at all: those above the edge of rounding. */
export const worthOf = ({ sigma, rounding }: Pick<Decomposed, 'sigma' | 'rounding'>): number =>
  sigma.filter((value) => value > (rounding?.edge ?? 0)).length;

/** How many singular values of a weight are computed. */
const valuesOf = ({ rows, cols }: Pair, maxRank: number): number => Math.min(maxRank, rows, cols);

/**
 * Reads a weight from both sides and decomposes what changed, into at most `maxRank` singular values; null if nothing
 * did.
 * @throws InputError as Source.read and Inputs.momentOf
 */
export function decompose(source: Source, pair: Pair, maxRank: number): (Decomposed & Leading) | null {
  const reading = source.read(pair);
  const { change, baseSquares } = reading;
  if (change === null) return null;
  const leading = change.leading(valuesOf(pair, maxRank));
  const moment = source.inputs?.momentOf(pair) ?? null;
  return {
    ...{ ...leading, squares: change.squares, baseSquares },
    weighted: moment && weightedErrors(change.matrix, leading, moment),
    rounding: reading.rounding(),
  };
}

/** Work of a weight: passes over its entries, for as many singular values. */
export const costOf = (pair: Pair, maxRank: number): number =>
  pair.rows * pair.cols * valuesOf(pair, maxRank);
