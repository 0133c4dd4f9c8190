/** `<lab-plot>`: a figure drawn by uPlot as wide as there is room, again when its data or the colours change. */
import { interpolateViridis } from 'd3-scale-chromatic';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';

export interface Axis {
  readonly label: string;
  readonly scale: 'linear' | 'log';
  /** Values to mark (default: round ones). */
  readonly ticks?: readonly number[];
}

export interface Line {
  readonly name: string;
  readonly values: readonly (number | null)[];
  /** The custom property that holds it, or its place among ordered colours, from 0 to 1. */
  readonly color: string | number;
  readonly width?: number;
  readonly dash?: readonly number[];
  readonly alpha?: number;
  /** Marks the points of the line (default: false). */
  readonly points?: boolean;
  /** Joins points with nulls between them, which are gaps else (default: false). */
  readonly joined?: boolean;
}

export interface Figure {
  /** Words for those who do not see the figure. */
  readonly description: string;
  readonly x: Axis;
  readonly y: Axis;
  readonly at: readonly number[];
  readonly lines: readonly Line[];
  /** Height in pixels, axes included (default: 260). */
  readonly height?: number;
  /** Two lines with the room between them filled: indices into `lines`. */
  readonly band?: readonly [number, number];
}

const HEIGHT = 260;
/** Pixels that the label of a tick takes. */
const LABEL = 24;
const dark = matchMedia('(prefers-color-scheme: dark)');

class LabPlot extends HTMLElement {
  private chart: uPlot | null = null;
  private content: Figure | null = null;
  /** Key of the look of the lines that are drawn. */
  private look = '';
  private readonly resizeObserver = new ResizeObserver(() => this.resize());
  private readonly onColorScheme = () => this.draw(true);

  connectedCallback(): void {
    this.setAttribute('role', 'img');
    this.resizeObserver.observe(this);
    dark.addEventListener('change', this.onColorScheme);
    this.draw(true);
  }

  disconnectedCallback(): void {
    this.resizeObserver.disconnect();
    dark.removeEventListener('change', this.onColorScheme);
    this.chart?.destroy();
    this.chart = null;
  }

  set figure(figure: Figure) {
    if (figure === this.content) return;
    this.content = figure;
    if (this.isConnected) this.draw(false);
  }

  private draw(anew: boolean): void {
    const figure = this.content;
    if (!figure) return;
    this.setAttribute('aria-label', figure.description);
    const data = [figure.at, ...figure.lines.map(({ values }) => values)] as unknown as uPlot.AlignedData;
    const { x, y, band, lines, height } = figure;
    const look = JSON.stringify([x, y, band, lines, height], (key, value: unknown) =>
      key === 'values' ? undefined : value,
    );
    if (!anew && this.chart && look === this.look) return this.chart.setData(data);
    this.look = look;
    this.chart?.destroy();
    this.chart = new uPlot(this.options(figure), data, this);
  }

  private resize(): void {
    const width = this.clientWidth;
    if (this.chart && width > 0 && width !== this.chart.width)
      this.chart.setSize({ width, height: this.chart.height });
  }

  private options({ x, y, lines, band, height = HEIGHT }: Figure): uPlot.Options {
    const style = getComputedStyle(this);
    const colorOf = (color: Line['color']) => {
      if (typeof color === 'string') return style.getPropertyValue(color).trim();
      return interpolateViridis(dark.matches ? 0.35 + 0.65 * color : 0.85 * color);
    };
    const font = `12px ${style.fontFamily}`;
    const axis = ({ label, scale: kind, ticks }: Axis): uPlot.Axis => ({
      label,
      labelSize: 22,
      labelFont: font,
      font,
      stroke: colorOf('--ink-soft'),
      grid: { stroke: colorOf('--grid'), width: 1 },
      ticks: { stroke: colorOf('--grid'), width: 1 },
      ...(kind === 'log' && {
        splits: (u, _, min, max) => (ticks ? spacedTicks(u, ticks) : roundNumbers(min, max)),
        filter: (_, splits) => splits,
      }),
      values: (_, splits) => splits.map(tickLabel),
    });
    return {
      width: Math.max(120, this.clientWidth),
      height,
      legend: { show: false },
      cursor: { show: false },
      scales: { x: { time: false, ...scale(x) }, y: scale(y) },
      axes: [
        { ...axis(x), size: 38 },
        { ...axis(y), size: 58 },
      ],
      series: [
        {},
        ...lines.map(
          ({ name, color, width = 1.5, dash, alpha = 1, points = false, joined = false }): uPlot.Series => ({
            label: name,
            stroke: colorOf(color),
            width,
            alpha,
            spanGaps: joined,
            points: { show: points, size: 7, fill: colorOf(color) },
            ...(dash && { dash: [...dash] }),
          }),
        ),
      ],
      ...(band && {
        bands: [{ series: [band[0] + 1, band[1] + 1], fill: colorOf('--band') }],
      }),
    };
  }
}

/** Scale with a little room around the data, of any number of points. */
const scale = ({ scale: kind }: Axis): uPlot.Scale =>
  kind === 'log'
    ? {
        distr: 3,
        range: (_, min, max) => (min > 0 && Number.isFinite(max) ? [min / 1.15, max * 1.15] : [0.1, 10]),
      }
    : { distr: 1 };

/** The values on the x axis that have room for their labels. */
function spacedTicks(plot: uPlot, values: readonly number[]): number[] {
  const labelled: number[] = [];
  for (const value of values) {
    const last = labelled.at(-1);
    const gap = last === undefined ? Infinity : plot.valToPos(value, 'x') - plot.valToPos(last, 'x');
    if (gap >= LABEL) labelled.push(value);
  }
  return labelled;
}

/** 1, 2 and 5 times powers of ten, of many decades the powers alone, and of very many some of these. */
function roundNumbers(min: number, max: number): number[] {
  const [from, to] = [Math.floor(Math.log10(min)), Math.ceil(Math.log10(max))];
  const decades = Math.log10(max / min);
  const every = Math.max(1, Math.ceil(decades / 6));
  const factors = decades <= 2 ? [1, 2, 5] : [1];
  const exponents = Array.from({ length: to - from + 1 }, (_, i) => from + i).filter((e) => e % every === 0);
  return exponents
    .flatMap((exponent) => factors.map((factor) => Number(`${factor}e${exponent}`)))
    .filter((value) => value >= min && value <= max);
}

function tickLabel(value: number): string {
  const size = Math.abs(value);
  return size !== 0 && (size < 1e-3 || size >= 1e4)
    ? value.toExponential(0).replace('e+', 'e')
    : String(Number(value.toPrecision(6)));
}

customElements.define('lab-plot', LabPlot);
