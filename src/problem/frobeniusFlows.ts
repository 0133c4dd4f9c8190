/**
 * Closed forms of the Frobenius loss under every flow: its paths, and its ends that are not the optimum of a rank, under
 * weight decay (the soft threshold of E) and with a frozen factor (E projected on what that spans).
 */
import {
  decays,
  isDecaying,
  isDescentAndDecay,
  isGradientMotion,
  restsAtOptimum,
  type Motion,
} from '../flow/motion.js';
import { dense, type Dense } from '../numbers/dense.js';
import { dot } from '../numbers/gram.js';
import { multiply, multiplyTransposedLeft } from '../numbers/products.js';
import { updateSingularValues } from '../numbers/updateSingularValues.js';
import { decayPath, softThreshold, type SoftThreshold } from '../theory/flows/decay.js';
import { frozenPath, randomSubspaceError, type FrozenPath } from '../theory/flows/frozen.js';
import type { ModesPath } from '../theory/flows/modes.js';
import { preconditionedPath, preconditionedRate } from '../theory/flows/preconditioned.js';
import { spectralFlowPath } from '../theory/flows/spectral.js';
import type { ClosedForm } from './closedForm.js';
import { diagonalOf, diagonalPath, isDiagonal, resolved } from './diagonalPaths.js';
import type { Factors } from './factors.js';
import type { DrawnStart, Law, Loss, Setting } from './loss.js';
import { optimumOf } from './optimumOf.js';
import type { Problem } from './problem.js';
import { lawOfOptimum } from './spectralLoss.js';
import type { DiagonalStructure, QuadraticStructure } from './structure.js';

type FrobeniusProblem = Problem<DiagonalStructure | QuadraticStructure>;

const frozenIndex = ({ rates }: Motion): 0 | 1 | null => (rates[0] === 0 ? 0 : rates[1] === 0 ? 1 : null);

/** Whether factors that both move come to rest on the soft threshold of E. */
const isThresholded = (motion: Motion): boolean =>
  isDescentAndDecay(motion) && frozenIndex(motion) === null && !restsAtOptimum(motion);

/** What is asked of the loss under every flow. */
export const frobeniusFlows: Pick<
  Loss<DiagonalStructure | QuadraticStructure>,
  'law' | 'expectedSquare' | 'distance' | 'lossAtEnd' | 'closedForm'
> = {
  law: lawUnder,
  expectedSquare: (problem, setting) => subspaceError(problem, setting),
  distance(problem, setting) {
    const optimum = restsAtOptimum(setting.motion) ? problem.optimum(setting.rank) : null;
    if (optimum !== null) return Math.sqrt(2 * optimum);
    const value = lawUnder(problem, setting)?.value ?? null;
    return value === null ? null : value * Math.sqrt(2 * problem.initialLoss!);
  },
  lossAtEnd(problem, factors, motion) {
    if (isThresholded(motion)) return thresholded(problem, factors.x.cols, motion)?.loss ?? null;
    // Without decay the least loss over the other factor, whatever moves that.
    const isKnown = frozenIndex(motion) !== null && (isDescentAndDecay(motion) || !decays(motion));
    return isKnown ? frozen(problem, factors, motion).loss(Infinity) : null;
  },
  closedForm(problem, factors, motion, rounding = 0) {
    const { structure } = problem;
    if (isDescentAndDecay(motion) && frozenIndex(motion) !== null)
      return frozenForm(problem, factors, motion);
    if (structure.kind !== 'diagonal') return null;
    const sigma = resolved(structure.sigma, rounding);
    return isGradientMotion(motion) ? diagonalPath(sigma, factors) : alignedForm(sigma, factors, motion);
  },
};

/** The law of a frozen factor's random subspace, of the soft threshold, or of the optimum. */
function lawUnder(problem: Problem, setting: Setting): Law | null {
  const { rank, motion } = setting;
  const square = subspaceError(problem, setting);
  if (square !== null) return { value: Math.sqrt(square), name: 'random subspace, root mean square' };
  const end = isThresholded(motion) ? thresholded(problem, rank, motion) : null;
  if (end && problem.initialLoss)
    return { value: Math.sqrt(end.loss / problem.initialLoss), name: 'soft threshold' };
  return lawOfOptimum(problem, setting);
}

/** The mean squared relative error of the end with a frozen factor, 1 - r / m or 1 - r / n; null elsewhere. */
function subspaceError({ n, m }: Problem, { spans, motion }: Setting): number | null {
  const at = frozenIndex(motion);
  if (at === null || !isDescentAndDecay(motion) || isDecaying(motion)) return null;
  const span = at === 1 ? spans.a : spans.b;
  return span === null ? null : randomSubspaceError(span, at === 1 ? m : n);
}

/** The soft threshold of E at a rank; null where singular values are not known. */
function thresholded(problem: Problem, rank: number, { decay }: Motion): SoftThreshold | null {
  const sigma = singularValuesOf(problem);
  return sigma && softThreshold(sigma, rank, Math.sqrt(decay[0] * decay[1]));
}

/** All singular values of E, from the optima of ranks where the problem does not hold them. */
function singularValuesOf(problem: Problem): Float64Array | null {
  const { structure, n, m } = problem;
  if (structure.kind === 'diagonal') return structure.sigma;
  const optima = Array.from({ length: Math.min(n, m) + 1 }, (_, rank) => optimumOf(problem, rank));
  if (optima.includes(null)) return null;
  return Float64Array.from({ length: optima.length - 1 }, (_, i) =>
    Math.sqrt(Math.max(0, 2 * (optima[i]! - optima[i + 1]!))),
  );
}

/** |E|_F^2. */
const squaresOf = ({ structure }: FrobeniusProblem): number =>
  structure.kind === 'diagonal'
    ? dot(structure.sigma, structure.sigma)
    : dot(structure.error.data, structure.error.data);

/** E Z [n, r], or E^T Z [m, r], in the problem's coordinates. */
function timesError({ structure, n, m }: FrobeniusProblem, z: Dense, transposed: boolean): Dense {
  if (structure.kind === 'quadratic')
    return transposed ? multiplyTransposedLeft(structure.error, z) : multiply(structure.error, z);
  const out = dense(transposed ? m : n, z.cols);
  structure.sigma.forEach((s, i) => {
    for (let j = i * z.cols; j < (i + 1) * z.cols; j++) out.data[j] = s * z.data[j]!;
  });
  return out;
}

function frozen(problem: FrobeniusProblem, { x, y }: Factors, motion: Motion): FrozenPath {
  const isX = frozenIndex(motion) === 0;
  const [still, moving] = isX ? [x, y] : [y, x];
  return frozenPath({
    seen: timesError(problem, still, isX),
    ...{ moving, frozen: still },
    squares: squaresOf(problem),
    decay: motion.decay[isX ? 1 : 0],
  });
}

function frozenForm(problem: FrobeniusProblem, factors: Factors, motion: Motion): ClosedForm {
  const path = frozen(problem, factors, motion);
  const isX = frozenIndex(motion) === 0;
  return {
    name: `closed form of a frozen ${isX ? 'B' : 'A'}`,
    rate: path.rate,
    loss: (tau) => path.loss(tau),
    singularValues: (tau) =>
      updateSingularValues(
        isX ? { x: factors.x, y: path.moving(tau) } : { x: path.moving(tau), y: factors.y },
      ),
  };
}

/** The path from aligned factors under another flow than the gradient's, or null. */
function alignedForm(sigma: Float64Array, { x, y }: Factors, motion: Motion): ClosedForm | null {
  if (!isDiagonal(x) || !isDiagonal(y) || motion.damping > 0 || motion.coupled.some((u) => u > 0))
    return null;
  const path = modesUnder(sigma, diagonalOf(x, sigma.length), diagonalOf(y, sigma.length), motion);
  return (
    path && {
      name: `aligned closed form of the ${motion.rule} flow`,
      rate: path.rate,
      loss: (tau) => path.loss(tau),
      singularValues: (tau) =>
        Array.from(path.product(tau).subarray(0, x.cols), Math.abs).sort((a, b) => b - a),
    }
  );
}

function modesUnder(
  sigma: Float64Array,
  x0: Float64Array,
  y0: Float64Array,
  motion: Motion,
): ModesPath | null {
  const { rule, rates, decay } = motion;
  const bothMove = rates.every((rate) => rate > 0);
  switch (rule) {
    case 'gradient': {
      const isBalanced = x0.every((x, i) => Math.abs(x - y0[i]!) <= BALANCED * Math.abs(x));
      const isLogistic = isDescentAndDecay(motion) && bothMove && decay[0] === decay[1] && isBalanced;
      return isLogistic ? decayPath({ sigma, size0: x0, decay: decay[0] }) : null;
    }
    case 'scaled':
    case 'projected': {
      // A factor that moves is divided by the columns of the other, none of which may be zero.
      const isSingular = (x: number, y: number) =>
        x === 0 ? y !== 0 && rates[1] > 0 : y === 0 && rates[0] > 0;
      if (x0.some((x, i) => isSingular(x, y0[i]!))) return null;
      return preconditionedPath({
        sigma,
        product0: x0.map((x, i) => x * y0[i]!),
        present: Array.from(x0, (x, i) => x !== 0 || y0[i] !== 0),
        speed: rule === 'projected' ? 1 : rates[0] + rates[1],
        decay: decay[0] + decay[1],
      });
    }
    case 'spectral':
      return isDecaying(motion) ? null : spectralFlowPath({ sigma, x0, y0, speeds: rates });
    case 'sign':
      return null;
  }
}

/** Relative difference of equal factors, which are products of roots. */
const BALANCED = 1e-12;

/** The rate of late approach from drawn starts under another flow than the gradient's; null if it is unknown. */
export function rateUnder(
  sigma: Float64Array,
  { n, m }: Pick<Problem, 'n' | 'm'>,
  { rank, x, y, isAligned, motion }: DrawnStart,
): number | null {
  const { rule, rates, decay, damping } = motion;
  if (isThresholded(motion)) {
    // Modes are logistic where they are alone and balanced.
    const isLogistic = isAligned && decay[0] === decay[1] && Math.abs(x - y) <= BALANCED * x;
    return isLogistic
      ? 2 * sigma.subarray(0, rank).reduce((least, s) => Math.min(least, Math.abs(s - decay[0])), Infinity)
      : null;
  }
  if ((rule !== 'scaled' && rule !== 'projected') || damping > 0 || !restsAtOptimum(motion)) return null;
  const projected = rule === 'projected';
  if (isAligned) return projected ? 1 : rates[0] + rates[1];
  return preconditionedRate({ sigma, n, m, rank, speeds: rates, projected });
}
