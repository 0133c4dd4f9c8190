/** A chart of laws beside what was simulated: laws as lines, the simulated as points with their intervals. */
import { wrapText } from '../format.js';
import { rankAxis, valueAxis } from './axes.js';
import { plotTitle } from './layout.js';
import { dashed, ink, seriesColors, solid, type Figure } from './theme.js';

/** A curve: what a law says, or what was simulated, with the bounds of an interval where there is one. */
export interface ChartCurve {
  readonly name: string;
  readonly kind: 'law' | 'simulated';
  readonly points: readonly ChartPoint[];
}

export interface ChartPoint {
  readonly x: number;
  readonly y: number;
  readonly low?: number;
  readonly high?: number;
}

export interface ChartAxis {
  /** Name of its column in tables. */
  readonly name: string;
  readonly title: string;
  readonly scale: 'log' | 'linear';
}

export interface Chart {
  readonly title: string;
  /** The setting in a line: sizes, spectrum, start. */
  readonly setting: string;
  readonly x: ChartAxis;
  readonly y: ChartAxis;
  readonly curves: readonly ChartCurve[];
}

/** Characters of a title along the height of a chart, which Vega takes for 0.8 of their size wide without a canvas. */
const TITLE = 28;

/** The figure of a chart. Curves of one thing, whose names end alike, as in `, r = 4`, share a colour. */
export function chartFigure(chart: Chart, words: Pick<Figure, 'id' | 'heading' | 'caption'>): Figure {
  const { title, setting, curves } = chart;
  const xs = curves.flatMap(({ points }) => points.map(({ x }) => x));
  const x = chart.x.name === 'rank' ? rankAxis(xs) : valueAxis(xs, chart.x.title, chart.x.scale);
  const y = valueAxis(
    curves.flatMap(({ points }) =>
      points.flatMap(({ y: value, low, high }) => [value, low ?? null, high ?? null]),
    ),
    chart.y.title,
    chart.y.scale,
  );
  const rowsOf = (kind: ChartCurve['kind']) =>
    curves
      .filter((curve) => curve.kind === kind)
      .flatMap(({ name, points }) =>
        points.map((point) => ({
          ...{ [kind]: name, x: point.x, y: y.place(point.y) },
          ...{ low: y.place(point.low ?? null), high: y.place(point.high ?? null) },
        })),
      );
  const axis = { ...y.axis, title: wrapText(chart.y.title, TITLE) };
  const at = (field: string) => ({ field, type: 'quantitative' as const, scale: y.scale, axis });
  const whole =
    chart.x.scale === 'linear' && xs.every(Number.isInteger) ? { tickMinStep: 1, format: 'd' } : {};
  const along = { field: 'x', type: 'quantitative' as const, scale: x.scale, axis: { ...x.axis, ...whole } };
  const colors = colorsOf(curves);
  const named = (kind: ChartCurve['kind'], symbolType: 'stroke' | 'circle') => {
    const domain = curves.filter((curve) => curve.kind === kind).map(({ name }) => name);
    const legend = { title: null, orient: 'bottom' as const, columns: 1, symbolType, symbolSize: 200 };
    const channel = (range: readonly unknown[]) => ({
      ...{ field: kind, type: 'nominal' as const, sort: domain, legend },
      scale: { domain, range: [...range] as string[] },
    });
    const areMany = domain.every((name) => MEMBER.test(name));
    return {
      color: channel(domain.map((name) => colors.get(name)!)),
      dash: channel(domain.map((_, i) => (i > 0 && !areMany ? dashed : solid))),
    };
  };
  const [law, simulated] = [named('law', 'stroke'), named('simulated', 'circle')];
  return {
    ...words,
    spec: {
      width: 540,
      height: 320,
      title: plotTitle(title, setting),
      layer: [
        {
          data: { values: rowsOf('law') },
          mark: { type: 'line', strokeWidth: 2 },
          encoding: { x: along, y: at('y'), color: law.color, strokeDash: law.dash },
        },
        {
          data: { values: rowsOf('simulated') },
          transform: [{ filter: 'isValid(datum.low)' }],
          mark: { type: 'rule', strokeWidth: 1.5 },
          encoding: { x: along, y: at('low'), y2: { field: 'high' }, stroke: simulated.color },
        },
        {
          data: { values: rowsOf('simulated') },
          mark: { type: 'point', filled: false, size: 70, strokeWidth: 2, opacity: 1 },
          encoding: { x: along, y: at('y'), stroke: simulated.color },
        },
      ],
    },
  };
}

/** End of the name of a curve of one of several things. */
const MEMBER = /, [^,]+ = [^,]+$/;

/** A colour for every curve: ink for the only law, else one for each thing. */
function colorsOf(curves: readonly ChartCurve[]): Map<string, string> {
  const groupOf = (name: string) => MEMBER.exec(name)?.[0] ?? name;
  const groups = [...new Set(curves.map(({ name }) => groupOf(name)))];
  const palette = seriesColors(groups.length);
  const isAlone = curves.filter(({ kind }) => kind === 'law').length === 1;
  return new Map(
    curves.map(({ name, kind }) => [
      name,
      kind === 'law' && isAlone ? ink : palette[groups.indexOf(groupOf(name))]!,
    ]),
  );
}
