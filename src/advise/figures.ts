/** Figures of advice: the rank of each weight by layer and kind, and the error against the budget. */
import { chartFigure, type ChartCurve } from '../report/plots/chart.js';
import { plotTitle } from '../report/plots/layout.js';
import type { Figure } from '../report/plots/theme.js';
import type { Advice, BudgetAdvice } from './advise.js';
import { errorCurves, placesOf } from './shown.js';

/** Ranks of a budget over layers and kinds of weights. */
function rankMap({ weights }: Advice, { budget, ranks }: BudgetAdvice): Figure {
  const { start, layers, kinds, places } = placesOf(weights);
  const values = places.map((place, i) => ({ ...place, rank: ranks[i]! }));
  // Names of weights are as long as they are.
  const axis = { domain: false, ticks: false, labelPadding: 8, labelLimit: 0, grid: false };
  return {
    id: `ranks-${budget.folder}`,
    heading: `Ranks within ${budget.text}`,
    caption: `Rank of each weight, by layer and kind. Gaps are weights that did not change, or are not there.`,
    spec: {
      title: plotTitle(`Ranks within ${budget.text}`, start && `weights of ${start.slice(0, -1)}`, 80),
      width: Math.min(720, Math.max(120, 60 * kinds.length)),
      height: Math.min(900, Math.max(40, 22 * layers.length)),
      data: { values },
      mark: { type: 'rect' },
      encoding: {
        x: {
          ...{ field: 'kind', type: 'nominal', scale: { domain: [...kinds] } },
          axis: { ...axis, title: null, labelAngle: -40 },
        },
        y: {
          ...{ field: 'layer', type: 'ordinal', scale: { domain: [...layers] } },
          axis: { ...axis, title: 'layer' },
        },
        color: {
          ...{ field: 'rank', type: 'quantitative' },
          scale: { scheme: 'viridis', domain: [0, Math.max(1, ...ranks)] },
          legend: { title: 'rank r', gradientLength: 120, tickMinStep: 1, format: 'd' },
        },
      },
    },
  };
}

function errorChart(advice: Advice): Figure {
  const { weights } = advice;
  const curves = errorCurves(advice).map(({ name, role, points }): ChartCurve => ({
    name,
    kind: role === 'advised' ? 'law' : 'simulated',
    points: points.map(({ parameters: x, error: y }) => ({ x, y })),
  }));
  return chartFigure(
    {
      title: 'Error against parameters',
      setting: `${weights.length} weights together`,
      x: { name: 'parameters', title: 'parameters of the adapter', scale: 'log' },
      y: { name: 'error', title: 'relative Frobenius error', scale: 'linear' },
      curves,
    },
    {
      id: 'error',
      heading: 'Error against parameters',
      caption:
        'What an adapter of so many parameters leaves of all that training changed of these weights. It is not the error of the task.',
    },
  );
}

/** Every figure, in the order in which they are read. */
export const adviceFigures = (advice: Advice): Figure[] => [
  ...advice.budgets.filter(({ parameters }) => parameters > 0).map((each) => rankMap(advice, each)),
  errorChart(advice),
];
