/** Checks of where flows end and how fast: under decay, with a frozen factor, and late on under scaled and projected ones. */
import { answered } from '../../../../kernels/cpu/field.js';
import { flow, gradientFlow } from '../../../flow/flow.js';
import { method } from '../../../method/methods.js';
import { dense } from '../../../numbers/dense.js';
import { multiply } from '../../../numbers/products.js';
import { statistic, zScore } from '../../../numbers/statistics.js';
import { assembled } from '../../../problem/frame.js';
import { Draws } from '../../cases.js';
import { around, atMost, Worst, type Check, type CheckContext } from '../../check.js';
import { hostField, stateOf, updateOf } from '../../means/fields.js';
import { relativeError } from '../../means/precision.js';
import type { SpectralCase } from '../closedForms/problems.js';
import { gapTime, rateRatio, simulateAdapters, stationaryBudget } from '../closedForms/simulate.js';
import { movedCase } from './cases.js';

/** Cases from Gaussian A0 and B0 = 0 that decay to a threshold above and below the last singular value kept. */
function decayCases(context: CheckContext): { readonly at: SpectralCase; readonly threshold: number }[] {
  return [0, 1, 2, 3].map((index) => {
    const plain = movedCase(context, index + 30, () => gradientFlow);
    const { scale: s, lrRatioA, lrRatioB } = plain.coefficients;
    const [last, before] = [plain.sigma[plain.rank - 1]!, plain.sigma[plain.rank - 2]!];
    const threshold = index < 2 ? last / 2 : Math.sqrt(last * before);
    const isCoupled = index % 2 === 1;
    const moved = isCoupled
      ? flow('gradient', { coupledDecay: s * threshold })
      : flow('gradient', { decay: s * Math.sqrt(lrRatioA * lrRatioB) * threshold });
    return {
      at: { ...plain, name: `${isCoupled ? 'coupled' : 'decoupled'}, ${plain.name}`, flow: moved },
      threshold,
    };
  });
}

const softThreshold: Check = {
  id: 'flows/soft-threshold',
  claim:
    'weight decay mu takes s B A to sum_i<=r (sigma_i - threshold)_+ u_i v_i^T, the threshold mu / (s sqrt(kA kB)) where it is decoupled and mu / s where it is coupled',
  source: 'derived from the flow: the least of f plus a multiple of the nuclear norm',
  on: 'backend',
  async measure(context) {
    const worst = new Worst();
    for (const { at, threshold } of decayCases(context)) {
      const end = context.subject.theory.softThreshold(at.sigma, at.rank, threshold);
      const [ends] = await simulateAdapters(context, at, [gapTime(at)]);
      for (const snapshot of ends!) {
        const expected = assembled(at.frame, end.singularValues).data;
        worst.add(relativeError([snapshot.update()], [expected]), `${at.name}: s B A`);
        worst.add(Math.abs(snapshot.loss / end.loss - 1), `${at.name}: loss`);
      }
    }
    return { ...worst.result, allowed: stationaryBudget(context.backend) };
  },
};

/** Draws of a frozen A0 that the mean over random subspaces is taken of. */
const DRAWS = 400;

const randomSubspace: Check = {
  id: 'flows/random-subspace',
  claim:
    'with a frozen uniform A0 the mean of |E - E P_A|^2 / |E|^2 over draws is 1 - r / m: standard errors between them',
  source: 'derived from the flow: the mean of P_A is (r / m) I',
  on: 'host',
  measure({ seed, subject }) {
    const worst = new Worst();
    for (const [index, [n, m, rank]] of [
      [7, 9, 1],
      [7, 9, 3],
      [9, 6, 4],
    ].entries()) {
      const draws = new Draws(seed, 'flow', 2000 + index);
      const error = draws.matrix(n!, m!);
      const squares = error.data.reduce((sum, value) => sum + value * value, 0);
      const shares = Float64Array.from({ length: DRAWS }, () => {
        const frozen = dense(
          m!,
          rank!,
          Float64Array.from({ length: m! * rank! }, () => 2 * draws.uniform() - 1),
        );
        const path = subject.theory.frozenPath({
          ...{ seen: multiply(error, frozen), moving: dense(n!, rank!), frozen, squares },
        });
        return (2 * path.loss(Infinity)) / squares;
      });
      const score = zScore(shares, subject.theory.randomSubspaceError(rank!, m!));
      worst.add(Math.abs(score ?? NaN), `${n} x ${m}, r = ${rank}: mean ${statistic(shares).mean}`);
    }
    return Promise.resolve({
      ...worst.result,
      allowed: atMost(4, `standard errors of ${DRAWS} draws, three cases; beyond 4 once in 5,000 seeds`),
    });
  },
};

const rates: Check = {
  id: 'flows/rates',
  claim:
    'late on, scaled and projected flows approach the truncated decomposition at their rates, s^2 (1 - sigma_(r+1) / sigma_r) and 1 - sigma_(r+1) / sigma_r where kA = kB',
  source: 'derived from the flows',
  on: 'host',
  measure(context) {
    const { subject } = context;
    const worst = new Worst(1);
    for (const [index, rule] of (['scaled', 'projected', 'scaled', 'projected'] as const).entries()) {
      const change = rule === 'projected' ? { lrRatioA: 1, lrRatioB: 1 } : {};
      const drawn = movedCase(context, index + 40, () => flow(rule), change);
      const { rank, problem, coefficients } = drawn;
      const { n, m } = problem;
      const draws = new Draws(context.seed, 'flow', 3000 + index);
      const at = { ...drawn, adapters: [draws.adapter(n, m, rank)] };
      const square = coefficients.scale ** 2;
      const rate = subject.theory.preconditionedRate({
        ...{ sigma: at.sigma, n, m, rank, projected: rule === 'projected' },
        speeds:
          rule === 'projected' ? [1, 1] : [square * coefficients.lrRatioB, square * coefficients.lrRatioA],
      })!;
      const times = [14 / rate, 20 / rate] as const;
      const stop = { saveTimes: [...times], steadyTolerance: null, maxSteps: 100_000 };
      const by = method('dopri5', { rtol: 1e-11, precision: 'float64' });
      const { saved } = answered(
        subject.twin(stateOf(at.adapters[0]!), 1, by, stop),
        hostField(subject, at)!,
      );
      const best = assembled(at.frame, at.sigma.slice(0, rank)).data;
      const [before, after] = saved.map((state) => relativeError([updateOf(at, state)], [best]));
      worst.add(rateRatio(before!, after!, times, rate), at.name);
    }
    return Promise.resolve({
      ...worst.result,
      allowed: around(1, 0.02, 'what is left of faster parts after 14 over the rate'),
    });
  },
};

export const endChecks: readonly Check[] = [softThreshold, randomSubspace, rates];
