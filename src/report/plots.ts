/** All plots: specifications as pure functions of data, and the two renderers. The parts are in plots/. */
import { memoized } from '../numbers/memoized.js';
import type { CellSummary } from '../sweep/summary.js';
import { accuracyFigures } from './plots/accuracy.js';
import { lossFigure } from './plots/loss.js';
import { outcomeFigure } from './plots/outcomeCounts.js';
import { riskFigure } from './plots/risk.js';
import { riskMapFigure } from './plots/riskMap.js';
import type { Figure } from './plots/theme.js';
import { timeToOptimumFigure } from './plots/timeToOptimum.js';
import { withRisk } from './risk.js';

export { accuracyFigures, lossFigure, outcomeFigure, riskFigure, riskMapFigure, timeToOptimumFigure };
export { renderPng, renderSvg } from './plots/render.js';
export { simulationFigures } from './plots/simulation.js';
export type { Figure } from './plots/theme.js';

/** Every figure of a sweep, in the order in which they are read; of the same cells the same, so that each is drawn once. */
export const sweepFigures = memoized((cells: readonly CellSummary[]): readonly Figure[] => {
  if (cells.length === 0) return [];
  const risky = withRisk(cells);
  const ofRisk = risky.length > 0 ? [riskFigure(risky), riskMapFigure(risky)] : [];
  // Of several draws of the target there is no one law and no one optimum.
  const isOneTarget = cells.every(({ draws }) => draws === 1);
  return [
    ...ofRisk,
    ...(isOneTarget ? accuracyFigures(cells) : []),
    lossFigure(cells),
    ...(isOneTarget ? [timeToOptimumFigure(cells)] : []),
    outcomeFigure(cells),
  ];
});
