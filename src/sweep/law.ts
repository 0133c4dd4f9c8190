/** What accuracy means for a cell, and the closed-form value it is compared with: its loss's answers. */
import { member, motionUnder, settingOf, type MemberLaw } from '../ensemble/member.js';
import type { Horizon } from '../input/horizon.js';
import { followsFlow } from '../method/method.js';
import { isGradientMotion } from '../flow/motion.js';
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

/** Whether laws of the flow say something of a cell: its method follows the flow, and there is one target. */
const hasLaws = ({ method, draws }: Cell): boolean => followsFlow(method) && draws === 1;

/**
 * The law of a cell at its end point, or null if none is known (Rushka & Klabjan 2026 and what follows from it), its
 * method does not follow the flow, or each draw of the target has its own.
 */
export const lawOf = (cell: Cell): Law | null =>
  !hasLaws(cell) ? null : cell.problem.loss.law(cell.problem, settingOf(cell));

/** The exact mean of the squared metric, where the metric is random at the end point and this is known; else null. */
export const expectedSquare = (cell: Cell): number | null =>
  !hasLaws(cell) ? null : cell.problem.loss.expectedSquare(cell.problem, settingOf(cell));

/** The closed-form path of a trial of a cell, or null; a method that does not follow the flow has none. */
export const pathOf = (
  cell: MemberLaw & Pick<Horizon, 'method'>,
  trial: number,
  seed: number,
): ClosedForm | null =>
  !followsFlow(cell.method)
    ? null
    : closedForm(cell.problem, member(cell, trial, seed).initial(), motionUnder(cell));

/**
 * The mean risk of a cell at the end of its flow by the spiked model, or null where it has none: without noise, of a
 * clean target that is not known to be of small rank, where inputs are not white, or under another flow.
 */
export function riskLaw(cell: Cell, noise: number | null): number | null {
  const { problem, rank } = cell;
  const { risk } = problem;
  if (!risk || risk.covariance || !('x' in risk.clean) || !isGradientMotion(motionUnder(cell))) return null;
  if (!followsFlow(cell.method)) return null;
  return spikedLaw(updateSingularValues(risk.clean), noise, problem)?.risk(rank) ?? null;
}
