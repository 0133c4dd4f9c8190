/** Claims on where the flow ends: on the optimum of its rank, for quadratic losses of every curvature. */
import { frobeniusFromSpectrum } from '../../problem/frobenius.js';
import { kroneckerQuadratic } from '../../problem/kronecker.js';
import { linearRegression } from '../../problem/linearRegression.js';
import type { Problem } from '../../problem/problem.js';
import { namedSpectrum } from '../../problem/spectrum.js';
import { Draws } from '../../verify/cases.js';
import { Worst } from '../../verify/check.js';
import type { Claim } from '../claim.js';
import { settled } from '../trajectories.js';

interface Scene {
  readonly id: string;
  readonly claim: string;
  readonly source: string;
  readonly title: string;
  readonly setting: string;
  readonly law: string;
  problem(draws: Draws): Problem;
  readonly ranks: readonly number[];
  readonly initialization: string;
  readonly trials: number;
  readonly time: number;
}

const optimumClaim = (scene: Scene): Claim => ({
  ...{ id: scene.id, claim: scene.claim, source: scene.source },
  async demonstrate(context) {
    const { ranks, initialization, trials, time } = scene;
    const problem = scene.problem(new Draws(context.seed, 'reproduction', 0));
    const ends = await settled(context, { problem, ranks, initialization, trials }, time);
    const relative = (loss: number) => Math.sqrt(loss / problem.initialLoss!);
    const law = ranks.map((rank) => relative(problem.optimum(rank)!));
    const distance = new Worst();
    for (const { member, last } of ends)
      distance.add(
        relative(last.loss) - law[ranks.indexOf(member.rank)]!,
        `r = ${member.rank}, trial ${member.trial}`,
      );
    return {
      evidence: [
        {
          of: 'relative error, off the law, of the worst trial',
          ...distance.result,
          allowed: { from: -1e-6, to: 1e-3, reason: 'never below the optimum; above it by the stop rule' },
        },
        {
          of: 'trials that came to rest, of all',
          measured: ends.filter(({ outcome }) => outcome === 'stationary').length / ends.length,
          where: `${ends.length} trials`,
          allowed: { from: 1, to: 1, reason: 'all' },
        },
      ],
      chart: {
        title: scene.title,
        setting: scene.setting,
        x: { name: 'rank', title: 'rank r', scale: 'log' },
        y: { name: 'relative_error', title: 'sqrt(f / f(W0))', scale: 'linear' },
        curves: [
          { name: scene.law, kind: 'law', points: ranks.map((x, i) => ({ x, y: law[i]! })) },
          {
            name: 'simulated, every trial',
            kind: 'simulated',
            points: ends.map(({ member, last }) => ({ x: member.rank, y: relative(last.loss) })),
          },
        ],
      },
    };
  },
});

const scenes: readonly Scene[] = [
  {
    id: 'eckart-young-mirsky-aligned',
    claim: 'from a spectrally aligned start with B0 = 0, LoRA of rank r ends on the truncated SVD',
    source: 'Rushka & Klabjan 2026; Eckart & Young 1936, Mirsky 1960',
    title: 'Where an aligned start ends',
    setting: 'Frobenius, 96 x 64, sigma_i = i^-1/2, spectral start',
    law: 'Eckart-Young-Mirsky',
    problem: () => frobeniusFromSpectrum(namedSpectrum('power:0.5', 64), 96, 64),
    ranks: [1, 2, 4, 8, 16, 32, 64],
    ...{ initialization: 'spectral', trials: 1, time: 1000 },
  },
  {
    id: 'eckart-young-mirsky-random',
    claim: 'from a random A0 with B0 = 0 it ends there too, with probability one',
    source: 'derived from the flow: all other stationary points are unstable',
    title: 'Where random starts end',
    setting: 'Frobenius, 48 x 32, sigma_i = 0.7^i, Gaussian A0, 16 trials',
    law: 'Eckart-Young-Mirsky',
    problem: () => frobeniusFromSpectrum(namedSpectrum('exp:0.7', 32), 48, 32),
    ranks: [1, 2, 3, 4, 6],
    ...{ initialization: 'gaussian', trials: 16, time: 20_000 },
  },
  {
    id: 'linear-regression-optimum',
    claim: 'linear regression with input covariance H ends on the truncated SVD of E H^(1/2)',
    source: 'derived: Eckart-Young-Mirsky in the norm of H',
    title: 'Where linear regression ends',
    setting: '12 x 10, random E and H, Gaussian A0, 8 trials',
    law: 'singular values of E H^(1/2)',
    problem: (draws) => linearRegression(draws.matrix(12, 10), draws.covariance(10)),
    ranks: [1, 2, 4, 8],
    ...{ initialization: 'gaussian', trials: 8, time: 4000 },
  },
  {
    id: 'kronecker-optimum',
    claim: 'with curvature on both sides, S and H, it ends on the truncated SVD of S^(1/2) E H^(1/2)',
    source: 'derived: whitening of both sides',
    title: 'Where a layer with Kronecker-factored curvature ends',
    setting: '10 x 8, random E, S and H, Gaussian A0, 8 trials',
    law: 'singular values of S^(1/2) E H^(1/2)',
    problem: (draws) => kroneckerQuadratic(draws.matrix(10, 8), draws.covariance(10), draws.covariance(8)),
    ranks: [1, 2, 4, 8],
    ...{ initialization: 'gaussian', trials: 8, time: 4000 },
  },
];

export const optimumClaims = scenes.map(optimumClaim);
