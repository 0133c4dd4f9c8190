/** A member of an ensemble: one trajectory before it is computed, of one rank, draw and scale. */
import { InputError } from '../host/inputError.js';
import type { Dense } from '../numbers/dense.js';
import { intoFrame, type Factors } from '../problem/factors.js';
import { gradientFlow, type Flow } from '../flow/flow.js';
import { motionOf, type Motion } from '../flow/motion.js';
import type { Setting } from '../problem/loss.js';
import type { Problem } from '../problem/problem.js';
import { toFactors, type Adapter } from './adapter.js';
import type { Coefficients } from '../flow/coefficients.js';
import { normalizationOf } from '../flow/normalization.js';
import { memoized } from '../numbers/memoized.js';
import type { Drawn, DrawnLaw } from './drawn.js';
import type { Initialization } from './initialization.js';

export interface Member {
  readonly rank: number;
  /** Number of its draw, from 0. */
  readonly trial: number;
  /** Number of the draw of the target that it moves towards, from 0. */
  readonly draw: number;
  readonly coefficients: Coefficients;
  /** How its factors move. */
  readonly flow: Flow;
  /** Initial factors, as its flow has them, in the problem's coordinates; called when its batch starts. */
  initial(): Factors;
  /** The initial factors as a draw of normal numbers, made where they are computed; null where they are another. */
  readonly drawn: Drawn | null;
}

/** The law of members that differ in their draws alone. */
export interface MemberLaw {
  readonly problem: Problem;
  readonly rank: number;
  readonly initialization: Initialization;
  readonly coefficients: Coefficients;
  /** Default: the gradient flow. */
  readonly flow?: Flow;
  /** Number of the draw of the target, from 0 (default: 0): starts of different draws are independent. */
  readonly draw?: number;
}

/** How the factors of a law move. */
export const motionUnder = ({ coefficients, flow }: MemberLaw): Motion => motionOf(coefficients, flow);

/** What the end of a law depends on beside its problem. */
export const settingOf = (law: MemberLaw): Setting => ({
  rank: law.rank,
  draw: law.initialization.law,
  spans: law.initialization.spans(law.rank),
  motion: motionUnder(law),
});

/** The law of the draws of all its members, one object: null where its starts are no normal numbers. */
const drawnLawOf = memoized(({ rank, initialization, coefficients, flow }: MemberLaw): DrawnLaw | null => {
  const entries = initialization.normal(rank);
  if (!entries) return null;
  const { x, y } = normalizationOf(coefficients, flow);
  return { entries, x, y };
});

/** The member of a draw, which depends on (seed, rank, trial), and the draw of the target, alone. */
export function member(law: MemberLaw, trial: number, seed: number): Member {
  const { problem, rank, coefficients, initialization, flow = gradientFlow, draw = 0 } = law;
  const key = { seed, rank, trial, draw };
  const drawn = drawnLawOf(law);
  return {
    rank,
    trial,
    draw,
    coefficients,
    flow,
    drawn: drawn && { key, law: drawn },
    initial() {
      const adapter = initialization.draw({
        n: problem.n,
        m: problem.m,
        lrRatioA: coefficients.lrRatioA,
        lrRatioB: coefficients.lrRatioB,
        key,
        spectralDirections: problem.spectralDirections,
        descentTriples: (count) => problem.descentTriples(count),
      });
      assertAdapter(initialization.name, adapter, problem, rank);
      const factors = toFactors(adapter, coefficients, flow);
      return initialization.coordinates === 'original' ? intoFrame(factors, problem.frame) : factors;
    },
  };
}

/** @throws InputError if an adapter has not the shapes of its rank on a problem */
function assertAdapter(name: string, adapter: Partial<Adapter>, { n, m }: Problem, rank: number): void {
  const wordsOf = (a: Dense | undefined) => (a ? `[${a.rows}, ${a.cols}]` : 'nothing');
  const drawn = `loraA ${wordsOf(adapter.loraA)}, loraB ${wordsOf(adapter.loraB)}`;
  const allowed = `loraA [${rank}, ${m}], loraB [${n}, ${rank}]`;
  if (drawn !== allowed) throw new InputError(`initialization ${name}`, drawn, allowed);
}

/** The members of draws `from`, ..., `to` - 1. */
export const membersOf = (law: MemberLaw, from: number, to: number, seed: number): Member[] =>
  Array.from({ length: to - from }, (_, i) => member(law, from + i, seed));

/** A member that starts at factors, as a flow has them (default: the gradient flow), in the problem's coordinates. */
export const memberAt = (
  start: Factors,
  coefficients: Coefficients,
  trial = 0,
  flow = gradientFlow,
): Member => ({
  rank: start.x.cols,
  trial,
  draw: 0,
  coefficients,
  flow,
  drawn: null,
  initial: () => start,
});
