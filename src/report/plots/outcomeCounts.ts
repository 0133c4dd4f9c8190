/** Outcomes of the trajectories of each cell, as stacked bars: nothing is dropped from the other plots unseen. */
import { outcomes, type Outcome } from '../../method/outcome.js';
import type { CellSummary } from '../../sweep/summary.js';
import { outcomeNames } from '../outcomes.js';
import { commonLabel, distinct, seriesOf } from '../series.js';
import { plotTitle } from './layout.js';
import { outcomeColors, type Figure } from './theme.js';

/** Number of trajectories by outcome and rank, one panel per series; only the outcomes that occur. */
export function outcomeFigure(cells: readonly CellSummary[]): Figure {
  const series = seriesOf(cells);
  const present = outcomeNames.filter((name) => cells.some((cell) => cell.outcomes[name] > 0));
  const meaning = (name: Outcome) => `${name}: ${outcomes[name]}`;
  const rows = series.flatMap(({ label, cells: seriesCells }) =>
    seriesCells.flatMap((cell) =>
      present.map((name, order) => ({
        series: label,
        rank: cell.rank,
        outcome: meaning(name),
        order,
        count: cell.outcomes[name],
      })),
    ),
  );
  const mark = { type: 'bar' as const };
  const encoding = {
    x: {
      field: 'rank',
      type: 'ordinal' as const,
      sort: [...distinct(cells, ({ rank }) => rank)].sort((a, b) => a - b),
      axis: { title: 'rank r', labelAngle: 0, labelOverlap: 'greedy' as const },
    },
    y: {
      field: 'count',
      type: 'quantitative' as const,
      scale: { domain: [0, Math.max(1, ...cells.map(({ trials }) => trials))], nice: false },
      axis: { title: 'trajectories', tickMinStep: 1, format: ',d' },
    },
    order: { field: 'order', type: 'quantitative' as const },
    color: {
      field: 'outcome',
      type: 'nominal' as const,
      scale: { domain: present.map(meaning), range: present.map((name) => outcomeColors[name]) },
      legend: { title: null, orient: 'bottom' as const, columns: 1 },
    },
  };
  const title = plotTitle('Why trajectories ended, by rank', commonLabel(cells));
  return {
    id: 'outcomes',
    heading: 'Outcomes',
    caption:
      'Each bar is all the trials of one rank, split by outcome. Only stationary trajectories have settled; ' +
      'the others count in the statistics above with the state they ended in, if it is finite.',
    spec:
      series.length > 1
        ? {
            title,
            data: { values: rows },
            facet: { field: 'series', type: 'nominal', sort: series.map(({ label }) => label) },
            columns: 2,
            spec: { width: 330, height: 180, mark, encoding },
          }
        : { title, data: { values: rows }, width: 580, height: 220, mark, encoding },
  };
}
