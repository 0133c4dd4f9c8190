/** What accuracy means for a cell, and the closed-form value it is compared with. */
import type { Observation, SavePoint } from '../solver/observe.js';
import { gaussianGapSquared, spectralGap } from '../theory/traceSquared.js';
import type { Cell } from './plan.js';
import type { CellSummary, Metric } from './summary.js';

export function metricOf({ problem: { structure } }: Cell): Metric {
  if (structure.kind === 'trace') return 'distance from full fine-tuning';
  return structure.kind === 'autodiff' ? 'loss' : 'relative error';
}

/** The metric of an observed state: for `relative error`, sqrt(f / f(W0)). */
export function accuracyOf(cell: Cell, { loss, distance }: SavePoint & Partial<Observation>): number {
  switch (metricOf(cell)) {
    case 'relative error':
      return Math.sqrt(loss / (cell.problem.initialLoss as number));
    case 'distance from full fine-tuning':
      return distance ?? NaN;
    case 'loss':
      return loss;
  }
}

/** The law of a cell at its end point, or null if none is known (Rushka & Klabjan 2026 and what follows from it). */
export function lawOf(cell: Cell): CellSummary['law'] {
  const { problem, rank, initialization } = cell;
  if (problem.structure.kind === 'trace') {
    const { trace0 } = problem.structure;
    switch (initialization.law) {
      case 'gaussian':
        return {
          value: Math.sqrt(gaussianGapSquared(trace0, problem.n, rank)),
          name: 'root mean square over Gaussian A0, exact',
        };
      case 'orthonormal-rows':
        return { value: spectralGap(trace0, problem.n, rank), name: '|tr W0| sqrt(1/r - 1/n)' };
      case 'other':
        return null;
    }
  }
  const optimum = problem.optimum(rank);
  if (optimum === null || !problem.initialLoss) return null;
  return { value: Math.sqrt(optimum / problem.initialLoss), name: 'Eckart-Young-Mirsky' };
}

/**
 * The exact expectation of the squared metric, where the metric is random at the end point and this is known. At
 * rank 1 the end point -p0 a a^T / |a|^2 is at the same distance for every a.
 */
export function expectedSquare({ problem, rank, initialization }: Cell): number | null {
  return problem.structure.kind === 'trace' && initialization.law === 'gaussian' && rank > 1
    ? gaussianGapSquared(problem.structure.trace0, problem.n, rank)
    : null;
}
