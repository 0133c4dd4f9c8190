/**
 * Rank against risk, the plot of a sweep with noise: U-shaped at the end, where a smaller rank keeps noise
 * out, and beside it what each rank gets to if it is stopped in time.
 */
import { bestFullFineTuning, bestStop, type Estimate, type RiskCell } from '../risk.js';
import { shortTime } from '../format.js';
import { commonLabel, seriesOf, type Series } from '../series.js';
import { rankAxis, valueAxis, type ChosenAxis } from './axes.js';
import { plotTitle } from './layout.js';
import { dashed, dotted, fullFineTuningColor, ink, optimumColor, solid, type Figure } from './theme.js';

const end = 'at the end';
const stopped = 'stopped at the best time of each rank';
const law = 'spiked-model law at the end';
const full = 'full fine-tuning, stopped at its best time';
const none = 'no fine-tuning (W₀)';

const strokes = {
  [end]: { color: '#0072B2', dash: solid },
  [stopped]: { color: '#D55E00', dash: solid },
  [law]: { color: ink, dash: dashed },
  [full]: { color: fullFineTuningColor, dash: solid },
  [none]: { color: optimumColor, dash: dotted },
};

type Kind = keyof typeof strokes;

interface Row {
  readonly series: string;
  readonly kind: Kind;
  readonly rank: number;
  readonly value: number | null;
  readonly low?: number | null;
  readonly high?: number | null;
  /** Words at the best of a line, and how far below it they stand, in pixels. */
  readonly mark?: string;
  readonly below?: number;
}

/** Place of words above a point. */
const ABOVE = -18;

/**
 * The points of a line, the least of them marked: above the line of the end; under that of the best stops, and under full
 * fine-tuning's, which is close below it, unless the axis is.
 */
function line(
  { label, cells }: Series,
  kind: Kind,
  of: (cell: RiskCell) => { readonly risk: Estimate; readonly words: string | null } | null,
  { place, scale }: ChosenAxis,
): Row[] {
  const points = (cells as readonly RiskCell[]).flatMap((cell) => {
    const found = of(cell);
    return found && Number.isFinite(found.risk.mean) ? [{ rank: cell.rank, ...found }] : [];
  });
  const least = Math.min(...points.map(({ risk }) => risk.mean));
  const best = points.findIndex(({ risk }) => risk.mean === least);
  const [bottom, top] = scale.domain;
  const height =
    scale.type === 'log'
      ? Math.log(least / bottom) / Math.log(top / bottom)
      : (least - bottom) / (top - bottom);
  const below = kind === end || height < 0.15 ? ABOVE : 36;
  return points.map(({ rank, risk, words }, i) => ({
    ...{ series: label, kind, rank },
    value: place(risk.mean),
    low: place(risk.ciLow),
    high: place(risk.ciHigh),
    ...(i === best && words !== null && { mark: words, below }),
  }));
}

/** A horizontal line over all ranks of a series. */
const rule = ({ label, cells }: Series, kind: Kind, value: number | null): Row[] =>
  value === null ? [] : [cells[0]!, cells.at(-1)!].map(({ rank }) => ({ series: label, kind, rank, value }));

const lawOf = ({ riskLaw, riskScale }: RiskCell) => (riskLaw === null ? null : riskLaw / riskScale);

/** Relative risk by rank: mean and interval at the end and at the best time, the law, and what full fine-tuning gets. */
export function riskFigure(cells: readonly RiskCell[]): Figure {
  const series = seriesOf(cells);
  const atEnd = (cell: RiskCell) => ({
    risk: cell.riskRelative,
    words: `rank ${cell.rank}`,
  });
  const atStop = (cell: RiskCell) => {
    const stop = bestStop(cell);
    // Where no stop pays the best is that of the end.
    return (
      stop && {
        risk: stop.risk,
        words: stop.pays ? `rank ${cell.rank} at t = ${shortTime(stop.time)}` : null,
      }
    );
  };
  const y = valueAxis(
    cells.flatMap((cell) => [
      ...[1, lawOf(cell), cell.riskRelative.mean, cell.riskRelative.ciHigh],
      ...[bestStop(cell)?.risk.mean ?? null, bestFullFineTuning([cell])?.risk ?? null],
    ]),
    'risk, relative to that of W₀',
  );
  const rows = series.flatMap((each) => {
    const own = each.cells as readonly RiskCell[];
    const stops = line(each, stopped, atStop, y);
    const lifted = stops.find(({ below }) => below === ABOVE)?.rank;
    return [
      ...line(each, end, atEnd, y).map((row) => (row.rank === lifted ? { ...row, below: 2 * ABOVE } : row)),
      ...stops,
      ...own.map((cell): Row => ({
        series: each.label,
        kind: law,
        rank: cell.rank,
        value: y.place(lawOf(cell)),
      })),
      ...rule(each, full, y.place(bestFullFineTuning(own)?.risk ?? null)),
      ...rule(each, none, y.place(1)),
    ].filter(({ value }) => value !== null);
  });
  const present = (Object.keys(strokes) as Kind[]).filter((kind) => rows.some((row) => row.kind === kind));
  const ranks = cells.map(({ rank }) => rank);
  const rank = { field: 'rank', type: 'quantitative' as const, ...rankAxis(ranks) };
  const at = (field: string) => ({ field, type: 'quantitative' as const, scale: y.scale, axis: y.axis });
  const legend = {
    ...{ title: null, orient: 'bottom' as const, columns: series.length > 1 ? 2 : 1 },
    ...{ symbolType: 'stroke' as const, symbolSize: 400, symbolOpacity: 1 },
  };
  const kindScale = <T>(of: (stroke: (typeof strokes)[Kind]) => T) => ({
    ...{ field: 'kind', type: 'nominal' as const, legend },
    scale: { domain: present, range: present.map((kind) => of(strokes[kind])) },
  });
  const color = kindScale((stroke) => stroke.color);
  const only = (...kinds: Kind[]) => ({ filter: { field: 'kind', oneOf: kinds } });
  const half = Math.sqrt(Math.min(...ranks) * Math.max(...ranks));
  const words = {
    transform: [{ filter: 'isValid(datum.mark)' }],
    mark: {
      type: 'text' as const,
      align: { expr: `datum.rank < ${half} ? 'left' : 'right'` },
      dx: { expr: `datum.rank < ${half} ? -8 : 8` },
      dy: { expr: 'datum.below' },
      fontSize: 13,
      fontWeight: 'bold' as const,
    },
    encoding: { x: rank, y: at('value'), text: { field: 'mark' }, color },
  };
  const layer = [
    {
      mark: { type: 'line' as const, strokeWidth: 2 },
      encoding: { x: rank, y: at('value'), color, strokeDash: kindScale(({ dash }) => [...dash]) },
    },
    {
      transform: [only(end, stopped), { filter: 'isValid(datum.low) && isValid(datum.high)' }],
      mark: { type: 'errorbar' as const, ticks: { size: 9 } },
      encoding: { x: rank, y: at('low'), y2: { field: 'high' }, color },
    },
    {
      transform: [only(end, stopped)],
      mark: { type: 'point' as const, filled: true, size: 70, opacity: 1 },
      encoding: { x: rank, y: at('value'), color },
    },
    {
      transform: [only(law)],
      mark: {
        type: 'point' as const,
        shape: 'square',
        filled: false,
        size: 170,
        strokeWidth: 1.5,
        opacity: 1,
      },
      encoding: { x: rank, y: at('value'), color },
    },
    {
      transform: [{ filter: 'isValid(datum.mark)' }],
      mark: { type: 'point' as const, filled: false, size: 320, strokeWidth: 2, opacity: 1 },
      encoding: { x: rank, y: at('value'), color },
    },
    words,
  ];
  const title = plotTitle('Risk against rank', commonLabel(cells), 96);
  return {
    id: 'risk',
    heading: 'Risk by rank',
    caption: [
      'Risk is the squared error against the clean target, which training does not see. Points are means, bars their',
      `95 % intervals${cells.some(({ draws }) => draws > 1) ? ' by a bootstrap over draws of the target' : ''};`,
      'the best of each line is circled. Times are those that were saved.',
      present.includes(law) ? 'The law is the limit of large n and m.' : '',
      y.note,
    ]
      .filter((part) => part !== '')
      .join(' '),
    spec:
      series.length > 1
        ? {
            ...{ title, data: { values: rows }, columns: 2 },
            facet: { field: 'series', type: 'nominal', sort: series.map(({ label }) => label) },
            spec: { width: 400, height: 260, layer },
          }
        : { title, data: { values: rows }, width: 580, height: 340, layer },
  };
}
