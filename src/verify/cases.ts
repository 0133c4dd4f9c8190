/**
 * Random problems to verify on: every loss, shapes n != m, ranks from 1 to min(n, m), scales and learning-rate ratios
 * that are not 1, several draws of the adapter. All of size about 1, so that relative and absolute errors agree.
 */
import { dense, type Dense } from '../numbers/dense.js';
import { multiplyTransposedRight } from '../numbers/products.js';
import type { Adapter } from '../ensemble/adapter.js';
import type { Coefficients } from '../flow/coefficients.js';
import { flow, type Decay, type Flow } from '../flow/flow.js';
import { motionOf, wordsOf } from '../flow/motion.js';
import { clock } from '../flow/normalization.js';
import { customProblem } from '../input/customLoss.js';
import { losses } from '../problem/losses.js';
import type { Problem } from '../problem/problem.js';
import { trace } from '../problem/traceSquared.js';
import { normals, uniforms, type StreamName } from '../numbers/philox.js';
import { definitionOf, pseudoHuberLoss, type LossDefinition } from './losses.js';
import type { CaseSize } from './sizes.js';

export interface Case {
  /** "frobenius 7 x 4, r = 3". */
  readonly name: string;
  readonly definition: LossDefinition;
  /** W0 [n, m]. */
  readonly base: Dense;
  readonly problem: Problem;
  readonly rank: number;
  readonly coefficients: Coefficients;
  /** How its factors move (default: the gradient flow). */
  readonly flow?: Flow;
  readonly adapters: readonly Adapter[];
}

/**
 * The time in which the largest rate of a case at W0 acts so many times over; at 2 a case has moved by its own size.
 */
export function timeOf({ problem, coefficients }: Case, times: number): number {
  if (!(problem.rate > 0)) throw new Error('the gradient of the loss is zero at W0: choose another base');
  return times / (clock(coefficients) * problem.rate);
}

/** Problems of each loss, their largest side, and adapters of each. */
export const plans: Record<
  CaseSize,
  { readonly perLoss: number; readonly largest: number; readonly draws: number }
> = {
  small: { perLoss: 3, largest: 8, draws: 2 },
  paper: { perLoss: 6, largest: 16, draws: 3 },
  large: { perLoss: 10, largest: 32, draws: 4 },
};

/** Purposes that random numbers are drawn for: no two share any. */
const purposes = [
  'case',
  'wide case',
  'direction',
  'rotation',
  'saddle',
  'probe',
  'riccati',
  'trace',
  'gap',
  'law',
  'aligned',
  'aligned saddle',
  'balanced',
  'slow',
  'generic',
  'regression',
  'reproduction',
  'flow',
  'noise',
] as const;

/** Random numbers of one purpose and index. Entries are float32 numbers: device and host see the same. */
export class Draws {
  private trial = 0;
  private readonly stream: number;

  constructor(
    private readonly seed: number,
    purpose: (typeof purposes)[number],
    index: number,
  ) {
    this.stream = purposes.indexOf(purpose) * 2 ** 16 + index;
  }

  private key() {
    return { seed: this.seed, rank: this.stream, trial: this.trial++ };
  }

  uniform(): number {
    return uniforms(1, this.key(), 'mixing')[0]!;
  }

  integer(from: number, to: number): number {
    return from + Math.floor(this.uniform() * (to - from + 1));
  }

  /** Log-uniform in [0.4, 2.5]. */
  ratio(): number {
    return Math.exp((2 * this.uniform() - 1) * Math.log(2.5));
  }

  /** Entries N(0, std^2), [rows, cols]. */
  gaussian(rows: number, cols: number, std: number, stream: StreamName = 'loraA'): Dense {
    const entries = normals(rows * cols, this.key(), stream);
    return dense(
      rows,
      cols,
      entries.map((value) => Math.fround(std * value)),
    );
  }

  coefficients(): Coefficients {
    return { scale: this.ratio(), lrRatioA: this.ratio(), lrRatioB: this.ratio() };
  }

  /** B [n, r] and A [r, m] of spectral norm about 1/2 and 1. */
  adapter(n: number, m: number, r: number): Adapter {
    return {
      loraA: this.gaussian(r, m, 1 / (Math.sqrt(m) + Math.sqrt(r)), 'loraA'),
      loraB: this.gaussian(n, r, 0.5 / (Math.sqrt(n) + Math.sqrt(r)), 'loraB'),
    };
  }

  /** A matrix [n, m] of spectral norm about 1. */
  matrix(n: number, m: number): Dense {
    return this.gaussian(n, m, 1 / (Math.sqrt(n) + Math.sqrt(m)));
  }

  /** A well-conditioned covariance [m, m]. */
  covariance(m: number): Dense {
    const root = this.gaussian(m, m, 1 / Math.sqrt(m));
    const h = multiplyTransposedRight(root, root).data.map((value, at) =>
      Math.fround(0.5 * value + (at % (m + 1) === 0 ? 0.5 : 0)),
    );
    return dense(m, m, h);
  }
}

/** The matrix [n, n] with its diagonal shifted to that trace: a trace near zero would be all rounding. */
export function withTrace(newTrace: number, w: Dense): Dense {
  const shift = (newTrace - trace(w)) / w.rows;
  const entries = w.data.map((value, i) => (i % (w.cols + 1) === 0 ? Math.fround(value + shift) : value));
  return dense(w.rows, w.cols, entries);
}

/** A kind of random problem: an example of a built-in loss, or a custom one. */
interface CaseMaker {
  readonly name: string;
  readonly square: boolean;
  make(base: Dense, draws: Draws): { readonly problem: Problem; readonly definition: LossDefinition };
}

const builtIn: readonly CaseMaker[] = losses.flatMap((loss) =>
  loss.examples.map(({ name, make }) => ({
    name,
    square: loss.square,
    make(base, draws) {
      const { problem, matrices } = make(base, draws);
      return { problem, definition: definitionOf(loss, ...matrices) };
    },
  })),
);

const pseudoHuber: CaseMaker = {
  name: 'pseudo-Huber (autodiff)',
  square: false,
  make(base, draws) {
    const definition = pseudoHuberLoss(draws.matrix(base.rows, base.cols));
    return { problem: customProblem('pseudo-Huber', base, definition.tensor), definition };
  },
};

/** Rank of the i-th case of a loss: the ends of the range first. */
export const rankOf = (i: number, most: number, draws: Draws): number =>
  i === 0 ? most : i === 1 ? 1 : draws.integer(1, most);

/** The random cases of every loss. */
export function randomCases(seed: number, size: CaseSize): Case[] {
  const { perLoss, largest, draws: count } = plans[size];
  const cases: Case[] = [];
  for (const { name, square, make } of [...builtIn, pseudoHuber])
    for (let i = 0; i < perLoss; i++) {
      const draws = new Draws(seed, 'case', cases.length);
      const n = draws.integer(3, largest);
      const other = draws.integer(2, largest - 1);
      const m = square ? n : other >= n ? other + 1 : other;
      const base = square ? withTrace(2, draws.matrix(n, m)) : draws.matrix(n, m);
      const { problem, definition } = make(base, draws);
      const rank = rankOf(i, Math.min(n, m), draws);
      cases.push(drawCase(name, problem, definition, base, rank, draws, count));
    }
  return cases;
}

/** One case of every hand-derived flow, wide enough for what backends do differently with large matrices. */
export function wideCases(seed: number): Case[] {
  const [n, m, rank] = [96, 80, 48];
  return builtIn.map(({ name, square, make }, index) => {
    const draws = new Draws(seed, 'wide case', index);
    const base = square ? withTrace(2, draws.matrix(n, n)) : draws.matrix(n, m);
    const { problem, definition } = make(base, draws);
    return drawCase(name, problem, definition, base, rank, draws, 2);
  });
}

/** A case's loss, the structure that its flow is computed from, and how its factors move, in words. */
export const kindOf = ({ problem: { loss, structure }, coefficients, flow: moved }: Case): string =>
  `${loss.name}, ${structure.kind}, ${wordsOf(motionOf(coefficients, moved))}`;

/** The first cases of every kind. */
export const firstOfEach = (cases: readonly Case[], count = 1): Case[] =>
  cases.filter((at, i) => cases.slice(0, i).filter((other) => kindOf(other) === kindOf(at)).length < count);

/** The cases under weight decay of either kind, and, with both, with each factor frozen. */
export const decayingAndFrozen = (cases: readonly Case[]): Case[] =>
  cases.flatMap((at) => {
    const decaying = (name: string, decay: Decay, frozen: Partial<Coefficients> = {}): Case => ({
      ...at,
      name: `${name}, ${at.name}`,
      coefficients: { ...at.coefficients, ...frozen },
      flow: flow('gradient', decay),
    });
    const both = { decay: 0.2, coupledDecay: 0.15 };
    return [
      decaying('decoupled decay', { decay: 0.3 }),
      decaying('coupled decay', { coupledDecay: 0.3 }),
      decaying('frozen A and both decays', both, { lrRatioA: 0 }),
      decaying('frozen B and both decays', both, { lrRatioB: 0 }),
    ];
  });

/** Cases of one given problem, over its ranks. */
export function casesOf(
  name: string,
  problem: Problem,
  definition: LossDefinition,
  base: Dense,
  seed: number,
  size: CaseSize,
): Case[] {
  const { perLoss, draws: count } = plans[size];
  const most = Math.min(problem.n, problem.m);
  return Array.from({ length: Math.min(perLoss, most) }, (_, i) => {
    const draws = new Draws(seed, 'case', i);
    return drawCase(name, problem, definition, base, rankOf(i, most, draws), draws, count);
  });
}

function drawCase(
  loss: string,
  problem: Problem,
  definition: LossDefinition,
  base: Dense,
  rank: number,
  draws: Draws,
  count: number,
): Case {
  const { n, m } = problem;
  return {
    name: `${loss} ${n} x ${m}, r = ${rank}`,
    definition,
    base,
    problem,
    rank,
    coefficients: draws.coefficients(),
    adapters: Array.from({ length: count }, () => draws.adapter(n, m, rank)),
  };
}
