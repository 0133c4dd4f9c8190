/** Curves on a logarithmic y axis: error against step, tolerance, rank or time. */
import type { CurveSet, Finding } from '../../verify/check.js';
import { valueAxis } from './axes.js';
import { plotTitle } from './layout.js';
import { seriesColors, type Figure } from './theme.js';

/** The curves of a finding, if it has any. */
export function convergenceFigures({ id, claim, backend, plot }: Finding): Figure[] {
  return plot ? [convergenceFigure(`${id.replaceAll('/', '-')}-${backend}`, claim, backend, plot)] : [];
}

function convergenceFigure(id: string, claim: string, backend: string, plot: CurveSet): Figure {
  const points = plot.curves.flatMap((curve) => curve.points);
  const x = valueAxis(
    points.map(([at]) => at),
    plot.xTitle,
    plot.xScale ?? 'log',
  );
  const y = valueAxis(
    points.map(([, value]) => value),
    plot.yTitle,
    'log',
  );
  const rows = plot.curves.flatMap(({ name, points: curves }) =>
    curves.map(([at, value]) => ({ curve: name, x: x.place(at), y: y.place(value) })),
  );
  const names = [...new Set(plot.curves.map(({ name }) => name))];
  return {
    id,
    heading: `${plot.title}, ${backend}`,
    caption: [`${sentence(claim)}`, x.note, y.note].filter((part) => part !== '').join(' '),
    spec: {
      width: 520,
      height: 320,
      title: plotTitle(plot.title, backend),
      data: { values: rows.filter((row) => row.x !== null && row.y !== null) },
      mark: { type: 'line', point: { size: 60 }, strokeWidth: 2 },
      encoding: {
        x: { field: 'x', type: 'quantitative', scale: x.scale, axis: x.axis },
        y: { field: 'y', type: 'quantitative', scale: y.scale, axis: y.axis },
        color: {
          field: 'curve',
          type: 'nominal',
          sort: names,
          scale: { domain: names, range: seriesColors(names.length) },
          legend: { title: null, symbolSize: 200, columns: Math.ceil(names.length / 18) },
        },
      },
    },
  };
}

const sentence = (text: string) => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
