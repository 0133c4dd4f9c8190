/** The closed forms of a plan's cells alone: nothing is simulated or drawn. */
import { clock } from '../ensemble/adapter.js';
import { closedForm } from '../problem/closedForm.js';
import { genericRate } from '../theory/lateRate.js';
import { traceSquaredRate } from '../theory/traceSquared.js';
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
      distance: distanceOf(cell, optimum),
      rate: lateRate(cell, config.seed),
      fullFineTuningRate: problem.fullFineTuningRate,
    };
  });

/** Distance between the end points of LoRA and full fine-tuning. */
function distanceOf(cell: Cell, optimum: number | null): number | null {
  switch (cell.problem.structure.kind) {
    case 'trace':
      return lawOf(cell)?.value ?? null;
    case 'diagonal':
      return optimum === null ? null : Math.sqrt(2 * optimum);
    default:
      return null;
  }
}

/**
 * Exact where the start is aligned or balanced (spectral, balanced, given adapters of that kind; null for other given
 * ones). Of draws with B0 = 0 or A0 = 0: at the mean of the other's A0 A0^T or B0^T B0, a multiple of I, from which draws
 * differ the less the wider the matrix and the smaller they are. Of draws with both: on the Frobenius loss in the limit
 * of small ones, on the trace-squared loss, where |A0| and |B0| alone count, at their mean squares.
 */
function lateRate(cell: Cell, seed: number): number | null {
  const { problem, rank, coefficients, initialization } = cell;
  const { structure, n, m } = problem;
  if (structure.kind !== 'trace' && structure.kind !== 'diagonal') return null;
  const { lrRatioA, lrRatioB } = coefficients;
  const c = clock(coefficients);
  const perTime = (rate: number | null | undefined) => (rate == null ? null : c * rate);
  const squares = initialization.squares({ n, m, rank, lrRatioA });
  if (!squares) return perTime(closedForm(problem, member(cell, 0, seed).initial())?.rate);
  const [x, y] = [(c / lrRatioB) * squares.b, (c / lrRatioA) * squares.a];
  if (structure.kind === 'trace') return perTime(traceSquaredRate(structure.trace0, 1, { x, y }));
  const { sigma } = structure;
  const lambda = x === 0 || y === 0 ? (y - x) / rank : 0;
  const moves = { x: x > 0, y: y > 0 };
  if (!initialization.deterministic) return perTime(genericRate({ sigma, n, m, rank, lambda, moves }));
  // The one draw that is always the same lies along the leading singular vectors: its modes are alone.
  const learned = sigma.subarray(0, rank).filter((s) => s > 0);
  return perTime(2 * Math.hypot(learned.at(-1)!, lambda / 2));
}
