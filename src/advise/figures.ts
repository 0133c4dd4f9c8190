/** Figures of advice: the rank of each weight by layer and kind, and the error against the budget. */
import { chartFigure, type ChartCurve } from '../report/plots/chart.js';
import { plotTitle } from '../report/plots/layout.js';
import type { Figure } from '../report/plots/theme.js';
import { allocate, uniformRanks } from './allocate.js';
import { allocationOf, type Advice, type BudgetAdvice } from './advise.js';
import { ruleAllocation, ruleNames } from './report.js';

/** Layer of a weight, the first number in its name, and its kind, the name without it. */
function placeOf(name: string): { readonly layer: string; readonly kind: string } {
  const parts = name.replace(/\.weight$/, '').split('.');
  const at = parts.findIndex((part) => /^\d+$/.test(part));
  if (at < 0) return { layer: 'none', kind: parts.join('.') };
  return { layer: parts[at]!, kind: [...parts.slice(0, at), '*', ...parts.slice(at + 1)].join('.') };
}

/** Longest text that all kinds begin with, up to the layer. */
function commonStart(kinds: readonly string[]): string {
  const starts = new Set(kinds.map((kind) => /^.*?\*\./.exec(kind)?.[0] ?? ''));
  return starts.size === 1 ? [...starts][0]! : '';
}

/** Ranks of a budget over layers and kinds of weights. */
function rankMap({ weights }: Advice, { budget, ranks }: BudgetAdvice): Figure {
  const places = weights.map(({ name }) => placeOf(name));
  const start = commonStart(places.map(({ kind }) => kind));
  const values = places.map(({ layer, kind }, i) => ({
    layer,
    kind: kind.slice(start.length),
    rank: ranks[i]!,
  }));
  const distinct = (of: (value: (typeof values)[number]) => string) => [...new Set(values.map(of))];
  const number = (layer: string) => (layer === 'none' ? -1 : Number(layer));
  const layers = distinct(({ layer }) => layer).sort((a, b) => number(a) - number(b));
  const kinds = distinct(({ kind }) => kind);
  const axis = { domain: false, ticks: false, labelPadding: 8, grid: false };
  return {
    id: `ranks-${budget.folder}`,
    heading: `Ranks within ${budget.text}`,
    caption: `Rank of each weight, by layer and kind. Gaps are weights that did not change, or are not there.`,
    spec: {
      title: plotTitle(`Ranks within ${budget.text}`, start && `weights of ${start.slice(0, -1)}`, 80),
      width: Math.min(720, Math.max(120, 60 * kinds.length)),
      height: Math.min(900, Math.max(40, 22 * layers.length)),
      data: { values },
      mark: { type: 'rect' },
      encoding: {
        x: {
          ...{ field: 'kind', type: 'nominal', scale: { domain: kinds } },
          axis: { ...axis, title: null, labelAngle: -40 },
        },
        y: {
          ...{ field: 'layer', type: 'ordinal', scale: { domain: layers } },
          axis: { ...axis, title: 'layer' },
        },
        color: {
          ...{ field: 'rank', type: 'quantitative' },
          scale: { scheme: 'viridis', domain: [0, Math.max(1, ...ranks)] },
          legend: { title: 'rank r', gradientLength: 120, tickMinStep: 1, format: 'd' },
        },
      },
    },
  };
}

/** Budgets along the curve, in equal ratios. */
const POINTS = 48;

function errorChart({ weights, ...advice }: Advice): Figure {
  const least = Math.min(...weights.map(({ rows, cols }) => rows + cols));
  const most = weights.reduce((sum, { rows, cols, worth }) => sum + worth * (rows + cols), 0);
  const point = (ranks: readonly number[]) => {
    const { parameters: x, error: y } = allocationOf(weights, ranks);
    return { x, y };
  };
  const along = Array.from({ length: POINTS }, (_, i) => least * (most / least) ** (i / (POINTS - 1)));
  const longest = Math.max(...weights.map(({ sigma }) => sigma.length));
  const powers = Array.from({ length: Math.floor(Math.log2(longest)) + 1 }, (_, i) => 2 ** i);
  const rules = ruleNames
    .map((rule) => ruleAllocation({ weights, ...advice }, rule))
    .filter(({ cut, parameters }) => cut === 0 && parameters > 0);
  const curves: ChartCurve[] = [
    {
      name: 'by gain over all weights',
      kind: 'law',
      points:
        most < least ? [] : along.map((budget) => point(allocate(weights, budget))).filter(({ x }) => x > 0),
    },
    {
      name: 'uniform ranks 1, 2, 4, ...',
      kind: 'simulated',
      points: powers.map((rank) => point(uniformRanks(weights, rank))),
    },
    ...rules.map(({ rule, ranks }): ChartCurve => ({
      name: `rule by ${rule}`,
      kind: 'simulated',
      points: [point(ranks)],
    })),
  ];
  return chartFigure(
    {
      title: 'Error against parameters',
      setting: `${weights.length} weights together`,
      x: { name: 'parameters', title: 'parameters of the adapter', scale: 'log' },
      y: { name: 'error', title: 'relative Frobenius error', scale: 'linear' },
      curves,
    },
    {
      id: 'error',
      heading: 'Error against parameters',
      caption:
        'What an adapter of so many parameters leaves of all that training changed of these weights. It is not the error of the task.',
    },
  );
}

/** Every figure, in the order in which they are read. */
export const adviceFigures = (advice: Advice): Figure[] => [
  ...advice.budgets.filter(({ parameters }) => parameters > 0).map((each) => rankMap(advice, each)),
  errorChart(advice),
];
