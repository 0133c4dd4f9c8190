/** The closed forms of a plan's cells alone: nothing is simulated or drawn. */
import { clock } from '../ensemble/adapter.js';
import { closedForm } from '../problem/closedForm.js';
import { isLeading } from '../problem/leading.js';
import type { Problem } from '../problem/problem.js';
import { genericRate } from '../theory/lateRate.js';
import { traceSquaredRate } from '../theory/traceSquared.js';
import type { SweepConfig } from './config.js';
import { lawOf } from './law.js';
import { member, type Cell, type Plan } from './plan.js';

export interface TheoryRow {
  readonly loss: string;
  readonly n: number;
  readonly m: number;
  readonly initialization: string;
  readonly scale: number;
  readonly rank: number;
  /** The smallest loss of this rank, and sqrt of its ratio to f(W0). */
  readonly optimum: number | null;
  readonly relativeError: number | null;
  /** Relative error that cannot be told from 0 where singular values are computed, not given; else 0. */
  readonly floor: number;
  /** True if those and the distance are of the triples that a truncated decomposition found: upper bounds. */
  readonly isBound: boolean;
  /** |dW_LoRA - dW_FPFT|_F at the end points. */
  readonly distance: number | null;
  /**
   * Exponential rate at which the update settles at late times, per unit of time t; `lateRate` says of which start. 0: the
   * start does not move, or slower than any exponential.
   */
  readonly rate: number | null;
  /** The same of full fine-tuning. */
  readonly fullFineTuningRate: number | null;
}

/** One row per cell; null where no closed form is known. */
export const theoryRows = ({ cells, config }: Plan): TheoryRow[] =>
  cells.map((cell) => {
    const { problem, rank, coefficients, initialization } = cell;
    const optimum = problem.optimum(rank);
    return {
      loss: problem.loss,
      n: problem.n,
      m: problem.m,
      initialization: initialization.name,
      scale: coefficients.scale,
      rank,
      optimum,
      relativeError:
        optimum === null || !problem.initialLoss ? null : Math.sqrt(optimum / problem.initialLoss),
      floor:
        config.spectrum === undefined && problem.structure.kind !== 'trace'
          ? roundingOf(problem.n, problem.m)
          : 0,
      isBound: isLeading(problem),
      distance: distanceOf(cell, optimum),
      rate: lateRate(cell, config),
      fullFineTuningRate: problem.fullFineTuningRate,
    };
  });

/** Distance between the end points of LoRA and full fine-tuning. */
function distanceOf(cell: Cell, optimum: number | null): number | null {
  if (cell.problem.structure.kind === 'trace') return lawOf(cell)?.value ?? null;
  return cell.problem.loss !== 'frobenius' || optimum === null ? null : Math.sqrt(2 * optimum);
}

/**
 * Exact where the start is aligned or balanced (spectral, balanced, given adapters of that kind; null for other given
 * ones). Of draws with B0 = 0 or A0 = 0: at the mean of the other's A0 A0^T or B0^T B0, a multiple of I, from which draws
 * differ the less the wider the matrix and the smaller they are. Of draws with both: on the Frobenius loss in the limit
 * of small ones, on the trace-squared loss, where |A0| and |B0| alone count, at their mean squares.
 */
function lateRate(cell: Cell, { seed, spectrum }: SweepConfig): number | null {
  const { problem, rank, coefficients, initialization } = cell;
  const { structure, n, m } = problem;
  const { lrRatioA, lrRatioB } = coefficients;
  const c = clock(coefficients);
  const perTime = (rate: number | null | undefined) => (rate == null ? null : c * rate);
  const squares = initialization.squares({ n, m, rank, lrRatioA });
  const resolve = (sigma: Float64Array) =>
    spectrum === undefined ? resolved(sigma, roundingOf(n, m)) : sigma;
  if (!squares) {
    const known =
      structure.kind === 'diagonal' ? { ...structure, sigma: resolve(structure.sigma) } : structure;
    return perTime(closedForm({ ...problem, structure: known }, member(cell, 0, seed).initial())?.rate);
  }
  const [x, y] = [(c / lrRatioB) * squares.b, (c / lrRatioA) * squares.a];
  if (structure.kind === 'trace') return perTime(traceSquaredRate(structure.trace0, 1, { x, y }));
  const found = spectrumOf(problem, rank);
  if (!found) return null;
  const sigma = resolve(found);
  const lambda = x === 0 || y === 0 ? (y - x) / rank : 0;
  const moves = { x: x > 0, y: y > 0 };
  // The one draw that is always the same lies along the leading singular vectors, and one of m orthonormal rows is an
  // orthogonal matrix, which a rotation of the adapter's columns takes to a multiple of I: modes are alone.
  const isAligned = initialization.deterministic || (initialization.law === 'orthonormal-rows' && rank === m);
  if (!isAligned) return perTime(genericRate({ sigma, n, m, rank, lambda, moves }));
  const learned = sigma.subarray(0, rank).filter((s) => s > 0);
  return perTime(2 * Math.hypot(learned.at(-1)!, lambda / 2));
}

/** The singular values of a Frobenius problem, as far as a rate at this rank needs them; null if they are not known. */
function spectrumOf(problem: Problem, rank: number): Float64Array | null {
  if (problem.structure.kind === 'diagonal') return problem.structure.sigma;
  if (!isLeading(problem)) return null;
  const { sigma } = problem.leading;
  return rank < sigma.length && sigma.at(-1)! < sigma[rank - 1]! ? sigma : null;
}

/** What rounding makes of a singular value, relative to the largest one. */
const roundingOf = (n: number, m: number): number => Math.max(n, m) * Number.EPSILON;

/** Computed singular values, largest first, without what rounding makes of equal ones and of zeros. */
function resolved(sigma: Float64Array, rounding: number): Float64Array {
  const least = rounding * sigma[0]!;
  const out = sigma.map((s) => (s <= least ? 0 : s));
  for (let i = 1; i < out.length; i++) if (out[i - 1]! - out[i]! <= least) out[i] = out[i - 1]!;
  return out;
}
