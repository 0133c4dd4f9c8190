/** LoRA on the Frobenius loss from spectrally aligned starts, where modes decouple: path, end, rates and saddles. */
import { columns, scaledColumns, type Dense } from '../../../numbers/dense.js';
import { multiplyTransposedLeft } from '../../../numbers/products.js';
import { assembled } from '../../../problem/frame.js';
import type { Adapter } from '../../../ensemble/adapter.js';
import { plans, Draws } from '../../cases.js';
import { atMost, type Check, type CheckContext } from '../../check.js';
import { relativeError } from '../../means/precision.js';
import {
  coupled,
  frobeniusCase,
  separated,
  shapeOf,
  uncoupled,
  unitFactor,
  type SpectralCase,
  type Start,
} from './problems.js';
import { checksOf } from './pathChecks.js';
import { gapTime, simulateAdapters, timeUntil } from './simulate.js';

const SOURCE = 'Rushka & Klabjan 2026, and derived from the flow';

/** X0 = U_S diag(x), Y0 = V_S diag(y) on modes S, |x| so far below y that the imbalance changes rates. */
const onModes =
  (modes: readonly number[]): Start =>
  (draws, { left, right }, k) => {
    const size = modes.map(() => unitFactor(k) * (0.6 + 0.3 * draws.uniform()));
    return {
      x0: scaledColumns(
        columns(left, modes),
        size.map((y) => y * (1.2 * draws.uniform() - 0.8)),
      ),
      y0: scaledColumns(columns(right, modes), size),
    };
  };

interface AlignedCase extends SpectralCase {
  /** Modes on which all adapters of the case start. */
  readonly modes: readonly number[];
}

/** Cases that start on modes chosen for a rank out of so many. */
const alignedCases = (
  context: CheckContext,
  choose: (draws: Draws, rank: number, count: number) => readonly number[],
): AlignedCase[] =>
  Array.from({ length: plans[context.size].perLoss }, (_, index) => {
    const draws = new Draws(context.seed, 'aligned', index);
    const shape = shapeOf(context, draws, index, 5);
    const count = Math.min(...shape);
    const rank = draws.integer(2, 3);
    const modes = choose(draws, rank, count);
    return {
      ...frobeniusCase(context, draws, shape, rank, separated(draws, count), onModes(modes)),
      modes,
    };
  });

const leading = (_: Draws, rank: number): readonly number[] => Array.from({ length: rank }, (_, i) => i);

const anywhere = (draws: Draws, rank: number, count: number): readonly number[] =>
  Array.from({ length: count }, (_, i) => ({ i, key: draws.uniform() }))
    .sort((a, b) => a.key - b.key)
    .slice(0, rank)
    .map(({ i }) => i);

/** The closed form from an adapter. */
function pathFrom({ subject }: CheckContext, at: AlignedCase, adapter: Adapter) {
  const { sigma, frame, modes } = at;
  const { c, x0, y0 } = coupled(adapter, at.coefficients);
  /** Entries of a factor by mode; off its modes it has rounding alone. */
  const entries = (q: Dense, z: Dense) => {
    const inFrame = multiplyTransposedLeft(q, z);
    return sigma.map((_, mode) =>
      modes.includes(mode) ? inFrame.data[mode * z.cols + modes.indexOf(mode)]! : 0,
    );
  };
  return subject.theory.alignedPath({
    sigma,
    c,
    x0: entries(frame.left, x0),
    y0: entries(frame.right, y0),
  });
}

/** |sigma - (U^T s B A V)_ii| / sigma of one mode. */
function leftOf(
  { problem: { n, m }, frame, sigma }: SpectralCase,
  update: Float64Array,
  mode: number,
): number {
  const [u, v] = [columns(frame.left, [mode]).data, columns(frame.right, [mode]).data];
  let overlap = 0;
  for (let i = 0; i < n; i++) for (let j = 0; j < m; j++) overlap += u[i]! * update[i * m + j]! * v[j]!;
  return Math.abs(1 - overlap / sigma[mode]!);
}

const { path, end, rate } = checksOf<AlignedCase>({
  name: 'aligned',
  path: {
    claim: 'from factors along any singular vectors of M - W0, every mode of s B A follows its closed form',
    source: SOURCE,
    cases: (context) => alignedCases(context, anywhere),
    expected(context, at, adapter) {
      const closed = pathFrom(context, at, adapter);
      return (t) => ({ update: assembled(at.frame, closed.product(t)).data, loss: closed.loss(t) });
    },
  },
  end: {
    claim:
      'from factors along the leading r singular vectors, s B A ends at the truncated decomposition, mode by mode',
    source: SOURCE,
    cases: (context) => alignedCases(context, leading),
    reach(context, at) {
      const paths = at.adapters.map((adapter) => pathFrom(context, at, adapter));
      const slowest = Math.min(...paths.flatMap(({ rates, support }) => support.map((mode) => rates[mode]!)));
      return {
        time: timeUntil(1e-9, slowest),
        errors(snapshot, adapter) {
          const closed = paths[adapter]!;
          const expected = assembled(at.frame, closed.product(Infinity)).data;
          return [
            [relativeError([snapshot.update()], [expected]), 's B A'],
            [Math.abs(snapshot.loss - closed.loss(Infinity)) / at.problem.initialLoss!, 'loss'],
          ];
        },
      };
    },
  },
  rate: {
    claim: 'late on, mode i approaches sigma_i at the rate 2cD_i, D_i = sqrt(sigma_i^2 + 4 c^2 U V)',
    source: 'derived from the flow',
    cases: (context) => alignedCases(context, leading),
    approach(context, at, index) {
      const closed = pathFrom(context, at, at.adapters[0]!);
      const mode = index % at.rank;
      return {
        rate: closed.rates[mode]!,
        left: (t) => Math.abs(closed.residual(t)[mode]!) / at.sigma[mode]!,
        measured: ({ update }) => leftOf(at, update(), mode),
      };
    },
  },
});

/** Standard deviation of the perturbation of a factor, in random directions. */
const PERTURBATION = 1e-2;

/** The best modes, the best but for the last one, and one fewer than there are columns. */
const supports = (rank: number): (readonly number[])[] => {
  const best = Array.from({ length: rank }, (_, i) => i);
  return [best, [...best.slice(0, -1), rank], best.slice(0, -1)];
};

const saddles: Check = {
  id: 'closed-forms/aligned-saddles',
  claim:
    'singular directions are left after a perturbation if and only if they are not the leading r: wrong cases',
  source: SOURCE,
  on: 'backend',
  async measure(context) {
    const wrong: string[] = [];
    for (const [index, one] of alignedCases(context, leading).entries()) {
      const { rank, sigma, frame, coefficients: k } = one;
      const { n, m } = one.problem;
      const draws = new Draws(context.seed, 'aligned saddle', index);
      const at = {
        ...one,
        adapters: supports(rank).map((modes) => {
          const { x0, y0 } = onModes(modes)(draws, frame, k);
          return uncoupled(perturbed(draws, n, rank, x0), perturbed(draws, m, rank, y0), k);
        }),
      };
      const [ends] = await simulateAdapters(context, at, [gapTime(at)]);
      supports(rank).forEach((modes, i) => {
        const stayed = assembled(
          frame,
          sigma.map((s, mode) => (modes.includes(mode) ? s : 0)),
        );
        const left = relativeError([ends![i]!.update()], [stayed.data]) > 0.1;
        if (left !== context.subject.theory.isSaddle(sigma, modes, rank))
          wrong.push(`${at.name} from modes ${modes.map((mode) => mode + 1).join(', ')}`);
      });
    }
    return {
      measured: wrong.length,
      allowed: atMost(0, 'an end is either near its start or far from it'),
      where: wrong[0] ?? 'none',
    };
  },
};

/** z [rows, up to rank] with columns of zeros up to the rank, and something small added everywhere. */
function perturbed(draws: Draws, rows: number, rank: number, z: Dense): Dense {
  const all = draws.gaussian(rows, rank, PERTURBATION);
  for (let j = 0; j < z.cols; j++)
    for (let i = 0; i < rows; i++) all.data[i * rank + j]! += z.data[i * z.cols + j]!;
  return all;
}

export const alignedChecks: readonly Check[] = [path, end, rate, saddles];
