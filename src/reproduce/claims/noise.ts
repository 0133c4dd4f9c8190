/** Claims on noise: the risk of a rank that learns a noisy target in full, and the rank that is best. */
import { ensemble } from '../../ensemble/ensemble.js';
import { dense, difference, inner, sum, type Dense } from '../../numbers/dense.js';
import { multiplyTransposedRight } from '../../numbers/products.js';
import { statistic } from '../../numbers/statistics.js';
import { outOfFrame } from '../../problem/factors.js';
import { frobenius } from '../../problem/frobenius.js';
import { spikedModel } from '../../theory/spiked.js';
import { Draws } from '../../verify/cases.js';
import { Worst } from '../../verify/check.js';
import type { Claim } from '../claim.js';
import { simulatedMeans } from '../curves.js';
import { followed, off } from '../trajectories.js';

const model = { sigma: [2.5, 1.5, 1, 0.6], tau: 0.8, n: 200, m: 300 };
const ranks = [1, 2, 3, 4, 5, 6];
const DRAWS = 8;

/** diag(sigma) [n, m]. */
function target(): Dense {
  const out = dense(model.n, model.m);
  model.sigma.forEach((s, i) => (out.data[i * model.m + i] = s));
  return out;
}

const riskByRank: Claim = {
  id: 'noise-best-rank',
  claim:
    'seen through noise, the risk of a rank is U-shaped: sum_i sigma_i^2 + sum_{i <= r} (y_i^2 - 2 y_i sigma_i sqrt(left_i right_i)), and the best rank is below that of the target',
  source: 'Benaych-Georges & Nadakuditi 2012, for the truncated SVD that the flow ends on',
  async demonstrate(context) {
    const { n, m, tau } = model;
    const clean = target();
    const law = spikedModel(model);
    /** [draw][rank] */
    const risks: number[][] = [];
    for (let draw = 0; draw < DRAWS; draw++) {
      const noise = new Draws(context.seed, 'reproduction', 1 + draw).gaussian(n, m, tau / Math.sqrt(m));
      const problem = frobenius(sum(clean, noise));
      const { members } = ensemble({ problem, ranks, initialization: 'gaussian', seed: context.seed + draw });
      const ends = await followed(context, problem, members, [400], { detail: 'loss' });
      risks.push(
        ends.map(({ factors }) => {
          const { x, y } = outOfFrame(factors, problem.frame);
          const apart = difference(multiplyTransposedRight(x, y), clean);
          return inner(apart, apart);
        }),
      );
    }
    const simulated = ranks.map((_, i) => statistic(risks.map((draw) => draw[i]!)));
    const apart = new Worst();
    simulated.forEach(({ mean }, i) => {
      const expected = law.risk(ranks[i]!);
      apart.add(off(mean, expected), `r = ${ranks[i]}, ${DRAWS} draws`);
    });
    const best = risks.map((draw) => ranks[draw.indexOf(Math.min(...draw))]!);
    return {
      evidence: [
        {
          of: 'mean risk, off the law',
          ...apart.result,
          allowed: { from: 0, to: 0.05, reason: `the law is of large matrices, these are ${n} x ${m}` },
        },
        {
          of: `draws in which rank ${law.bestRank} is best, of all`,
          measured: best.filter((rank) => rank === law.bestRank).length / DRAWS,
          where: `${DRAWS} draws`,
          allowed: { from: 0.75, to: 1, reason: 'the best rank of the law, at this size' },
        },
      ],
      chart: {
        title: 'With noise a small rank wins',
        setting: `Frobenius, ${n} x ${m}, sigma = ${model.sigma.join(', ')}, tau = ${tau}, ${DRAWS} draws`,
        x: { name: 'rank', title: 'rank r', scale: 'log' },
        y: { name: 'risk', title: 'risk |W - M|^2', scale: 'linear' },
        curves: [
          { name: 'spiked model', kind: 'law', points: ranks.map((x) => ({ x, y: law.risk(x) })) },
          simulatedMeans(ranks, simulated),
        ],
      },
    };
  },
};

export const noiseClaims: readonly Claim[] = [riskByRank];
