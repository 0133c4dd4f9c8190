/**
 * What may be observed of a trajectory beside its loss, in float64 on the host: how many directions the update has, how
 * they lie to those of its target, how sharp the loss is there, and how many directions of W are new. Each costs
 * something, and is asked for by name.
 */
import type { Motion } from '../flow/motion.js';
import { InputError } from '../host/inputError.js';
import { isHostStructure } from '../../kernels/cpu/evaluate.js';
import { leadingColumns, type Dense } from '../numbers/dense.js';
import { largestPrincipalAngle } from '../numbers/principalAngle.js';
import { multiply, multiplyTransposedLeft } from '../numbers/products.js';
import { effectiveRank, stableRank } from '../numbers/spectralRanks.js';
import { leadingOf, type Triples } from '../numbers/triples.js';
import { truncatedSvd } from '../numbers/truncatedSvd.js';
import { updateSingularValues } from '../numbers/updateSingularValues.js';
import type { Factors } from '../problem/factors.js';
import type { Problem } from '../problem/problem.js';
import { unitColumns } from '../problem/spectralDirections.js';
import { intruderBase, intrudersIn, type IntruderBase } from './observables/intruders.js';
import { sharpnessOf } from './observables/sharpness.js';

/** Every observable by the name that a config has for it, and what it costs. */
export const aboutObservables = {
  ranks: 'stable and effective rank of s B A: O((n + m) r^2)',
  angles:
    'largest principal angles of col(B) and row(A) with the r leading directions of M - W0: O((n + m) r^2)',
  sharpness:
    'largest Hessian eigenvalue in (B, A) and the largest stable step of gradient descent, 2 over it: some hundred evaluations of the loss',
  intruders: 'intruder dimensions of W against W0 (PEFT: top 10, cosines below 0.5): a decomposition of W',
} as const;

export type ObservableName = keyof typeof aboutObservables;
export const observableNames = Object.keys(aboutObservables) as ObservableName[];

/** Observables of a state; null where one is not asked for, or has no value there. */
export interface Observables {
  /** |D|_F^2 / |D|_2^2 of D = s B A; null of a zero one, as the following. */
  readonly stableRank: number | null;
  /** exp of the entropy of the singular values of s B A as shares of their sum. */
  readonly effectiveRank: number | null;
  /** Largest principal angle between col(B) and the r leading left singular vectors of M - W0, in radians. */
  readonly angleLeft: number | null;
  /** Largest principal angle between row(A) and the r leading right singular vectors of M - W0, in radians. */
  readonly angleRight: number | null;
  /** Largest eigenvalue of the Hessian of f in (B, A), in the metric of the learning-rate ratios, per unit of time. */
  readonly sharpness: number | null;
  /** 2 / sharpness: gradient descent with a larger step leaves the state along an eigenvector of it. */
  readonly largestStep: number | null;
  readonly intruders: number | null;
}

export const unobserved: Observables = {
  ...{ stableRank: null, effectiveRank: null, angleLeft: null, angleRight: null },
  ...{ sharpness: null, largestStep: null, intruders: null },
};

/** What the observables of a problem's trajectories are taken from: plain data, which goes to other threads. */
export interface ObserveTask {
  readonly names: readonly ObservableName[];
  /** Leading triples of M - W0, in the problem's coordinates, as many as the largest rank; null if not asked for. */
  readonly directions: Triples | null;
  /** Null if not asked for. */
  readonly intruders: IntruderBase | null;
}

/** W0 [n, m], and what is frozen in its place. */
export interface Bases {
  readonly original: Dense;
  readonly frozen: Dense;
}

/** @throws InputError if an observable is asked for that the problem does not have */
export function checkObservables(
  { structure, loss }: Problem,
  names: readonly ObservableName[],
  bases: Bases | null,
): void {
  const refused: Partial<Record<ObservableName, string | false>> = {
    sharpness:
      !isHostStructure(structure) &&
      `used with a built-in loss: second derivatives of ${loss.name} are not taken`,
    angles:
      !('error' in structure || structure.kind === 'diagonal') &&
      `used with a loss that has a target: ${loss.name} has no leading directions`,
    intruders: !bases && 'used with a base matrix W0 (base), against which they are counted',
  };
  for (const name of names) if (refused[name]) throw new InputError('observe', name, refused[name]);
}

/**
 * What observing a problem's trajectories takes, up to a rank; null if nothing is asked for.
 * @throws InputError if an observable is asked for that the problem does not have
 */
export function observeTask(
  problem: Problem,
  names: readonly ObservableName[],
  rank: number,
  bases: Bases | null,
): ObserveTask | null {
  if (names.length === 0) return null;
  checkObservables(problem, names, bases);
  const { frame } = problem;
  const into = (w: Dense) => (frame ? multiply(multiplyTransposedLeft(frame.left, w), frame.right) : w);
  return {
    names,
    directions: names.includes('angles') ? errorTriples(problem, rank) : null,
    intruders:
      names.includes('intruders') && bases ? intruderBase(into(bases.original), into(bases.frozen)) : null,
  };
}

const found = new WeakMap<object, Triples>();

/** The leading triples of M - W0 in the problem's coordinates; null if the loss has no target. */
function errorTriples({ structure, n, m }: Problem, count: number): Triples | null {
  switch (structure.kind) {
    case 'diagonal':
      return {
        left: unitColumns(n, count),
        sigma: structure.sigma.slice(0, count),
        right: unitColumns(m, count),
      };
    case 'quadratic':
    case 'kronecker': {
      const known = found.get(structure.error);
      const triples = known && known.sigma.length >= count ? known : truncatedSvd(structure.error, count);
      found.set(structure.error, triples);
      return leadingOf(triples, count);
    }
    case 'samples':
    case 'expansion':
    case 'trace':
    case 'autodiff':
      return null;
  }
}

/** Observes normalized factors X [n, r] and Y [m, r], of a clock tau / t. */
export function observablesOf(
  { structure }: Pick<Problem, 'structure'>,
  motion: Pick<Motion, 'weights'>,
  { names, directions, intruders }: ObserveTask,
): (factors: Factors, clock: number) => Observables {
  const sharpness =
    names.includes('sharpness') && isHostStructure(structure) ? sharpnessOf(structure, motion) : null;
  return (factors, clock) => {
    const { x, y } = factors;
    if (![x, y].every(({ data }) => data.every(Number.isFinite))) return unobserved;
    const sigma = names.includes('ranks') ? updateSingularValues(factors) : [];
    const angle = (z: Dense, side: 'left' | 'right') =>
      directions && largestPrincipalAngle(z, leadingColumns(directions[side], x.cols));
    const lambda = sharpness?.(factors, clock) ?? null;
    return {
      stableRank: stableRank(sigma),
      effectiveRank: effectiveRank(sigma),
      angleLeft: angle(x, 'left'),
      angleRight: angle(y, 'right'),
      sharpness: lambda,
      largestStep: lambda !== null && lambda > 0 ? 2 / lambda : null,
      intruders: intruders && intrudersIn(intruders, factors),
    };
  };
}
