/**
 * Ranks for adapters that stand for what training changed, from the weights before and after it. One weight is in memory
 * at a time.
 */
import type { Triples } from '../numbers/triples.js';
import { turnEventLoop } from '../host/eventLoop.js';
import { InputError } from '../host/inputError.js';
import {
  allocate,
  edgeRank,
  effectiveRankAtMost,
  energyRank,
  parametersOf,
  ratioRank,
  relativeError,
  uniformRank,
  uniformRanks,
  type Spectrum,
} from './allocate.js';
import { budgets, type Budget } from './budget.js';
import type { AdviseConfig } from './config.js';
import { decompose, worthOf, type Decomposed } from './decompose.js';
import type { LeftOut, Pair } from './pairs.js';
import type { Renaming } from './names.js';
import type { Rounding } from './rounding.js';
import { openSource, type Source } from './source.js';
import { weightedError, type WeightedErrors } from './weighted.js';

/** Fixed rules for the rank of each weight alone; null where it is more than the singular values that are known. */
export interface RuleRanks {
  readonly energy: number | null;
  readonly ratio: number | null;
  readonly edge: number | null;
}

/** A weight that training changed. */
export interface Weight extends Pair, Spectrum {
  /** |D|_F. */
  readonly norm: number;
  /** |D|_F / |W0|_F; null of adapters, and where W0 is zero. */
  readonly relativeNorm: number | null;
  /** Singular values of D, largest first, as many as are known. None is larger than the true one. */
  readonly sigma: Float64Array;
  /** False if the certificate `tailSquared` had not stopped falling. */
  readonly converged: boolean;
  /** |D|_F^2 / sigma_1^2. */
  readonly stableRank: number;
  readonly effectiveRankAtMost: number;
  readonly rules: RuleRanks;
  readonly rounding: Rounding | null;
  /** Errors weighted by the inputs; null where these are not known. */
  readonly weighted: WeightedErrors | null;
}

/** Ranks of all weights, what they cost, and what they leave. */
export interface Allocation {
  /** In the order of the weights. */
  readonly ranks: readonly number[];
  readonly parameters: number;
  /** Relative Frobenius error of all updates together. */
  readonly error: number;
  /** That weighted by the inputs, of those weights whose inputs are known; null if none are. */
  readonly weightedError: number | null;
  /** The least weighted error that matrices of these ranks can have. */
  readonly leastWeightedError: number | null;
}

export interface BudgetAdvice extends Allocation {
  readonly budget: Budget;
  /** The largest one rank of all weights within the budget. */
  readonly uniform: Allocation & { readonly rank: number };
  /** Error of the factors that were written, in their type, measured; null if none were. */
  readonly writtenError: number | null;
}

export interface Advice {
  readonly weights: readonly Weight[];
  /** Names of weights of which no entry changed. */
  readonly unchanged: readonly string[];
  readonly leftOut: readonly LeftOut[];
  readonly vectors: { readonly count: number; readonly changed: number };
  readonly renaming: Renaming | null;
  readonly tunedIsAdapter: boolean;
  /** Entries of all tensors of BASE. */
  readonly parameters: number;
  readonly budgets: readonly BudgetAdvice[];
  /** Names of which the statistics have inputs, and BASE no weight; null without statistics. */
  readonly unknownInputs: readonly string[] | null;
}

export interface Advised {
  readonly advice: Advice;
  /** Where the weights are read again. */
  readonly source: Source;
  /** Singular triples of a weight that were kept; null if none were (default: of no weight). */
  kept?(weight: Weight): Promise<Triples | null>;
}

/** What is told while weights are decomposed, and again while they are written. What `done` throws ends the work. */
export interface AdviseProgress {
  start(weights: number, work: 'decomposed' | 'written'): void;
  done(weights: number): void | Promise<void>;
}

/**
 * Advice in one call, which keeps nothing but what it returns.
 * @param base folder or file of the checkpoint before training
 * @param tuned that after it, or an adapter
 * @throws InputError if either cannot be read, they have no weights in common, or nothing changed
 */
export async function advise(
  base: string,
  tuned: string,
  config: AdviseConfig,
  progress: AdviseProgress,
): Promise<Advised> {
  const source = openSource(base, tuned, config.roundedBase, config.stats);
  // What can be refused is, before anything is decomposed.
  budgets(config.budget, source.parameters);
  const all: (Decomposed | null)[] = [];
  progress.start(source.pairs.length, 'decomposed');
  for (const pair of source.pairs) {
    const found = decompose(source, pair, config.maxRank);
    all.push(found && kept(found));
    await progress.done(all.length);
    await turnEventLoop();
  }
  return { advice: adviceOf(tuned, source, all, config), source };
}

/** Without the singular vectors, so that one weight's are in memory at a time. */
function kept({ squares, baseSquares, sigma, tailSquared, converged, weighted, rounding }: Decomposed) {
  return { squares, baseSquares, sigma, tailSquared, converged, weighted, rounding };
}

/**
 * Advice from what all weights of a source were decomposed into, in its order; null stands for one that did not change.
 * @param tuned path that a refusal names
 * @throws InputError for a budget that is none, or if nothing changed
 */
export function adviceOf(
  tuned: string,
  source: Source,
  all: readonly (Decomposed | null)[],
  config: AdviseConfig,
): Advice {
  const weights: Weight[] = [];
  const unchanged: string[] = [];
  for (const [i, pair] of source.pairs.entries()) {
    const found = all[i]!;
    if (found === null) unchanged.push(pair.name);
    else weights.push(weightOf(pair, found, config));
  }
  if (weights.length === 0) refuseUnchanged(tuned, unchanged.length);
  return {
    weights,
    unchanged,
    leftOut: source.leftOut,
    vectors: { count: source.vectors.length, changed: source.changedVectors() },
    renaming: source.renaming,
    tunedIsAdapter: source.tunedIsAdapter,
    parameters: source.parameters,
    budgets: budgets(config.budget, source.parameters).map((budget) => adviceWithin(weights, budget)),
    unknownInputs: source.inputs?.unknown ?? null,
  };
}

/** @throws InputError that says that no weight changed */
export function refuseUnchanged(tuned: string, weights: number): never {
  throw new InputError(
    tuned,
    `${weights} weights, each entry as in BASE`,
    'a checkpoint whose weights training changed',
  );
}

function weightOf(pair: Pair, found: Decomposed, { energy, ratio }: AdviseConfig): Weight {
  const { squares, baseSquares, sigma, tailSquared, converged, weighted, rounding } = found;
  const spectrum = { rows: pair.rows, cols: pair.cols, sigma, tailSquared, worth: worthOf(found) };
  return {
    ...pair,
    ...spectrum,
    sigma,
    norm: Math.sqrt(squares),
    relativeNorm: baseSquares ? Math.sqrt(squares / baseSquares) : null,
    converged,
    stableRank: squares / sigma[0]! ** 2,
    effectiveRankAtMost: effectiveRankAtMost(spectrum),
    rules: {
      energy: energyRank(spectrum, energy),
      ratio: ratioRank(spectrum, ratio),
      edge: edgeRank(spectrum),
    },
    ...{ rounding, weighted },
  };
}

/** What given ranks cost and leave. */
export function allocationOf(
  weights: readonly (Spectrum & Pick<Weight, 'weighted'>)[],
  ranks: readonly number[],
): Allocation {
  const weighted = weights.map((weight) => weight.weighted);
  return {
    ranks,
    parameters: parametersOf(weights, ranks),
    error: relativeError(weights, ranks),
    weightedError: weightedError(weighted, ranks, 'truncated'),
    leastWeightedError: weightedError(weighted, ranks, 'least'),
  };
}

/** Ranks of weights within a budget, beside the largest uniform one that fits. */
export function adviceWithin(weights: readonly Weight[], budget: Budget): BudgetAdvice {
  const rank = uniformRank(weights, budget.parameters);
  return {
    budget,
    ...allocationOf(weights, allocate(weights, budget.parameters)),
    uniform: { rank, ...allocationOf(weights, uniformRanks(weights, rank)) },
    writtenError: null,
  };
}
