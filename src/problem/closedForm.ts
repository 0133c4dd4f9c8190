/** The closed-form path of a problem from given initial factors, where the theory has one. */
import type { Factors } from './factors.js';
import type { Problem } from './problem.js';

export interface ClosedForm {
  readonly name: string;
  /** Loss at normalized time tau. */
  loss(tau: number): number;
  /** Exponential rate of its late approach to its end, per unit of normalized time. */
  readonly rate: number;
  /** Singular values of the update at normalized time tau, largest first [r]. */
  singularValues(tau: number): number[];
}

/** The path from normalized factors X [n, r], Y [m, r] in the problem's coordinates, or null. */
export const closedForm = (problem: Problem, factors: Factors): ClosedForm | null =>
  problem.loss.closedForm(problem, factors);
