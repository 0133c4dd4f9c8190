/** The closed forms of a plan's cells alone: nothing is simulated. */
import { clock } from '../ensemble/adapter.js';
import { closedForm } from '../problem/closedForm.js';
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
  /** Exponential rate at which the update settles at late times, per unit of time t. */
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
      ...approach(cell, optimum, config.seed),
      fullFineTuningRate: problem.fullFineTuningRate,
    };
  });

/** Distance between the end points, and the rate of approach from the first draw. */
function approach(cell: Cell, optimum: number | null, seed: number): Pick<TheoryRow, 'distance' | 'rate'> {
  const { structure } = cell.problem;
  const perTime = clock(cell.coefficients);
  const path = closedForm(cell.problem, member(cell, 0, seed).initial());
  switch (structure.kind) {
    case 'trace':
      return { distance: lawOf(cell)?.value ?? null, rate: path && perTime * path.rate };
    case 'diagonal':
      return {
        distance: optimum === null ? null : Math.sqrt(2 * optimum),
        rate: perTime * (path?.rate ?? smallFactorRate(structure.sigma, cell)),
      };
    default:
      return { distance: null, rate: null };
  }
}

/**
 * The gap between the last singular direction that is kept and the first that is lost, which limits the approach from
 * small factors of a generic start (the balanced rate at lambda = 0).
 */
function smallFactorRate(sigma: Float64Array, { rank, problem: { n, m } }: Cell): number {
  const kept = sigma[rank - 1]!;
  const lost = sigma[rank] ?? (n === m ? -kept : 0);
  return kept - lost;
}
