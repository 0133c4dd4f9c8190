/**
 * Checks of the saddles of low-rank approximation: an adapter aligned with singular directions that are not the
 * leading ones stays with them; disturbed, it leaves at the predicted rate and ends at the optimum.
 */
import { dense, type Dense } from '../../numbers/dense.js';
import { clock, type Adapter, type Coefficients } from '../../ensemble/adapter.js';
import type { Factors } from '../../problem/factors.js';
import { tableaus } from '../../method/tableaus.js';
import { frobeniusFromSpectrum, frobeniusLoss } from '../../problem/frobenius.js';
import { Draws, type Case } from '../cases.js';
import type { CaseSize } from '../sizes.js';
import {
  around,
  atMost,
  tightest,
  Worst,
  type Check,
  type CheckContext,
  type Curve,
  type Measurement,
} from '../check.js';
import { intoFlow, outOfFlow, stateOf, updateOf } from '../means/fields.js';
import { definitionOf } from '../losses.js';
import { flowBudget, relativeError, roundingName, unitRoundoff } from '../means/precision.js';
import { advanced, fixedSteps } from '../means/trajectories.js';

const counts: Record<CaseSize, number> = { small: 3, paper: 8, large: 12 };

/** A spectrum and the modes that columns of an adapter sit on: not the leading ones. */
interface Scene {
  readonly n: number;
  readonly m: number;
  /** [min(n, m)], about evenly spaced: saddles are left at rates of the size of the gaps. */
  readonly sigma: Float64Array;
  /** The mode of each column [r]. */
  readonly modes: readonly number[];
  readonly coefficients: Coefficients;
  readonly draws: Draws;
}

/** Normalized entries (x, y) of a column on its mode. */
type Entries = readonly [x: number, y: number];

function scenes({ seed, size }: CheckContext): Scene[] {
  return Array.from({ length: counts[size] }, (_, index) => drawScene(new Draws(seed, 'saddle', index)));
}

function drawScene(draws: Draws): Scene {
  const count = draws.integer(3, 5);
  const [taller, wider] = [draws.integer(0, 2), draws.integer(0, 2)];
  const sigma = Float64Array.from({ length: count }, (_, i) =>
    Math.fround((count - i + 0.2 * (draws.uniform() - 0.5)) / count),
  );
  return {
    n: count + taller,
    m: count + (taller > 0 ? 0 : wider),
    sigma,
    modes: otherModes(count, draws),
    coefficients: draws.coefficients(),
    draws,
  };
}

/** Some of `count` modes, but not all and not the leading ones, in any order. */
function otherModes(count: number, draws: Draws): number[] {
  const rank = draws.integer(1, count - 1);
  const shuffled = Array.from({ length: count }, (_, mode) => ({ mode, key: draws.uniform() }))
    .sort((a, b) => a.key - b.key)
    .map(({ mode }) => mode);
  const modes = shuffled.slice(0, rank);
  const last = shuffled[rank]!;
  return Math.max(...modes) < rank ? [...modes.slice(1), last] : modes;
}

/** An adapter with the given entries and, everywhere else, Gaussian noise. */
function adapterWith(
  { n, m, modes, coefficients, draws }: Scene,
  columns: readonly Entries[],
  noise: number,
): Adapter {
  const rank = modes.length;
  const { lrRatioA, lrRatioB } = coefficients;
  const c = clock(coefficients);
  const [loraB, loraA] = [draws.gaussian(n, rank, noise), draws.gaussian(rank, m, noise)];
  columns.forEach(([x, y], j) => {
    loraB.data[modes[j]! * rank + j] = Math.sqrt(lrRatioB / c) * x;
    loraA.data[j * m + modes[j]!] = Math.sqrt(lrRatioA / c) * y;
  });
  return { loraA, loraB };
}

/** diag(sigma) on the given modes, zero on others [n, m]. */
function errorOn({ n, m, sigma }: Scene, modes: readonly number[]): Dense {
  const out = dense(n, m);
  for (const mode of modes) out.data[mode * m + mode] = sigma[mode]!;
  return out;
}

function caseOf(scene: Scene, adapters: readonly Adapter[]): Case {
  const { n, m, sigma, modes, coefficients } = scene;
  return {
    name: `${n} x ${m} on singular directions ${modes.map((mode) => mode + 1).join(', ')}`,
    definition: definitionOf(frobeniusLoss, errorOn(scene, [...sigma.keys()])),
    base: dense(n, m),
    problem: frobeniusFromSpectrum(sigma, n, m),
    rank: modes.length,
    coefficients,
    adapters,
  };
}

const startsOf = ({ subject }: CheckContext, at: Case): Factors[] =>
  at.adapters.map((adapter) => intoFlow(subject, at, stateOf(adapter)));

/** Fastest growth at W0 per unit of time. */
const fastestGrowth = ({ problem, coefficients }: Case): number => problem.rate * clock(coefficients);

/**
 * Steps of 0.4 over the fastest growth at W0. They are stable, a point where the flow rests is one where its steps do,
 * and growth is followed to 0.4^4 / 120 at worst.
 */
const runTo = (at: Case, end: number) =>
  fixedSteps(tableaus.rk4, end, Math.ceil((end * fastestGrowth(at)) / 0.4));

/** Times the fastest growth: until a mode of a fifth of it has come within float32 of its end. */
const STAY = 80;

/** B0 = 0, and B0 small and aligned. */
function alignedCase(scene: Scene): Case {
  const start = (x: number) => scene.modes.map((): Entries => [x, 0.5 + 0.7 * scene.draws.uniform()]);
  return caseOf(scene, [adapterWith(scene, start(0), 0), adapterWith(scene, start(0.1), 0)]);
}

const alignedEnds = (context: CheckContext, at: Case) =>
  advanced(context, at, startsOf(context, at), runTo(at, STAY / fastestGrowth(at)));

const stays: Check = {
  id: 'saddles/stays',
  claim:
    'an adapter aligned with any singular directions ends at the truncation of E to these, with its loss',
  source: 'aligned initialization, Rushka & Klabjan 2026; other directions derived from the flow',
  on: 'backend',
  async measure(context) {
    const { subject, backend } = context;
    const all: Measurement[] = [];
    for (const scene of scenes(context)) {
      const at = alignedCase(scene);
      const allowed = flowBudget(backend, at);
      const expected = errorOn(scene, scene.modes);
      const loss = scene.sigma.reduce((sum, s, i) => sum + (scene.modes.includes(i) ? 0 : (s * s) / 2), 0);
      for (const { factors, last } of await alignedEnds(context, at)) {
        const update = updateOf(at, outOfFlow(subject, at, factors));
        all.push({ measured: relativeError([update], [expected.data]), allowed, where: at.name });
        all.push({ measured: Math.abs(last.loss / loss - 1), allowed, where: at.name });
      }
    }
    return tightest(all);
  },
};

/** Largest entry of normalized factors that is not that of a column on its mode. */
function largestElsewhere({ modes }: Scene, factors: Factors): number {
  const largest = ({ cols, data }: Dense) =>
    data.reduce(
      (most, value, i) => (modes[i % cols] === Math.floor(i / cols) ? most : Math.max(most, Math.abs(value))),
      0,
    );
  return Math.max(largest(factors.x), largest(factors.y));
}

const aligned: Check = {
  id: 'saddles/aligned',
  claim: 'an aligned adapter stays exactly zero in all other directions, however long',
  source: 'aligned initialization, Rushka & Klabjan 2026',
  on: 'backend',
  async measure(context) {
    const worst = new Worst();
    for (const scene of scenes(context)) {
      const at = alignedCase(scene);
      for (const { factors } of await alignedEnds(context, at))
        worst.add(largestElsewhere(scene, factors), at.name);
    }
    return { ...worst.result, allowed: atMost(0, 'products and sums of zeros are zeros in any precision') };
  },
};

/** Size of the noise beside the saddle. */
const NOISE = 1e-6;

/** How a saddle is left: the entry that grows fastest, and its rate per unit of time. */
interface Escape {
  readonly row: number;
  readonly column: number;
  readonly rate: number;
}

interface Disturbed {
  readonly at: Case;
  readonly escape: Escape;
}

/** A saddle, more or less balanced, with noise, and how it is going to be left. */
function disturb(context: CheckContext, scene: Scene): Disturbed {
  const columns = scene.modes.map((mode): Entries => {
    const ratio = 0.6 ** (2 * scene.draws.uniform() - 1);
    const root = Math.sqrt(scene.sigma[mode]!);
    return [root * ratio, root / ratio];
  });
  return {
    at: caseOf(scene, [adapterWith(scene, columns, NOISE)]),
    escape: escapeOf(context, scene, columns),
  };
}

function escapeOf(
  { subject }: CheckContext,
  { sigma, modes, coefficients }: Scene,
  columns: readonly Entries[],
): Escape {
  const c = clock(coefficients);
  const outside = [...sigma.keys()].filter((mode) => !modes.includes(mode));
  const escapes = outside.flatMap((row) =>
    columns.map(([x, y], column) => ({
      row,
      column,
      rate: subject.theory.saddleEscapeRate({
        outside: sigma[row]!,
        inside: sigma[modes[column]!]!,
        c,
        imbalance: (x * x - y * y) / c,
      }),
    })),
  );
  return escapes.reduce((first, way) => (way.rate > first.rate ? way : first));
}

/** Times, in units of 1 / rate, between which the growth is measured: after transients, while all is linear. */
const [FROM, TO] = [3, 8];
/** The same, of the last point of the curves. */
const SHOWN = 18;

/** The states of a disturbed saddle at 0, 1, 2, ... times 1 / rate. */
async function leaving(context: CheckContext, { at, escape }: Disturbed): Promise<Factors[]> {
  const leg = runTo(at, 1 / escape.rate);
  const states = startsOf(context, at);
  for (let k = 0; k < SHOWN; k++) {
    const [next] = await advanced(context, at, [states.at(-1)!], leg);
    states.push(next!.factors);
  }
  return states;
}

const entryOf = ({ row, column }: Escape, { x, y }: Factors): number => {
  const entry = ({ cols, data }: Dense) => data[row * cols + column]!;
  return Math.hypot(entry(x), entry(y));
};

const leaves: Check = {
  id: 'saddles/leaves',
  claim: 'a disturbed saddle is left at the rate sqrt(c^2 sigma_k^2 + d^2) - sqrt(c^2 sigma_j^2 + d^2)',
  source: 'derived from the flow',
  on: 'backend',
  async measure(context) {
    const worst = new Worst(1);
    const curves: Curve[] = [];
    for (const saddle of scenes(context).map((scene) => disturb(context, scene))) {
      const sizes = (await leaving(context, saddle)).map((factors) => entryOf(saddle.escape, factors));
      worst.add(Math.log(sizes[TO]! / sizes[FROM]!) / (TO - FROM), saddle.at.name);
      curves.push({
        name: saddle.at.name,
        points: sizes.map((size, k) => [k, size / sizes[FROM]!] as const),
      });
    }
    return {
      ...worst.result,
      allowed: around(
        1,
        1e-3 + 32 * unitRoundoff(context.backend),
        `second order in a distance below 1e-2, and roundings of ${roundingName(context.backend)} where the saddle is`,
      ),
      plot: {
        title: 'Leaving a saddle',
        xTitle: 'time x predicted rate',
        xScale: 'linear',
        yTitle: `the entry that grows fastest, over itself at ${FROM}`,
        curves: [...curves, { name: 'predicted', points: [0, SHOWN].map((k) => [k, Math.exp(k - FROM)]) }],
      },
    };
  },
};

/** Times the fastest growth: until all columns have left, one after another, for leading directions. */
const END = 600;

const leadsOut: Check = {
  id: 'saddles/ends',
  claim: 'a disturbed saddle is left for the optimum of Eckart, Young and Mirsky',
  source: 'end of the low-rank approximation, Rushka & Klabjan 2026',
  on: 'backend',
  async measure(context) {
    const worst = new Worst();
    for (const { at } of scenes(context).map((scene) => disturb(context, scene))) {
      const optimum = at.problem.optimum(at.rank)!;
      const [end] = await advanced(context, at, startsOf(context, at), runTo(at, END / fastestGrowth(at)));
      worst.add(Math.abs(end!.last.loss / optimum - 1), at.name);
    }
    const { backend } = context;
    return {
      ...worst.result,
      allowed: atMost(
        1e-6 + (64 * unitRoundoff(backend)) ** 2,
        `the rest of the last transient; the loss is of second order in roundings of ${roundingName(backend)}`,
      ),
    };
  },
};

export const saddleChecks: readonly Check[] = [stays, aligned, leaves, leadsOut];
