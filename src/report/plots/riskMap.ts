/** Risk over rank and time as a heat map: which rank is best depends on when it is stopped. */
import { leastBy } from '../../numbers/least.js';
import { relativeRisk, type RiskCell } from '../risk.js';
import { commonLabel, seriesOf, type Series } from '../series.js';
import { timeAxis, type ChosenAxis } from './axes.js';
import { plotTitle } from './layout.js';
import { ink, type Figure } from './theme.js';

/** Risks beyond this many times that of W0 are drawn alike. */
const MOST = 2;

interface Field {
  readonly series: string;
  readonly rank: number;
  readonly time: number;
  readonly from: number;
  readonly to: number;
  readonly risk: number;
}

/** The fields of a cell: each save time with the stretch of the axis that is nearer to it than to others. */
function fieldsOf(label: string, cell: RiskCell, x: ChosenAxis): Field[] {
  const points = cell.curve.flatMap((point) => {
    const [time, risk] = [x.place(point.time), relativeRisk(cell, point)];
    return time !== null && risk ? [{ time, risk: risk.mean }] : [];
  });
  const between = (a: number, b: number) => (x.scale.type === 'log' ? Math.sqrt(a * b) : (a + b) / 2);
  return points.map(({ time, risk }, i) => ({
    ...{ series: label, rank: cell.rank, time, risk },
    from: between(points[i - 1]?.time ?? time, time),
    to: between(time, points[i + 1]?.time ?? time),
  }));
}

/** The rank of the least risk at each time that all ranks of a series have. */
function bestOf({ cells }: Series, fields: readonly Field[]): readonly Field[] {
  const times = new Map<number, Field[]>();
  for (const field of fields) times.set(field.time, [...(times.get(field.time) ?? []), field]);
  return [...times.values()]
    .filter((group) => group.length === cells.length)
    .map((group) => leastBy(group, ({ risk }) => risk)!);
}

/** Relative risk over rank x time; a dot on the best rank at each time, a ring on the best of all. */
export function riskMapFigure(cells: readonly RiskCell[]): Figure {
  const series = seriesOf(cells);
  const x = timeAxis(cells.flatMap(({ curve }) => curve.map(({ time }) => time)));
  const bySeries = series.map((each) => {
    const fields = each.cells.flatMap((cell) => fieldsOf(each.label, cell as RiskCell, x));
    return { fields, best: bestOf(each, fields) };
  });
  const fields = bySeries.flatMap((each) => each.fields);
  const best = bySeries.flatMap((each) => each.best);
  const least = bySeries.flatMap((each) => leastBy(each.fields, ({ risk }) => risk) ?? []);
  const risks = fields.map(({ risk }) => risk);
  const most = risks.reduce((high, risk) => Math.max(high, risk), 1);
  const domain = [risks.reduce((low, risk) => Math.min(low, risk), 1), Math.min(most, MOST)];
  const ranks = [...new Set(cells.map(({ rank }) => rank))].sort((a, b) => b - a);
  const y = {
    ...{ field: 'rank', type: 'ordinal' as const, scale: { domain: ranks } },
    axis: { title: 'rank r', domain: false, ticks: false, labelPadding: 10 },
  };
  const axis = { ...x.axis, grid: false };
  const time = { field: 'time', type: 'quantitative' as const, scale: x.scale, axis };
  const rows = Object.entries({ field: fields, best, least }).flatMap(([kind, some]) =>
    some.map((field) => ({ ...field, kind })),
  );
  const only = (kind: string) => [{ filter: { field: 'kind', equal: kind } }];
  const layer = [
    {
      transform: only('field'),
      mark: { type: 'rect' as const },
      encoding: {
        x: { ...time, field: 'from' },
        x2: { field: 'to' },
        y,
        color: {
          ...{ field: 'risk', type: 'quantitative' as const },
          // Blue is better than W0, orange worse.
          scale: { scheme: 'blueorange' as const, domain, domainMid: 1, clamp: true },
          legend: { title: ['risk,', 'relative to', 'that of W₀'], gradientLength: 160, format: '.2~f' },
        },
      },
    },
    {
      transform: only('best'),
      mark: { type: 'point' as const, filled: true, size: 45, opacity: 1, color: ink, clip: false },
      encoding: { x: time, y },
    },
    {
      transform: only('least'),
      mark: {
        type: 'point' as const,
        filled: false,
        size: 260,
        strokeWidth: 2,
        opacity: 1,
        color: ink,
        clip: false,
      },
      encoding: { x: time, y },
    },
  ];
  const title = plotTitle('Risk over rank and time', commonLabel(cells), 96);
  const height = Math.min(360, Math.max(140, 36 * ranks.length));
  return {
    id: 'risk-map',
    heading: 'Risk over rank and time',
    caption: [
      'Blue is nearer to the clean target than W₀ is, orange farther: noise that was learned.',
      best.length > 0 ? 'A dot marks the best rank at each save time, the ring the best of all.' : '',
      most > MOST ? `Risks beyond ${MOST} are drawn as ${MOST}.` : '',
      x.note,
    ]
      .filter((part) => part !== '')
      .join(' '),
    spec:
      series.length > 1
        ? {
            ...{ title, data: { values: rows }, columns: 2, spacing: 50 },
            facet: { field: 'series', type: 'nominal', sort: series.map(({ label }) => label) },
            spec: { width: 330, height, layer },
          }
        : { title, data: { values: rows }, width: 560, height, layer },
  };
}
