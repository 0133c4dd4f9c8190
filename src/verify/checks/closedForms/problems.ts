/**
 * Random problems for closed forms, made from their answer: the singular vectors and values of E (or E H^{1/2}) are
 * drawn first and E is put together from them, so that nothing is taken from a decomposition that rankflow computes.
 */
import {
  dense,
  identity,
  scaled,
  scaledColumns,
  sum,
  transposed,
  type Dense,
} from '../../../numbers/dense.js';
import { multiply, multiplyTransposedRight } from '../../../numbers/products.js';
import type { Adapter } from '../../../ensemble/adapter.js';
import type { Coefficients } from '../../../flow/coefficients.js';
import { assembled, haarColumns, type Frame } from '../../../problem/frame.js';
import { frobenius, frobeniusDense, frobeniusLoss } from '../../../problem/frobenius.js';
import { linearRegression, linearRegressionLoss } from '../../../problem/linearRegression.js';
import { trace, traceSquared, traceSquaredLoss } from '../../../problem/traceSquared.js';
import { Draws, plans, rankOf, withTrace, type Case } from '../../cases.js';
import type { CheckContext } from '../../check.js';
import { definitionOf } from '../../losses.js';

/** Input of closed forms: the coupling c = s sqrt(kA kB), X0 = B0 / sqrt(kB) [n, r], Y0 = A0^T / sqrt(kA) [m, r]. */
export function coupled(
  { loraA, loraB }: Adapter,
  { scale, lrRatioA, lrRatioB }: Coefficients,
): { readonly c: number; readonly x0: Dense; readonly y0: Dense } {
  return {
    c: scale * Math.sqrt(lrRatioA * lrRatioB),
    x0: scaled(loraB, 1 / Math.sqrt(lrRatioB)),
    y0: scaled(transposed(loraA), 1 / Math.sqrt(lrRatioA)),
  };
}

/** The adapter of X [n, r] and Y [m, r]: B = sqrt(kB) X, A = sqrt(kA) Y^T. */
export const uncoupled = (x: Dense, y: Dense, { lrRatioA, lrRatioB }: Coefficients): Adapter => ({
  loraB: scaled(x, Math.sqrt(lrRatioB)),
  loraA: scaled(transposed(y), Math.sqrt(lrRatioA)),
});

/** Orthonormal columns [rows, cols], uniformly distributed. */
export const orthonormal = (draws: Draws, rows: number, cols: number): Dense =>
  haarColumns(draws.gaussian(rows, cols, 1));

export const drawnFrame = (draws: Draws, n: number, m: number): Frame => ({
  left: orthonormal(draws, n, n),
  right: orthonormal(draws, m, m),
});

/** 0.6^i times 1.1 at most, i = 0, 1, ...: gaps wide enough for ends to be reached. */
export const separated = (draws: Draws, count: number): Float64Array =>
  Float64Array.from({ length: count }, (_, i) => (1 + 0.1 * draws.uniform()) * 0.6 ** i);

/** Size of a factor X or Y for which c X Y^T is about 1. */
export const unitFactor = ({ scale, lrRatioA, lrRatioB }: Coefficients): number =>
  (scale * Math.sqrt(lrRatioA * lrRatioB)) ** -0.5;

/** Sides n and m of a matrix that is square, tall or wide. */
export type Shape = readonly [n: number, m: number];

/** Square, tall, wide, square, ...: `index` tells which; sides from `least` on. */
export function shapeOf({ size }: CheckContext, draws: Draws, index: number, least: number): Shape {
  const small = draws.integer(least, plans[size].largest);
  const large = small + draws.integer(1, 3);
  return (
    [
      [small, small],
      [large, small],
      [small, large],
    ] as const
  )[index % 3]!;
}

/** A case whose E = U diag(sigma) V^T is known beforehand. */
export interface SpectralCase extends Case {
  readonly frame: Frame;
  readonly sigma: Float64Array;
}

/** X0 [n, r] and Y0 [m, r] in the coordinates of W. */
export type Start = (
  draws: Draws,
  frame: Frame,
  k: Coefficients,
) => { readonly x0: Dense; readonly y0: Dense };

export function started(start: Start, draws: Draws, frame: Frame, k: Coefficients): Adapter {
  const { x0, y0 } = start(draws, frame, k);
  return uncoupled(x0, y0, k);
}

/** Frobenius problems, simulated in turns dense and in the frame that rankflow finds. */
export function frobeniusCase(
  context: CheckContext,
  draws: Draws,
  [n, m]: Shape,
  rank: number,
  sigma: Float64Array,
  start: Start,
): SpectralCase {
  const frame = drawnFrame(draws, n, m);
  const error = assembled(frame, sigma);
  const inFrame = draws.uniform() < 0.5;
  const base = draws.matrix(n, m);
  const coefficients = draws.coefficients();
  return {
    name: `frobenius${inFrame ? '' : ', dense'} ${n} x ${m}, r = ${rank}`,
    definition: definitionOf(frobeniusLoss, sum(base, error)),
    base,
    problem: inFrame ? frobenius(error) : frobeniusDense(error),
    rank,
    coefficients,
    adapters: Array.from({ length: plans[context.size].draws }, () =>
      started(start, draws, frame, coefficients),
    ),
    frame,
    sigma,
  };
}

/** B0 = 0 and a Gaussian A0. */
export const gaussianStart =
  ([n, m]: Shape, rank: number): Start =>
  (draws, _, k) => ({
    x0: dense(n, rank),
    y0: draws.gaussian(m, rank, unitFactor(k) / Math.sqrt(m)),
  });

/** Frobenius problems with separated singular values, from Gaussian starts. */
export const genericCases = (context: CheckContext): SpectralCase[] =>
  Array.from({ length: plans[context.size].perLoss }, (_, index) => {
    const draws = new Draws(context.seed, 'generic', index);
    const shape = shapeOf(context, draws, index, 5);
    const rank = draws.integer(1, 3);
    const sigma = separated(draws, Math.min(...shape));
    return frobeniusCase(context, draws, shape, rank, sigma, gaussianStart(shape, rank));
  });

/** A linear regression with its E and H, Gaussian A0 and B0 = 0. */
export interface RegressionCase extends Case {
  readonly e: Dense;
  readonly h: Dense;
  /** Singular values of E H^{1/2}. */
  readonly sigma: Float64Array;
}

/** Powers of a random symmetric root [size, size], whose square is a covariance of eigenvalues from 0.63 to 1.6. */
export function rootPowers(draws: Draws, size: number): (power: number) => Dense {
  const q = orthonormal(draws, size, size);
  const roots = Array.from({ length: size }, () => draws.ratio() ** 0.25);
  return (power) =>
    multiplyTransposedRight(
      scaledColumns(
        q,
        roots.map((root) => root ** power),
      ),
      q,
    );
}

/** Regressions whose E H^{1/2} = U diag(sigma) V^T has separated singular values. */
export function regressionCases(context: CheckContext): RegressionCase[] {
  const { perLoss, draws: count } = plans[context.size];
  return Array.from({ length: perLoss }, (_, index) => {
    const draws = new Draws(context.seed, 'regression', index);
    const [n, m] = shapeOf(context, draws, index, 5);
    const rank = draws.integer(1, 3);
    const withRoots = rootPowers(draws, m);
    const frame = drawnFrame(draws, n, m);
    const sigma = separated(draws, Math.min(n, m));
    const weighted = assembled(frame, sigma);
    const e = multiply(weighted, withRoots(-1));
    const h = withRoots(2);
    const base = draws.matrix(n, m);
    const coefficients = draws.coefficients();
    const start = gaussianStart([n, m], rank);
    return {
      name: `linear-regression ${n} x ${m}, r = ${rank}`,
      definition: definitionOf(linearRegressionLoss, sum(base, e), h),
      base,
      problem: linearRegression(e, h),
      rank,
      coefficients,
      adapters: Array.from({ length: count }, () => started(start, draws, frame, coefficients)),
      e,
      h,
      sigma,
    };
  });
}

/** A trace-squared case with its tr W0. */
export interface TraceCase extends Case {
  readonly trace0: number;
}

/** Trace-squared problems of ranks from 1 to n; c X Y^T starts from the X and Y that are drawn. */
export function traceCases(
  context: CheckContext,
  start: (draws: Draws, n: number, rank: number) => { readonly x: Dense; readonly y: Dense },
): TraceCase[] {
  const { perLoss, largest, draws: count } = plans[context.size];
  return Array.from({ length: perLoss }, (_, index) => {
    const draws = new Draws(context.seed, 'trace', index);
    const n = draws.integer(3, largest);
    const rank = rankOf(index, n, draws);
    const base = withTrace((draws.uniform() < 0.5 ? -1 : 1) * 2 * draws.ratio(), draws.matrix(n, n));
    const trace0 = trace(base);
    const coefficients = draws.coefficients();
    return {
      name: `trace-squared ${n} x ${n}, r = ${rank}`,
      definition: definitionOf(traceSquaredLoss, identity(n)),
      base,
      problem: traceSquared(n, trace0),
      rank,
      coefficients,
      adapters: Array.from({ length: count }, () => {
        const { x, y } = start(draws, n, rank);
        const size = unitFactor(coefficients);
        return uncoupled(scaled(x, size), scaled(y, size), coefficients);
      }),
      trace0,
    };
  });
}
