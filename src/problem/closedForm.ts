/** The closed-form path of a problem from given initial factors, where the theory has one. */
import { gradientMotion, type Motion } from '../flow/motion.js';
import type { Factors } from './factors.js';
import type { Problem } from './problem.js';
import { riskAt } from './risk.js';

export interface ClosedForm {
  readonly name: string;
  /** Loss at time tau of the motion. */
  loss(tau: number): number;
  /** Exponential rate of its late approach to its end, per unit of tau; Infinity where it arrives in finite time. */
  readonly rate: number;
  /** Singular values of the update at time tau, largest first [r]. */
  singularValues(tau: number): number[];
  /** Normalized factors X [n, r], Y [m, r] at tau, up to one rotation of both; absent where they are not at hand. */
  factors?(tau: number): Factors;
}

/** The path from factors X [n, r], Y [m, r] in the problem's coordinates (default: of the gradient flow), or null. */
export const closedForm = (
  problem: Problem,
  factors: Factors,
  motion: Motion = gradientMotion,
): ClosedForm | null => problem.loss.closedForm(problem, factors, motion);

/** The risk along a path, by normalized time; null where there is no risk, or no factors. */
export function riskAlong(
  { risk }: Pick<Problem, 'risk'>,
  path: ClosedForm,
): ((tau: number) => number) | null {
  if (!risk || !path.factors) return null;
  const at = riskAt(risk);
  return (tau) => at(path.factors!(tau));
}
