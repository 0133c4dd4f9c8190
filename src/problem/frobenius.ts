/**
 * The Frobenius low-rank approximation loss f(W) = 1/2 |W - M|_F^2, with E = M - W0 (Rushka & Klabjan 2026): in
 * its spectral frame, from a matrix or directly from a spectrum, or dense.
 */
import type { Tensor1D } from '@tensorflow/tfjs';
import { gradientFlow, symmetriesOf } from '../flow/flow.js';
import { isGradientMotion } from '../flow/motion.js';
import type { Symmetries } from '../flow/rules.js';
import { InputError } from '../host/inputError.js';
import { dense, difference, transposed, type Dense } from '../numbers/dense.js';
import { dot, gram } from '../numbers/gram.js';
import { multiply, multiplyTransposedRight } from '../numbers/products.js';
import { singularValues } from '../numbers/svd.js';
import { leadingOf, type Triples } from '../numbers/triples.js';
import { squaresMissed, truncatedSvd, type TruncatedSvd } from '../numbers/truncatedSvd.js';
import { updateSingularValues } from '../numbers/updateSingularValues.js';
import { eckartYoungMirsky, frobeniusFullLoss } from '../theory/frobenius.js';
import { diagonalRate, resolved } from './diagonalPaths.js';
import { frobeniusFlows, rateUnder } from './frobeniusFlows.js';
import { assembled, spectralFrame, type Frame } from './frame.js';
import { isLeading, leadingTriples, type LeadingProblem } from './leading.js';
import { unknownForms, type BuiltInLoss, type ClosedFormNeeds } from './loss.js';
import { addNoise } from './noise.js';
import type { Problem } from './problem.js';
import { quadraticForm } from './quadraticForm.js';
import { norm } from '../numbers/norm.js';
import { riskOf } from './risk.js';
import { checkScale } from './scale.js';
import {
  errorFactors,
  frameOf,
  LARGE,
  sayDecomposition,
  spectrumOf,
  targetError,
  type Shape,
  type Source,
} from './source.js';
import { directionsOf, unitColumns, unitRows } from './spectralDirections.js';
import { optimumOver, spectralAnswers } from './spectralLoss.js';
import { spectralRate } from './spectralRate.js';
import type { DiagonalStructure, QuadraticStructure } from './structure.js';

type FrobeniusProblem = Problem<DiagonalStructure | QuadraticStructure>;

export const frobeniusLoss: BuiltInLoss<DiagonalStructure | QuadraticStructure> = {
  ...unknownForms,
  ...spectralAnswers,
  name: 'frobenius',
  matrix: 'target',
  dependsOn: 'matrix',
  square: false,
  curvatures: [],
  takesNoise: true,
  ...frobeniusFlows,
  lateRate(problem, start) {
    const leading = leadingSpectrum(problem, start.rank);
    const sigma = leading && resolved(leading, start.rounding);
    if (!sigma) return null;
    return isGradientMotion(start.motion)
      ? diagonalRate(sigma, problem, start)
      : rateUnder(sigma, problem, start);
  },
  weightedSingularValues: (_, factors) => updateSingularValues(factors),
  rateNearOptimum(problem, { x, y }) {
    const [xx, yy] = [gram(x.data, x.data, x.cols), gram(y.data, y.data, y.cols)];
    return spectralRate(problem, { xx, yy }, x.cols, problem.fullFineTuningRate);
  },
  targetSingularValues: ({ structure }, rank) =>
    structure.kind === 'diagonal' ? Array.from(structure.sigma.subarray(0, rank)) : null,
  problem(source, shape, base, symmetries) {
    const { n, m } = shape;
    if (source.spec.noise !== undefined) return noisy(source, shape, base, symmetries);
    if (source.spec.spectrum === undefined || base) {
      const error = targetError(source, shape, base);
      sayDecomposition(shape);
      return frobenius(error, symmetries);
    }
    const sigma = spectrumOf(source.spec, shape);
    checkScale('spectrum', 'norm', norm(sigma), 'target');
    const frame = frameOf(source.spec, shape);
    if (frame && !symmetries.rotation) return frobeniusDense(assembled(frame, sigma));
    return frobeniusFromSpectrum(sigma, n, m, frame);
  },
  leanProblem,
  formula: {
    tensor: (w, target) => w.sub(target).square().sum<Tensor1D>([1, 2]).mul(0.5),
    host: (w, target) => w.reduce((total, value, i) => total + (value - target.data[i]!) ** 2, 0) / 2,
  },
  examples: [
    {
      name: 'frobenius',
      make(base, draws) {
        const target = draws.matrix(base.rows, base.cols);
        return { problem: frobenius(difference(target, base)), matrices: [target] };
      },
    },
    {
      name: 'frobenius, dense',
      make(base, draws) {
        const target = draws.matrix(base.rows, base.cols);
        return { problem: frobeniusDense(difference(target, base)), matrices: [target] };
      },
    },
  ],
  rotated(problem, { left, right }) {
    const error = multiplyTransposedRight(multiply(left, errorOf(problem)), right);
    return problem.structure.kind === 'diagonal' ? frobenius(error) : frobeniusDense(error);
  },
};

/** E = M - W0 [n, m], in the coordinates of W. */
export function errorOf({ structure, n, m, frame }: Problem): Dense {
  if (structure.kind !== 'quadratic' && structure.kind !== 'diagonal')
    throw new Error(`no error matrix: ${structure.kind}`);
  if (structure.kind === 'quadratic') return structure.error;
  if (frame) return assembled(frame, structure.sigma);
  const diagonal = dense(n, m);
  structure.sigma.forEach((s, i) => (diagonal.data[i * m + i] = s));
  return diagonal;
}

/** The singular values as far as a rate at this rank needs them; null if they are not known. */
function leadingSpectrum(problem: FrobeniusProblem, rank: number): Float64Array | null {
  if (problem.structure.kind === 'diagonal') return problem.structure.sigma;
  if (!isLeading(problem)) return null;
  const { sigma } = problem.leading;
  return rank < sigma.length && sigma.at(-1)! < sigma[rank - 1]! ? sigma : null;
}

/** Largest share of the smallest side of a large matrix that ranks may be for leading triples alone to be taken. */
const FEW = 1 / 8;

function leanProblem(source: Source, shape: Shape, needs: ClosedFormNeeds): Problem | null {
  if (source.spec.spectrum !== undefined || source.spec.noise !== undefined || needs.vectors) return null;
  const { n, m } = shape;
  const least = Math.min(n, m);
  const error = targetError(source, shape);
  // One more than the ranks, for the gap behind the largest.
  if (least >= LARGE && needs.most + 1 <= FEW * least)
    return frobeniusLeading(error, leadingTriples(error, needs.most + 1, needs));
  if (least >= LARGE) needs.tell(`singular values of ${n} x ${m} ...`);
  return frobeniusFromSpectrum(singularValues(error), n, m);
}

/**
 * The problem with E [n, m], in the spectral frame of E; dense, in the coordinates of W, for what does not commute with
 * rotations (default: the symmetries of the gradient flow, which does).
 */
export function frobenius(error: Dense, symmetries: Symmetries = symmetriesOf(gradientFlow)): Problem {
  if (!symmetries.rotation) return frobeniusDense(error);
  const { sigma, frame } = spectralFrame(error);
  return frobeniusFromSpectrum(sigma, error.rows, error.cols, frame);
}

/**
 * The problem with E = U diag(sigma) V^T, never formed: sigma [min(n, m)], largest first; U and V are the identity
 * unless a frame is given.
 */
export function frobeniusFromSpectrum(
  sigma: Float64Array,
  n: number,
  m: number,
  frame: Frame | null = null,
): Problem {
  return {
    ...fullFineTuning(sigma),
    loss: frobeniusLoss,
    n,
    m,
    structure: { kind: 'diagonal', sigma },
    frame,
    spectralDirections: (rank) => unitRows(rank, m),
    descentTriples: (count) => ({
      left: unitColumns(n, count),
      sigma: sigma.slice(0, count),
      right: unitColumns(m, count),
    }),
    valueAndGradient(update) {
      const gradient = dense(n, m, update.data.slice());
      sigma.forEach((s, i) => (gradient.data[i * m + i] = (update.data[i * m + i] ?? 0) - s));
      return { value: gradient.data.reduce((sum, g) => sum + g * g, 0) / 2, gradient };
    },
  };
}

/**
 * The Frobenius problem of E [n, m] in its given coordinates: the flow forms E Y and E^T X, O(n m r) per evaluation.
 */
export function frobeniusDense(error: Dense): Problem {
  return {
    ...fullFineTuning(singularValues(error)),
    ...inCoordinatesOfW(error),
    ...directionsOf(error),
  };
}

/**
 * The problem of a draw of the target, towards M + tau Z: in its spectral frame, or where that would take minutes in
 * the coordinates of W. The risk is against M.
 */
function noisy(source: Source, shape: Shape, base: Dense | null, symmetries: Symmetries): Problem {
  const clean = targetError(source, shape, base);
  const { noise: tau = 0, seed = 0 } = source.spec;
  const error = addNoise(dense(shape.n, shape.m, clean.data.slice()), tau, { seed, draw: source.draw });
  const factors = base ? null : errorFactors(source, shape);
  const problem =
    Math.min(shape.n, shape.m) < DENSE_FROM ? frobenius(error, symmetries) : frobeniusUnresolved(error);
  const risk = riskOf(factors ?? clean, null, problem.frame);
  const [squares, overlap] = [dot(error.data, error.data), dot(error.data, clean.data)];
  return {
    ...problem,
    risk,
    fullFineTuningRisk(t) {
      const learnt = -Math.expm1(-t);
      return learnt * learnt * squares - 2 * learnt * overlap + risk.squares;
    },
  };
}

/** Smallest side from which a noisy target is not decomposed: its full decomposition takes 10 s, and is of one draw. */
const DENSE_FROM = 1024;

/** Fewest triples that optima are taken from, and how many of them are behind the largest rank that they are for. */
const FEWEST_TRIPLES = 48;
const BEHIND = 8;

/** Triples that the optimum of a rank is taken from, by the rank alone: so many, or that doubled as often as it takes. */
const triplesFor = (rank: number): number =>
  FEWEST_TRIPLES * 2 ** Math.max(0, Math.ceil(Math.log2((rank + BEHIND) / FEWEST_TRIPLES)));

/** Relative fall of their certificate at which they are known well enough, as noise leaves small gaps between them. */
const FINE = 1e-12;
/** Share of f(W0) by which an optimum that is known may be off: half of what the state in float32 cannot tell. */
const UNSEEN = 2 ** -39;

/** The optima of ranks up to `most`, the largest that the triples tell. */
interface LeadingOptima {
  readonly most: number;
  of(rank: number): number;
}

function leadingOptima(error: Dense, count: number): LeadingOptima {
  const found = truncatedSvd(error, count, { tolerance: FINE });
  const { sigma, squares, tailSquared } = found;
  let most = count - BEHIND;
  while (most > 0 && squaresMissed(found, most) > UNSEEN * squares) most--;
  return { most, of: (rank) => tailSquared / 2 + eckartYoungMirsky(sigma, rank).loss };
}

/**
 * The problem with E [n, m] in the coordinates of W, without its decomposition. Optima are those of leading triples,
 * null where noise leaves no gap by which these are known, and of ranks that are not few.
 */
function frobeniusUnresolved(error: Dense): Problem {
  const squares = dot(error.data, error.data);
  const { sigma } = truncatedSvd(error, 1);
  const triples = (count: number): Triples => truncatedSvd(error, count);
  const found = new Map<number, LeadingOptima>();
  const optimaFor = (rank: number): LeadingOptima | null => {
    const count = triplesFor(rank);
    if (count > FEW * Math.min(error.rows, error.cols)) return null;
    const optima = found.get(count) ?? leadingOptima(error, count);
    found.set(count, optima);
    return optima;
  };
  return {
    ...inCoordinatesOfW(error),
    ...fullFineTuningOf(squares),
    optimum(rank) {
      if (rank === 0) return squares / 2;
      const optima = optimaFor(rank);
      return optima && rank <= optima.most ? optima.of(rank) : null;
    },
    optimaKnown: (rank) => optimaFor(rank)?.most ?? 0,
    spectralDirections: (rank) => transposed(triples(rank).right),
    descentTriples: triples,
    rate: sigma[0]!,
  };
}

/** The problem with E [n, m] in the coordinates of W, but for what singular values and vectors say of it. */
const inCoordinatesOfW = (error: Dense) => ({
  loss: frobeniusLoss,
  n: error.rows,
  m: error.cols,
  structure: { kind: 'quadratic', error, covariance: null } as const,
  frame: null,
  valueAndGradient: (update: Dense) => quadraticForm(error, null, update),
});

/** Losses and the rate of full fine-tuning, by |E|_F^2. */
const fullFineTuningOf = (squares: number) => ({
  initialLoss: squares / 2,
  fullFineTuningLoss: (t: number) => (squares / 2) * Math.exp(-2 * t),
  fullFineTuningRate: 1,
});

/** Answers of the Frobenius problem that singular values alone decide: losses, optimum and rates. */
const fullFineTuning = (sigma: Float64Array) => ({
  initialLoss: frobeniusFullLoss(sigma, 0),
  optimum: optimumOver(sigma),
  fullFineTuningLoss: (t: number) => frobeniusFullLoss(sigma, t),
  fullFineTuningRate: 1,
  rate: sigma[0] ?? 0,
});

/** The Frobenius problem with E [n, m] and its leading triples, in the coordinates of W; optima beyond are null. */
function frobeniusLeading(error: Dense, leading: TruncatedSvd): LeadingProblem {
  const { sigma, squares, tailSquared } = leading;
  const count = sigma.length;
  const known = (rank: number): Triples => {
    if (rank > count) throw new InputError('rank', rank, `at most ${count}, the triples that are known`);
    return leadingOf(leading, rank);
  };
  return {
    leading,
    ...inCoordinatesOfW(error),
    ...fullFineTuningOf(squares),
    optimum: (rank) => (rank > count ? null : tailSquared / 2 + eckartYoungMirsky(sigma, rank).loss),
    spectralDirections: (rank) => transposed(known(rank).right),
    descentTriples: known,
    rate: sigma[0] ?? 0,
  };
}
