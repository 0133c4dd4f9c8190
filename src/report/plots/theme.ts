/**
 * The common look of all plots: colours that stay apart for colour-blind readers (Okabe and Ito 2008 for
 * kinds, viridis for ordered values), font sizes, and the shape of a figure before it is drawn.
 */
import { scheme } from 'vega';
import type { Config, TopLevelSpec } from 'vega-lite';
import type { Outcome } from '../../method/outcome.js';

/** A plot with the words that belong to it; `spec` holds its own data and needs nothing from outside. */
export interface Figure {
  /** Short and file-name safe: "accuracy". */
  readonly id: string;
  readonly heading: string;
  /** One or two sentences on how to read the plot. */
  readonly caption: string;
  /** The command that makes it anew, where it is not that of the whole page. */
  readonly command?: string;
  readonly spec: TopLevelSpec;
}

export const ink = '#222222';
export const fullFineTuningColor = '#8a8a8a';
export const optimumColor = '#b8b8b8';
export const dashed = [6, 4];
export const solid = [1, 0];
export const dotted = [2, 3];

export const outcomeColors: Readonly<Record<Outcome, string>> = {
  stationary: '#0072B2',
  'end-time': '#E69F00',
  diverged: '#D55E00',
  'step-too-small': '#CC79A7',
  'step-budget': '#666666',
  'loss-not-finite': '#009E73',
};

const kindColors = ['#0072B2', '#D55E00', '#009E73', '#CC79A7', '#E69F00', '#56B4E9'];

/** `count` colours along viridis without its palest end, for ranks and indices. */
export function orderedColors(count: number): string[] {
  const viridis = scheme('viridis') as (fraction: number) => string;
  return Array.from({ length: count }, (_, index) => viridis((0.88 * index) / Math.max(1, count - 1)));
}

/** `count` colours for unordered series. */
export function seriesColors(count: number): string[] {
  return count <= kindColors.length ? kindColors.slice(0, count) : orderedColors(count);
}

export const fontFamily = 'DejaVu Sans, sans-serif';

export const config: Config = {
  aria: false,
  background: 'transparent',
  font: fontFamily,
  padding: 4,
  view: { stroke: null },
  title: { anchor: 'start', fontSize: 17, subtitleFontSize: 13, subtitleColor: '#555555', offset: 14 },
  header: { title: null, labelFontSize: 14, labelFontWeight: 'bold', labelLimit: 0, labelPadding: 8 },
  axis: {
    labelFontSize: 13,
    titleFontSize: 14,
    titleFontWeight: 'normal',
    titlePadding: 10,
    titleLimit: 0,
    labelColor: ink,
    labelFlush: false,
    titleColor: ink,
    gridColor: '#e6e6e6',
    domainColor: '#777777',
    tickColor: '#777777',
  },
  legend: {
    labelFontSize: 13,
    titleFontSize: 13,
    labelLimit: 0,
    titleLimit: 0,
    symbolLimit: 0,
    symbolStrokeWidth: 2,
    symbolSize: 110,
    rowPadding: 5,
  },
};
