/** Time that the flow takes at each rank; cells in which no trial arrived are named on the plot, not dropped. */
import type { CellSummary } from '../../sweep/summary.js';
import { formatCount } from '../format.js';
import { commonLabel, seriesOf } from '../series.js';
import { rankAxis, valueAxis } from './axes.js';
import { plotTitle, rankAside, seriesColor } from './layout.js';
import { ink, type Figure } from './theme.js';

const bars = {
  median: 'median, between two save times',
  range: '5–95 %',
} as const;

/** Encodes which of the bars is drawn by its width, with a legend if any cell has bars. */
const barWidth = (bar: string, anyBars: boolean) => ({
  datum: bar,
  type: 'nominal' as const,
  scale: { domain: [bars.median, bars.range], range: [6, 1.5] },
  legend: anyBars
    ? {
        title: null,
        orient: 'bottom' as const,
        columns: 1,
        symbolType: 'stroke' as const,
        symbolStrokeColor: ink,
        symbolOpacity: 0.6,
      }
    : null,
});

function absent({ optimum, decay, coupledDecay, lrRatioA, lrRatioB }: CellSummary): string {
  if (optimum === null) return 'optimum unknown';
  const isElsewhere = decay + coupledDecay > 0 || lrRatioA * lrRatioB === 0;
  return isElsewhere ? 'the flow ends elsewhere' : 'not reached by the end time';
}

/**
 * Time to come within 1 % of the optimum against rank. It is known between two observations: the medians of both are a
 * wide bar, the 5 % of the first and the 95 % of the second a thin one; and how many trials arrived.
 */
export function timeToOptimumFigure(cells: readonly CellSummary[]): Figure {
  const series = seriesOf(cells);
  const endTime = cells
    .flatMap(({ curve }) => curve.map(({ time }) => time))
    .reduce((a, b) => Math.max(a, b), 0);
  const times = cells.flatMap(({ timeToOptimumAfter: after, timeToOptimumBy: by }) => [
    ...[after.p05, after.p50],
    ...[by.p50, by.p95],
  ]);
  const anyArrived = times.some(Number.isFinite);
  const y = valueAxis(anyArrived ? times : [0, endTime], 'time t');
  const rows = series.flatMap(({ label, cells: seriesCells }, index) =>
    seriesCells.map((cell) => {
      const { rank, trials, timeToOptimumAfter: after, timeToOptimumBy: by } = cell;
      const { count } = by;
      return {
        series: label,
        rank,
        shifted: rankAside(rank, index, series.length),
        side: 7 * (2 * index - series.length + 1),
        median: count > 0 ? y.place(by.p50) : null,
        before: y.place(after.p50),
        low: y.place(after.p05),
        high: y.place(by.p95),
        share: count < trials && count > 0 ? `${count}/${trials}` : '',
        absent: count > 0 ? '' : absent(cell),
      };
    }),
  );
  const color = seriesColor(series);
  const rank = { field: 'rank', type: 'quantitative' as const, ...rankAxis(cells.map((cell) => cell.rank)) };
  const shiftedRank = { ...rank, field: 'shifted' };
  const at = (field: string) => ({ field, type: 'quantitative' as const, scale: y.scale, axis: y.axis });
  const ifArrived = [{ filter: 'isValid(datum.median)' }];
  const arrivals = cells.reduce((sum, { timeToOptimumBy }) => sum + timeToOptimumBy.count, 0);
  const trials = cells.reduce((sum, cell) => sum + cell.trials, 0);
  const anyBars = rows.some(({ median }) => median !== null);
  const partial = rows.some(({ share }) => share !== '');
  return {
    id: 'time-to-optimum',
    heading: 'Time to the optimum',
    caption: [
      'A trial arrived between two save times: the wide bar is between the medians of the two over the trials that',
      'arrived, its dot at the later; the thin bar from the 5 % of the earlier to the 95 % of the later.',
      `${formatCount(arrivals)} of ${formatCount(trials)} trajectories came within 1 % of the optimum`,
      partial ? '(a fraction stands above each cell in which some, but not all, did).' : 'by the end time.',
      y.note,
    ]
      .join(' ')
      .trimEnd(),
    spec: {
      width: 580,
      height: 320,
      title: plotTitle('Time to come within 1 % of the optimum, by rank', commonLabel(cells)),
      data: { values: rows },
      layer: [
        {
          transform: ifArrived,
          mark: { type: 'line', strokeWidth: 1, opacity: 0.5 },
          encoding: { x: shiftedRank, y: at('median'), color },
        },
        {
          transform: [...ifArrived, { filter: 'isValid(datum.low) && isValid(datum.high)' }],
          mark: { type: 'rule', opacity: 0.6 },
          encoding: {
            x: shiftedRank,
            y: at('low'),
            y2: { field: 'high' },
            strokeWidth: barWidth(bars.range, anyBars),
            color,
          },
        },
        {
          transform: ifArrived,
          mark: { type: 'rule', opacity: 0.5 },
          encoding: {
            x: shiftedRank,
            y: at('before'),
            y2: { field: 'median' },
            strokeWidth: barWidth(bars.median, anyBars),
            color,
          },
        },
        {
          transform: ifArrived,
          mark: { type: 'point', filled: true, size: 80, opacity: 1 },
          encoding: { x: shiftedRank, y: at('median'), color },
        },
        {
          transform: [...ifArrived, { filter: "datum.share !== ''" }],
          mark: { type: 'text', dy: -10, fontSize: 12, baseline: 'bottom' },
          encoding: { x: shiftedRank, y: at('high'), text: { field: 'share' }, color },
        },
        {
          transform: [{ filter: "datum.absent !== ''" }],
          mark: { type: 'text', angle: 270, align: 'left', dx: 8, dy: { expr: 'datum.side' }, fontSize: 12 },
          encoding: { x: rank, y: { value: 320 }, text: { field: 'absent' }, color },
        },
      ],
    },
  };
}
