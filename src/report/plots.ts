/** All plots: specifications as pure functions of data, and the two renderers. The parts are in plots/. */
import type { CellSummary } from '../sweep/summary.js';
import { accuracyFigures } from './plots/accuracy.js';
import { lossFigure } from './plots/loss.js';
import { outcomeFigure } from './plots/outcomeCounts.js';
import type { Figure } from './plots/theme.js';
import { timeToOptimumFigure } from './plots/timeToOptimum.js';

export { accuracyFigures, lossFigure, outcomeFigure, timeToOptimumFigure };
export { renderPng, renderSvg } from './plots/render.js';
export { simulationFigures } from './plots/simulation.js';
export type { Figure } from './plots/theme.js';

/** Every figure of a sweep, in the order in which they are read. */
export function sweepFigures(cells: readonly CellSummary[]): Figure[] {
  if (cells.length === 0) return [];
  return [...accuracyFigures(cells), lossFigure(cells), timeToOptimumFigure(cells), outcomeFigure(cells)];
}
