/** Loss against time for every rank of a sweep, one panel per series. */
import type { CellSummary } from '../../sweep/summary.js';
import { commonLabel, distinct, seriesOf, type Series } from '../series.js';
import { notBelow, timeAxis, valueAxis, type ChosenAxis } from './axes.js';
import { plotTitle } from './layout.js';
import {
  dashed,
  dotted,
  fullFineTuningColor,
  ink,
  optimumColor,
  orderedColors,
  solid,
  type Figure,
} from './theme.js';

const reference = {
  closedForm: 'closed form',
  fullFineTuning: 'full fine-tuning',
  optimum: 'optimum',
} as const;
const strokes = {
  [reference.closedForm]: { color: ink, dash: dashed },
  [reference.fullFineTuning]: { color: fullFineTuningColor, dash: solid },
  [reference.optimum]: { color: optimumColor, dash: dotted },
};

interface Row {
  readonly kind: string;
  readonly series: string;
  readonly rank: number;
  readonly time: number;
  readonly value: number;
  readonly low?: number;
  readonly high?: number;
}

function rowsOf({ label, cells }: Series, x: ChosenAxis, y: ChosenAxis): Row[] {
  const rows: Row[] = [];
  const fullFineTuningDrawn = new Set<string>();
  for (const cell of cells) {
    const common = { series: label, rank: cell.rank };
    const full: Row[] = [];
    for (const point of cell.curve) {
      const time = x.place(point.time);
      if (time === null) continue;
      const [value, low, high] = [point.loss.p50, point.loss.p05, point.loss.p95].map(y.place);
      if (value != null && low != null && high != null)
        rows.push({ kind: 'median', ...common, time, value, low, high });
      const references = [
        [reference.closedForm, y.place(point.closedForm), rows],
        [reference.optimum, y.place(cell.optimum), rows],
        [reference.fullFineTuning, y.within(point.fullFineTuning), full],
      ] as const;
      for (const [kind, placed, into] of references) {
        if (placed !== null) into.push({ kind, ...common, time, value: placed });
      }
    }
    const key = JSON.stringify(full.map(({ time, value }) => [time, value]));
    if (!fullFineTuningDrawn.has(key)) rows.push(...full);
    fullFineTuningDrawn.add(key);
  }
  return rows;
}

/** Median loss with its 5–95 % band per rank; closed form, full fine-tuning and optimum where known. */
export function lossFigure(cells: readonly CellSummary[]): Figure {
  const series = seriesOf(cells);
  const ranks = [...distinct(cells, ({ rank }) => rank)].sort((a, b) => a - b);
  const points = cells.flatMap(({ curve }) => curve);
  const x = timeAxis(points.map(({ time }) => time));
  const visibleValues = [
    ...points.flatMap(({ loss, closedForm }) => [loss.p05, loss.p50, loss.p95, closedForm]),
    ...cells.map(({ optimum }) => optimum),
  ];
  const full = points.map(({ fullFineTuning }) => fullFineTuning);
  const y = valueAxis([...visibleValues, ...notBelow(full, visibleValues)], 'loss');
  const rows = series.flatMap((each) => rowsOf(each, x, y));
  const referenceKinds = Object.values(reference).filter((kind) => rows.some((row) => row.kind === kind));
  const facets = series.length > 1;
  const color = {
    field: 'rank',
    type: 'ordinal' as const,
    scale: { domain: ranks, range: orderedColors(ranks.length) },
    legend: {
      title: ['rank', 'line: median', 'band: 5–95 %'],
      symbolType: 'stroke' as const,
      symbolOpacity: 1,
      symbolSize: 400,
      columns: Math.ceil(ranks.length / 16),
    },
  };
  const referenceScale = <T>(range: T[]) => ({ domain: referenceKinds, range });
  const legend = { title: null, symbolSize: 400 };
  const stroke = {
    field: 'kind',
    type: 'nominal' as const,
    scale: referenceScale(referenceKinds.map((kind) => strokes[kind].color)),
    legend,
  };
  const strokeDash = {
    field: 'kind',
    type: 'nominal' as const,
    scale: referenceScale(referenceKinds.map((kind) => strokes[kind].dash)),
    legend,
  };
  const time = { field: 'time', type: 'quantitative' as const, scale: x.scale, axis: x.axis };
  const at = (field: string) => ({ field, type: 'quantitative' as const, scale: y.scale, axis: y.axis });
  const detail = [{ field: 'rank' }];
  const medians = [{ filter: "datum.kind === 'median'" }];
  const layer = [
    {
      transform: medians,
      mark: { type: 'area' as const, opacity: 0.2 },
      encoding: { x: time, y: at('low'), y2: { field: 'high' }, color },
    },
    {
      transform: medians,
      mark: { type: 'line' as const, strokeWidth: 2.5 },
      encoding: { x: time, y: at('value'), color },
    },
    ...(referenceKinds.length > 0
      ? [
          {
            transform: [{ filter: "datum.kind !== 'median'" }],
            mark: { type: 'line' as const, strokeWidth: 1.5 },
            encoding: { x: time, y: at('value'), stroke, strokeDash, detail },
          },
        ]
      : []),
  ];
  const title = plotTitle('Loss over time, by rank', commonLabel(cells));
  const panel = facets ? { width: 330, height: 240 } : { width: 540, height: 340 };
  return {
    id: 'loss',
    heading: 'Loss over time',
    caption: [
      'Each colour is one rank: the line is the median loss over the trials, the band holds the middle 90 %.',
      referenceKinds.length > 0 ? `Drawn beside them where known: ${referenceKinds.join(', ')}.` : '',
      full.some((loss) => loss !== null) && cells.some(({ decay, coupledDecay }) => decay + coupledDecay > 0)
        ? 'Full fine-tuning is the gradient flow of W, without decay.'
        : '',
      full.some((loss) => loss !== null && y.within(loss) === null)
        ? 'Full fine-tuning goes on falling below the picture.'
        : '',
      x.note,
      y.note,
    ]
      .filter((part) => part !== '')
      .join(' '),
    spec: facets
      ? {
          title,
          data: { values: rows },
          facet: { field: 'series', type: 'nominal', sort: series.map(({ label }) => label) },
          columns: 2,
          spec: { ...panel, layer },
        }
      : { title, data: { values: rows }, ...panel, layer },
  };
}
