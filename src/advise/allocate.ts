/** Ranks of many weights: under a budget of parameters for all of them, and by rules for each alone. */
import { marchenkoPasturEdge } from '../theory/marchenkoPastur.js';

/** What is known of the singular values of an update D [rows, cols]. */
export interface Spectrum {
  readonly rows: number;
  readonly cols: number;
  /** The leading singular values, largest first. */
  readonly sigma: ArrayLike<number>;
  /** Squares of all the others, summed. */
  readonly tailSquared: number;
  /** How many of the leading directions are worth rank at all. */
  readonly worth: number;
}

/** Parameters of an adapter of these ranks: rows + cols for each direction. */
export const parametersOf = (
  weights: readonly Pick<Spectrum, 'rows' | 'cols'>[],
  ranks: readonly number[],
): number => weights.reduce((sum, { rows, cols }, i) => sum + ranks[i]! * (rows + cols), 0);

/** Squares of D that its best approximation of this rank leaves, at most; of no more rank than sigma has values. */
export function squaresLeft({ sigma, tailSquared }: Pick<Spectrum, 'sigma' | 'tailSquared'>, rank: number) {
  let left = tailSquared;
  for (let i = sigma.length - 1; i >= rank; i--) left += sigma[i]! ** 2;
  return left;
}

/** Relative Frobenius error of all updates together at these ranks. */
export function relativeError(weights: readonly Spectrum[], ranks: readonly number[]): number {
  const total = (of: (weight: Spectrum, i: number) => number) =>
    weights.reduce((sum, weight, i) => sum + of(weight, i), 0);
  return Math.sqrt(
    total((weight, i) => squaresLeft(weight, ranks[i]!)) / total((weight) => squaresLeft(weight, 0)),
  );
}

/**
 * Ranks within a budget of parameters, by gain: a direction takes sigma^2 off the squared error for rows + cols
 * parameters, and the largest ratios come first. That is the least error for what is spent, up to the last directions,
 * of which those that no longer fit are passed over.
 */
export function allocate(weights: readonly Spectrum[], budget: number): number[] {
  const gains = weights.flatMap(({ rows, cols, sigma, worth }, weight) =>
    Array.from({ length: worth }, (_, i) => ({
      weight,
      cost: rows + cols,
      gain: sigma[i]! ** 2 / (rows + cols),
    })),
  );
  // Sorting is stable, so that of one weight the larger singular values stay first.
  gains.sort((a, b) => b.gain - a.gain);
  const ranks = weights.map(() => 0);
  const full = new Set<number>();
  let left = budget;
  for (const { weight, cost, gain } of gains) {
    if (gain === 0 || full.has(weight)) continue;
    if (cost > left) full.add(weight);
    else {
      ranks[weight]!++;
      left -= cost;
    }
  }
  return ranks;
}

/** The largest one rank of all weights within a budget, of each at most min(rows, cols) and what sigma has. */
export function uniformRank(weights: readonly Spectrum[], budget: number): number {
  const most = weights.reduce((largest, { sigma }) => Math.max(largest, sigma.length), 0);
  let rank = 0;
  while (rank < most && parametersOf(weights, uniformRanks(weights, rank + 1)) <= budget) rank++;
  return rank;
}

export const uniformRanks = (weights: readonly Spectrum[], rank: number): number[] =>
  weights.map(({ sigma }) => Math.min(rank, sigma.length));

/** The least rank that keeps a share of the squares of D; null if more than the values that are known. */
export function energyRank(spectrum: Spectrum, share: number): number | null {
  const all = squaresLeft(spectrum, 0);
  for (let rank = 0; rank <= spectrum.sigma.length; rank++)
    if (squaresLeft(spectrum, rank) <= (1 - share) * all) return rank;
  return null;
}

/** How many singular values are at least a fraction of the largest; null if more than are known. */
export function ratioRank({ sigma, rows, cols }: Spectrum, ratio: number): number | null {
  const values = Array.from(sigma);
  const rank = values.filter((value) => value >= ratio * values[0]!).length;
  return rank < values.length || values.length === Math.min(rows, cols) ? rank : null;
}

/** Largest singular value of a matrix of independent entries of this standard deviation, as it grows. */
export const noiseEdge = (rows: number, cols: number, deviation: number): number =>
  deviation * Math.sqrt(cols) * marchenkoPasturEdge(rows / cols);

/**
 * The least rank whose rest could be noise: the next singular value is not above the edge of a matrix of independent
 * entries with as many squares as are left, of as many rows and columns as the directions before it leave; null if more
 * than the values that are known.
 */
export function edgeRank(spectrum: Spectrum): number | null {
  const { rows, cols, sigma } = spectrum;
  for (let rank = 0; rank < sigma.length; rank++) {
    const [n, m] = [rows - rank, cols - rank];
    const deviation = Math.sqrt(squaresLeft(spectrum, rank) / (n * m));
    if (sigma[rank]! <= noiseEdge(n, m, deviation)) return rank;
  }
  return sigma.length === Math.min(rows, cols) ? sigma.length : null;
}

/**
 * The most that the effective rank exp(-sum p_i log p_i), p_i = sigma_i / sum sigma (Roy & Vetterli 2007), can be: that
 * with all values that are not known equal, which spreads them most. It is the effective rank where all are known.
 */
export function effectiveRankAtMost({ rows, cols, sigma, tailSquared }: Spectrum): number {
  const known = Array.from(sigma).filter((value) => value > 0);
  const others = Math.min(rows, cols) - sigma.length;
  const each = others > 0 ? Math.sqrt(tailSquared / others) : 0;
  const total = known.reduce((sum, value) => sum + value, 0) + others * each;
  const term = (value: number) => (value > 0 ? (value / total) * Math.log(value / total) : 0);
  return Math.exp(-known.reduce((sum, value) => sum + term(value), others * term(each)));
}
