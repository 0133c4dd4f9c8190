/** What accuracy means for a cell, and the closed-form value it is compared with: its loss's answers. */
import { isGradientFlow } from '../flow/motion.js';
import type { Law } from '../problem/loss.js';
import type { Measured, MetricName } from '../problem/metric.js';
import type { Cell } from './plan.js';

export const metricOf = ({ problem }: Cell): MetricName => problem.loss.metric.name;

/** The metric of a state that was measured. */
export const accuracyOf = ({ problem }: Cell, measured: Measured): number =>
  problem.loss.metric.accuracyOf(problem, measured);

/** The law of a cell at its end point, or null if none is known (Rushka & Klabjan 2026 and what follows from it). */
export const lawOf = ({ problem, rank, initialization, coefficients, flow }: Cell): Law | null =>
  isGradientFlow(coefficients, flow) ? problem.loss.law(problem, rank, initialization.law) : null;

/** The exact mean of the squared metric, where the metric is random at the end point and this is known; else null. */
export const expectedSquare = ({ problem, rank, initialization, coefficients, flow }: Cell): number | null =>
  isGradientFlow(coefficients, flow) ? problem.loss.expectedSquare(problem, rank, initialization.law) : null;
