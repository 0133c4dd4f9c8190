/** What figures of advice show, as data: the places of weights, and the error of ranks against what they cost. */
import { allocate, uniformRanks } from './allocate.js';
import { allocationOf, type Advice, type Allocation } from './advise.js';
import { ruleAllocation, ruleNames } from './report.js';

export interface Places {
  /** What the kinds of all layers began with, and was taken off them; may be empty. */
  readonly start: string;
  /** Layers in order; `none` for weights of none comes first. */
  readonly layers: readonly string[];
  readonly kinds: readonly string[];
  /** Of each weight. */
  readonly places: readonly Place[];
}

/** Layer of a weight, the first number in its name, and its kind, the name without it. */
export interface Place {
  readonly layer: string;
  readonly kind: string;
}

/** Ranks of weights, what they cost and leave, along one way to choose them. */
export interface ErrorCurve {
  readonly name: string;
  readonly role: 'advised' | 'uniform' | 'rule';
  readonly points: readonly Pick<Allocation, 'parameters' | 'error'>[];
}

function placeOf(name: string): Place {
  const parts = name.replace(/\.weight$/, '').split('.');
  const at = parts.findIndex((part) => /^\d+$/.test(part));
  if (at < 0) return { layer: 'none', kind: parts.join('.') };
  return { layer: parts[at]!, kind: [...parts.slice(0, at), '*', ...parts.slice(at + 1)].join('.') };
}

/** Longest text that the kinds of all layers begin with, up to the layer. */
function commonStart(kinds: readonly string[]): string {
  const starts = new Set(kinds.flatMap((kind) => /^.*?\*\./.exec(kind)?.[0] ?? []));
  return starts.size === 1 ? [...starts][0]! : '';
}

/** Where weights stand in a network, by their names. */
export function placesOf(weights: readonly { readonly name: string }[]): Places {
  const whole = weights.map(({ name }) => placeOf(name));
  const start = commonStart(whole.map(({ kind }) => kind));
  const places = whole.map(({ layer, kind }) => ({
    layer,
    kind: kind.startsWith(start) ? kind.slice(start.length) : kind,
  }));
  const distinct = (of: (place: Place) => string) => [...new Set(places.map(of))];
  const number = (layer: string) => (layer === 'none' ? -1 : Number(layer));
  return {
    start,
    layers: distinct(({ layer }) => layer).sort((a, b) => number(a) - number(b)),
    kinds: distinct(({ kind }) => kind),
    places,
  };
}

/** Budgets along the curve, in equal ratios. */
const POINTS = 48;

/** The error of the ranks of budgets, of uniform ranks, and of the rules whose ranks are known. */
export function errorCurves(advice: Advice): ErrorCurve[] {
  const { weights } = advice;
  const least = Math.min(...weights.map(({ rows, cols }) => rows + cols));
  const most = weights.reduce((sum, { rows, cols, worth }) => sum + worth * (rows + cols), 0);
  const along = Array.from({ length: POINTS }, (_, i) => least * (most / least) ** (i / (POINTS - 1)));
  const longest = Math.max(...weights.map(({ sigma }) => sigma.length));
  const powers = Array.from({ length: Math.floor(Math.log2(longest)) + 1 }, (_, i) => 2 ** i);
  const rules = ruleNames
    .map((rule) => ruleAllocation(advice, rule))
    .filter(({ cut, parameters }) => cut === 0 && parameters > 0);
  return [
    {
      name: 'by gain over all weights',
      role: 'advised',
      points:
        most < least
          ? []
          : along
              .map((budget) => allocationOf(weights, allocate(weights, budget)))
              .filter(({ parameters }) => parameters > 0),
    },
    {
      name: 'uniform ranks 1, 2, 4, ...',
      role: 'uniform',
      points: powers.map((rank) => allocationOf(weights, uniformRanks(weights, rank))),
    },
    ...rules.map((found): ErrorCurve => ({ name: `rule by ${found.rule}`, role: 'rule', points: [found] })),
  ];
}
