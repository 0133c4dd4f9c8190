/** Rank against accuracy, the plot a sweep is run for: the closed-form law and the trials around it. */
import type { MetricName } from '../../problem/metric.js';
import type { CellSummary } from '../../sweep/summary.js';
import { commonLabel, distinct, seriesOf, type Series } from '../series.js';
import { rankAxis, valueAxis } from './axes.js';
import { ink, type Figure } from './theme.js';
import { plotTitle, rankAside, seriesColor } from './layout.js';

const kinds = {
  law: 'law',
  median: 'simulated median, 5–95 % band',
  mean: 'simulated mean, 95 % CI bar',
} as const;

/** The points of a law; laws with the same values are drawn once, and marked as belonging to no one series. */
function lawRows(series: readonly Series[], place: (value: number | null) => number | null) {
  type Row = { series: string; rank: number; value: number | null };
  const curves = new Map<string, { rows: Row[]; owners: number }>();
  for (const { label, cells } of series) {
    const rows = cells
      .filter(({ law }) => law !== null)
      .map(({ rank, law }) => ({ series: label, rank, value: place(law?.value ?? null) }))
      .filter(({ value }) => value !== null);
    const key = rows.map(({ rank, value }) => `${rank}:${value?.toPrecision(6)}`).join();
    const curve = curves.get(key);
    if (curve) curve.owners++;
    else if (rows.length > 0) curves.set(key, { rows, owners: 1 });
  }
  return [...curves.values()].flatMap(({ rows, owners }) =>
    rows.map((row) => ({ ...row, shared: owners > 1 || series.length === 1 })),
  );
}

/** One figure per metric that occurs: the law as a line with its points, the trials as median, mean and band. */
export function accuracyFigures(cells: readonly CellSummary[]): Figure[] {
  return distinct(cells, ({ metric }) => metric).map((metric, index) =>
    accuracyFigure(
      cells.filter((cell) => cell.metric === metric),
      metric,
      index === 0 ? 'accuracy' : `accuracy-${index + 1}`,
    ),
  );
}

function accuracyFigure(cells: readonly CellSummary[], metric: MetricName, id: string): Figure {
  const series = seriesOf(cells);
  const values = cells.flatMap(({ law, accuracy: { p05, p50, p95, mean, ciLow, ciHigh } }) => [
    law?.value ?? null,
    ...[p05, p50, p95, mean, ciLow, ciHigh],
  ]);
  const y = valueAxis(values, metric);
  const x = rankAxis(cells.map(({ rank }) => rank));
  const law = lawRows(series, y.place);
  const simulatedRows = series.flatMap(({ label, cells: seriesCells }, index) =>
    seriesCells.map(({ rank, accuracy }) => ({
      series: label,
      rank,
      shifted: rankAside(rank, index, series.length),
      median: y.place(accuracy.p50),
      low: y.place(accuracy.p05),
      high: y.place(accuracy.p95),
      mean: y.place(accuracy.mean),
      ciLow: y.place(accuracy.ciLow),
      ciHigh: y.place(accuracy.ciHigh),
    })),
  );
  const present = law.length > 0 ? [kinds.law, kinds.median, kinds.mean] : [kinds.median, kinds.mean];
  const shapes = { [kinds.law]: 'square', [kinds.median]: 'stroke', [kinds.mean]: 'diamond' };
  const shapeScale = { domain: present, range: present.map((kind) => shapes[kind]) };
  const shape = (kind: string) => ({
    datum: kind,
    type: 'nominal' as const,
    scale: shapeScale,
    legend: {
      title: null,
      orient: 'bottom' as const,
      columns: 1,
      symbolFillColor: 'transparent',
      symbolStrokeColor: ink,
    },
  });
  const color = seriesColor(series);
  const rank = { field: 'rank', type: 'quantitative' as const, ...x };
  const shiftedRank = { ...rank, field: 'shifted' };
  const at = (field: string) => ({ field, type: 'quantitative' as const, scale: y.scale, axis: y.axis });
  const having = (field: string) => [{ filter: `isValid(datum.${field})` }];
  const lawLayers = (shared: boolean) => {
    const rows = law.filter((row) => row.shared === shared);
    const lawColor = shared ? { value: ink } : color;
    const place = { x: rank, y: at('value'), color: lawColor };
    if (rows.length === 0) return [];
    return [
      {
        data: { values: rows },
        mark: { type: 'line' as const, strokeWidth: 1.5 },
        encoding: { ...place, detail: { field: 'series' } },
      },
      {
        data: { values: rows },
        mark: { type: 'point' as const, filled: false, size: 170, strokeWidth: 1.5, opacity: 1 },
        encoding: { ...place, shape: shape(kinds.law) },
      },
    ];
  };
  const lone = series.filter(({ cells: seriesCells }) => seriesCells.length === 1).map(({ label }) => label);
  const names = distinct(cells, (cell) => cell.law?.name).filter((name) => name !== undefined);
  const reading = names.length > 0 ? `The law is ${names.join(', ')}. ` : '';
  const asideNote =
    series.length > 1
      ? ' Points of the series are set slightly apart along the rank axis to keep them visible.'
      : '';
  return {
    id,
    heading: 'Accuracy by rank',
    caption:
      `${reading}Where the simulated points lie on the law, the trials ended where theory says; ` +
      `the band holds the middle 90 % of trials, the bar is the uncertainty of the mean.${asideNote} ${y.note}`.trimEnd(),
    spec: {
      width: 580,
      height: 340,
      title: plotTitle(`${capitalized(metric)} against rank`, commonLabel(cells)),
      data: { values: simulatedRows },
      layer: [
        {
          transform: having('low'),
          mark: { type: 'area', opacity: 0.18 },
          encoding: { x: rank, y: at('low'), y2: { field: 'high' }, color },
        },
        {
          transform: [...having('low'), { filter: { field: 'series', oneOf: lone } }],
          mark: { type: 'rule', strokeWidth: 10, opacity: 0.18 },
          encoding: { x: rank, y: at('low'), y2: { field: 'high' }, color },
        },
        ...[true, false].flatMap((shared) => lawLayers(shared)),
        {
          transform: having('ciLow'),
          mark: { type: 'errorbar', ticks: { size: 9 } },
          encoding: { x: shiftedRank, y: at('ciLow'), y2: { field: 'ciHigh' }, color },
        },
        {
          transform: having('mean'),
          mark: { type: 'point', filled: false, size: 80, strokeWidth: 1.5, opacity: 1 },
          encoding: { x: shiftedRank, y: at('mean'), shape: shape(kinds.mean), color },
        },
        {
          transform: having('median'),
          mark: { type: 'point', filled: false, size: 130, strokeWidth: 2.5, opacity: 1 },
          encoding: { x: shiftedRank, y: at('median'), shape: shape(kinds.median), color },
        },
      ],
    },
  };
}

function capitalized(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
