/** What accuracy means for a cell, and the closed-form value it is compared with: its loss's answers. */
import { member, motionUnder, settingOf, type MemberLaw } from '../ensemble/member.js';
import type { Horizon } from '../input/horizon.js';
import { forgetsSize, gradientFlow } from '../flow/flow.js';
import { isGradientMotion } from '../flow/motion.js';
import { followsFlow } from '../method/method.js';
import { closedForm, type ClosedForm } from '../problem/closedForm.js';
import type { Law } from '../problem/loss.js';
import type { Measured, MetricName } from '../problem/metric.js';
import { updateSingularValues } from '../numbers/updateSingularValues.js';
import type { Cell } from './plan.js';
import { spikedLaw } from './spikedLaw.js';

export const metricOf = ({ problem }: Cell): MetricName => problem.loss.metric.name;

/** The metric of a state that was measured. */
export const accuracyOf = ({ problem }: Cell, measured: Measured): number =>
  problem.loss.metric.accuracyOf(problem, measured);

/** A law, and the method by which its trajectories are advanced. */
export type Followed = MemberLaw & Pick<Horizon, 'method'>;

/** Whether trajectories are along the gradient flow alone: of both factors, without decay, by a method that follows it. */
export const followsGradientFlow = (law: Followed): boolean =>
  followsFlow(law.method) && isGradientMotion(motionUnder(law));

/**
 * Whether full fine-tuning, dW/dt = -grad f(W), is in the time of a law's trajectories: not where a method does not
 * follow its flow, nor where the flow moves factors by unit steps.
 */
export const sharesTimeOfFullFineTuning = ({ method, flow = gradientFlow }: Followed): boolean =>
  followsFlow(method) && !forgetsSize(flow);

/** Whether laws of the flow say something of a cell: its method follows the flow, and there is one target. */
const hasLaws = ({ method, draws }: Cell): boolean => followsFlow(method) && draws === 1;

/**
 * The law of a cell at its end point, or null if none is known (Rushka & Klabjan 2026 and what follows from it), its
 * method does not follow the flow, or each draw of the target has its own.
 */
export const lawOf = (cell: Cell): Law | null =>
  hasLaws(cell) ? cell.problem.loss.law(cell.problem, settingOf(cell)) : null;

/** The exact mean of the squared metric, where the metric is random at the end point and this is known; else null. */
export const expectedSquare = (cell: Cell): number | null =>
  hasLaws(cell) ? cell.problem.loss.expectedSquare(cell.problem, settingOf(cell)) : null;

/** The closed-form path of a trial of a cell, or null; a method that does not follow the flow has none. */
export const pathOf = (law: Followed, trial: number, seed: number): ClosedForm | null =>
  followsFlow(law.method)
    ? closedForm(law.problem, member(law, trial, seed).initial(), motionUnder(law))
    : null;

/**
 * The mean risk of a cell at the end of its flow by the spiked model, or null where it has none: without noise, of a
 * clean target that is not known to be of small rank, where inputs are not white, or under another flow.
 */
export function riskLaw(cell: Cell, noise: number | null): number | null {
  const { problem, rank } = cell;
  const { risk } = problem;
  if (!risk || risk.covariance || !('x' in risk.clean) || !followsGradientFlow(cell)) return null;
  return spikedLaw(updateSingularValues(risk.clean), noise, problem)?.risk(rank) ?? null;
}
