/** Ensembles: a problem, and the members whose trajectories are computed together, of many ranks and draws. */
import { InputError } from '../host/inputError.js';
import { gradientFlow, type Flow } from '../flow/flow.js';
import { MOST_DRAWS } from '../numbers/philox.js';
import type { Problem } from '../problem/problem.js';
import { initialization as initializationOf, type Initialization } from './initialization.js';
import { checkFlowStart } from './flowStart.js';
import { membersOf, type Member } from './member.js';
import { scaleOf, scalings, type Scaling } from './scaling.js';

export interface Ensemble<M extends Member = Member> {
  readonly problem: Problem;
  readonly members: readonly M[];
  /** Seed of the draws, if all members are drawn from one. */
  readonly seed?: number;
}

export interface EnsembleOptions {
  readonly problem: Problem;
  /** Ranks r of the adapters, from 1 to min(n, m). */
  readonly ranks: readonly number[];
  /** How adapters start, or `NAME` or `NAME:PARAMETER` (default: 'kaiming'). */
  readonly initialization?: Initialization | string;
  /** How the scale s depends on alpha and the rank (default: 'none', s = alpha). */
  readonly scaling?: Scaling;
  /** Default: 1. */
  readonly alpha?: number;
  /** Learning-rate ratios kA of A and kB of B (default: 1); 0 freezes a factor, of which one must move. */
  readonly lrRatioA?: number;
  readonly lrRatioB?: number;
  /** How factors move (default: the gradient flow). */
  readonly flow?: Flow;
  /** Draws of each rank (default: 1). */
  readonly trials?: number;
  /** Seed of the draws (default: 0). */
  readonly seed?: number;
  /** Number of the draw of the target (default: 0): starts of different draws are independent. */
  readonly draw?: number;
}

/**
 * The ensemble of all trials of all ranks, rank by rank. A deterministic initialization has one trial.
 * @throws InputError if a rank, a coefficient or a number of trials is out of range, there is no such initialization, or
 *   the flow cannot start so
 */
export function ensemble(options: EnsembleOptions): Ensemble {
  const { problem, ranks, initialization = 'kaiming', scaling = 'none', alpha = 1 } = options;
  const { lrRatioA = 1, lrRatioB = 1, flow = gradientFlow, trials = 1, seed = 0, draw = 0 } = options;
  const start = typeof initialization === 'string' ? initializationOf(initialization) : initialization;
  if (!(alpha > 0 && alpha < Infinity)) throw new InputError('alpha', alpha, 'a finite number above 0');
  for (const [name, value] of Object.entries({ lrRatioA, lrRatioB }))
    if (!(value >= 0 && value < Infinity)) throw new InputError(name, value, 'a finite number from 0 on');
  if (ranks.length === 0) throw new InputError('ranks', ranks, 'a list that is not empty');
  if (!scalings.includes(scaling)) throw new InputError('scaling', scaling, `one of ${scalings.join(', ')}`);
  if (!(Number.isSafeInteger(seed) && seed >= 0))
    throw new InputError('seed', seed, 'a whole number from 0 on');
  if (!(Number.isInteger(draw) && draw >= 0 && draw < MOST_DRAWS))
    throw new InputError('draw', draw, `a whole number from 0 to ${MOST_DRAWS - 1}`);
  if (!(Number.isInteger(trials) && trials >= 1)) throw new InputError('trials', trials, 'at least 1');
  const most = Math.min(problem.n, problem.m);
  const draws = start.deterministic ? 1 : trials;
  const members = ranks.flatMap((rank) => {
    if (!(Number.isInteger(rank) && rank >= 1 && rank <= most))
      throw new InputError('rank', rank, `a whole number from 1 to min(n, m) = ${most}`);
    start.checkRank(rank);
    const coefficients = { scale: scaleOf(scaling, alpha, rank), lrRatioA, lrRatioB };
    const law = { problem, rank, initialization: start, coefficients, flow, draw };
    checkFlowStart(law);
    return membersOf(law, 0, draws, seed);
  });
  return { problem, members, seed };
}
