/** LoRA on the Frobenius loss from lambda-balanced starts, square, tall and wide: path, end and rate. */
import { leadingColumns, scaled, sum, type Dense } from '../../../numbers/dense.js';
import { multiply, multiplyTransposedLeft, multiplyTransposedRight } from '../../../numbers/products.js';
import type { Adapter } from '../../../ensemble/adapter.js';
import { assembled, haarColumns } from '../../../problem/frame.js';
import { plans, rankOf, Draws } from '../../cases.js';
import { type Check, type CheckContext } from '../../check.js';
import { relativeError } from '../../means/precision.js';
import {
  coupled,
  frobeniusCase,
  orthonormal,
  separated,
  shapeOf,
  unitFactor,
  type SpectralCase,
  type Start,
} from './problems.js';
import { checksOf } from './pathChecks.js';
import { timeUntil } from './simulate.js';

const SOURCE = 'derived from the flow (cf. Braun et al. 2022; Domine et al. 2024)';

/** X0 and Y0 of orthonormal columns times two lengths, X0 = 0 among them: lambda of both signs. */
const balancedStart =
  (zeroB: boolean, columns: (draws: Draws, frameSide: Dense) => Dense): Start =>
  (draws, { left, right }, k) => ({
    x0: scaled(columns(draws, left), zeroB ? 0 : unitFactor(k) * draws.uniform()),
    y0: scaled(columns(draws, right), unitFactor(k) * (0.3 + 0.4 * draws.uniform())),
  });

/** @param largestRank null: as large as the matrix allows */
export const balancedCases = (context: CheckContext, largestRank: number | null): SpectralCase[] =>
  Array.from({ length: 3 * Math.ceil(plans[context.size].perLoss / 3) }, (_, index) => {
    const draws = new Draws(context.seed, 'balanced', index);
    const shape = shapeOf(context, draws, index, 5);
    const count = Math.min(...shape);
    const rank = rankOf(index, largestRank ?? count, draws);
    const start = balancedStart(index % 2 === 0, (on, { rows }) => orthonormal(on, rows, rank));
    return frobeniusCase(context, draws, shape, rank, separated(draws, count), start);
  });

/**
 * Cases whose end is approached by one exponential early on: the r-th singular value and the next one are closer than
 * any others, and the last column of the start leans halfway from the one to the other.
 */
const slowCases = (context: CheckContext): SpectralCase[] =>
  Array.from({ length: 3 }, (_, index) => {
    const draws = new Draws(context.seed, 'slow', index);
    const shape = shapeOf(context, draws, index, 5);
    const rank = draws.integer(1, 3);
    const sigma = new Float64Array(Math.min(...shape)).map((_, i) =>
      i < rank ? 1 + (rank - 1 - i) / 2 : i === rank ? 0.7 : 0.1 * 0.6 ** (i - rank),
    );
    const start = balancedStart(index === 0, (on, side) => leaning(on, side, rank));
    return frobeniusCase(context, draws, shape, rank, sigma, start);
  });

/** Orthonormal columns near the first r of the frame, the last of which leans towards the next one. */
function leaning(draws: Draws, side: Dense, rank: number): Dense {
  const noise = draws.gaussian(side.rows, rank, 0.1 / Math.sqrt(side.rows));
  const near = sum(noise, leadingColumns(side, rank));
  for (let i = 0; i < side.rows; i++) near.data[i * rank + rank - 1]! += side.data[i * side.cols + rank]!;
  return haarColumns(near);
}

export function pathFrom({ subject }: CheckContext, at: SpectralCase, adapter: Adapter) {
  const { sigma, rank, frame } = at;
  const { n, m } = at.problem;
  const { c, x0, y0 } = coupled(adapter, at.coefficients);
  const lambda = (squares(y0) - squares(x0)) / rank;
  const inFrame = { x0: multiplyTransposedLeft(frame.left, x0), y0: multiplyTransposedLeft(frame.right, y0) };
  return subject.theory.balancedPath({ sigma, n, m, c, lambda, ...inFrame });
}

const squares = ({ data }: Dense): number => data.reduce((sum, value) => sum + value * value, 0);

/** U (c X Y^T) V^T of what is in the frame. */
export const outOfFrame = ({ frame: { left, right } }: SpectralCase, update: Dense): Float64Array =>
  multiplyTransposedRight(multiply(left, update), right).data;

const { path, end, rate } = checksOf<SpectralCase>({
  name: 'balanced',
  path: {
    claim:
      'from X0^T X0 - Y0^T Y0 = -lambda I, LoRA on the Frobenius loss follows its closed form: square, tall, wide',
    source: SOURCE,
    cases: (context) => balancedCases(context, null),
    expected(context, at, adapter) {
      const closed = pathFrom(context, at, adapter);
      return (t) => ({ update: outOfFrame(at, closed.update(t)), loss: closed.loss(t) });
    },
  },
  end: {
    claim:
      'from a balanced start s B A ends at the truncated decomposition of M - W0, simulated and in closed form',
    source: SOURCE,
    cases: (context) => balancedCases(context, 3),
    reach(context, at) {
      const best = bestOf(at);
      const paths = at.adapters.map((adapter) => pathFrom(context, at, adapter));
      const time = timeUntil(1e-9, Math.min(...paths.map((closed) => closed.rate)));
      return {
        time,
        errors: (snapshot, adapter) => [
          [relativeError([snapshot.update()], [best]), 'simulated'],
          [relativeError([outOfFrame(at, paths[adapter]!.update(time))], [best]), 'closed form'],
        ],
      };
    },
  },
  rate: {
    claim:
      'late on, s B A approaches its end at the rate of the gap between the r-th and the next eigenvalue of F',
    source: 'derived from the flow',
    cases: slowCases,
    approach(context, at) {
      const best = bestOf(at);
      const closed = pathFrom(context, at, at.adapters[0]!);
      return {
        rate: closed.rate,
        left: (t) => relativeError([outOfFrame(at, closed.update(t))], [best]),
        measured: ({ update }) => relativeError([update()], [best]),
      };
    },
  },
});

/** The truncated decomposition of E, [n, m]. */
function bestOf({ frame, sigma, rank }: SpectralCase): Float64Array {
  return assembled(frame, sigma.slice(0, rank)).data;
}

export const balancedChecks: readonly Check[] = [path, end, rate];
