/**
 * Checks of the saddles of low-rank approximation: an adapter aligned with singular directions that are not the
 * leading ones stays with them; disturbed, it leaves at the predicted rate and ends at the optimum.
 */
import type { Dense } from '../../numbers/dense.js';
import { clock } from '../../flow/normalization.js';
import type { Factors } from '../../problem/factors.js';
import { tableaus } from '../../method/tableaus.js';
import type { Case } from '../cases.js';
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
import { flowBudget, relativeError, roundingName, unitRoundoff } from '../means/precision.js';
import { solveCase, fixedSteps } from '../means/trajectories.js';
import { adapterWith, caseOf, errorOn, scenes, type Entries, type Scene } from './saddles/scenes.js';

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
  solveCase(context, at, startsOf(context, at), runTo(at, STAY / fastestGrowth(at)));

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

/** Way out of a saddle: the entry that grows fastest, and its rate per unit of time. */
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
/** Time of the last point of the curves, in units of 1 / rate. */
const SHOWN = 18;

/** The states of a disturbed saddle at 0, 1, 2, ... times 1 / rate. */
async function leaving(context: CheckContext, { at, escape }: Disturbed): Promise<Factors[]> {
  const leg = runTo(at, 1 / escape.rate);
  const states = startsOf(context, at);
  for (let k = 0; k < SHOWN; k++) {
    const [next] = await solveCase(context, at, [states.at(-1)!], leg);
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
      const [end] = await solveCase(context, at, startsOf(context, at), runTo(at, END / fastestGrowth(at)));
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
