/** Claims on other flows of the same adapter: a frozen factor, weight decay, scaled, projected and spectral flows. */
import { ensemble } from '../../ensemble/ensemble.js';
import { memberAt, type Member } from '../../ensemble/member.js';
import { flow, type Flow } from '../../flow/flow.js';
import { normalizationOf } from '../../flow/normalization.js';
import { dense } from '../../numbers/dense.js';
import { statistic } from '../../numbers/statistics.js';
import { method } from '../../method/methods.js';
import { frobeniusFromSpectrum } from '../../problem/frobenius.js';
import { namedSpectrum } from '../../problem/spectrum.js';
import { atMost, Worst } from '../../verify/check.js';
import type { Chart } from '../../report/plots/chart.js';
import type { Claim, ClaimContext } from '../claim.js';
import { simulatedMeans } from '../curves.js';
import { followed, plain, settled } from '../trajectories.js';

const frozen: Claim = {
  id: 'frozen-a',
  claim:
    'with A frozen at a random start, the mean squared error at the end is (1 - r/m) |E|^2, whatever the spectrum',
  source: 'derived: the flow ends on E P_A; LoRA-FA, asymmetric LoRA',
  async demonstrate(context) {
    const [n, m, trials] = [24, 32, 200];
    const problem = frobeniusFromSpectrum(namedSpectrum('power:1', n), n, m);
    const ranks = [1, 2, 4, 8, 16, 24];
    const start = { problem, ranks, initialization: 'gaussian', trials, lrRatioA: 0 };
    const ends = await settled(context, start, 50_000);
    const simulated = ranks.map((rank) =>
      statistic(
        ends.filter(({ member }) => member.rank === rank).map(({ last }) => last.loss / problem.initialLoss!),
      ),
    );
    const law = ranks.map((rank) => 1 - rank / m);
    const errors = new Worst();
    simulated.forEach(({ mean, sd, count }, i) =>
      errors.add(Math.abs(mean - law[i]!) / (sd / Math.sqrt(count)), `r = ${ranks[i]}, ${count} trials`),
    );
    return {
      evidence: [
        {
          of: 'standard errors off the law',
          ...errors.result,
          allowed: atMost(4, 'once in 2,600 such reproductions by chance'),
        },
      ],
      chart: {
        title: 'What is left with A frozen',
        setting: `Frobenius, ${n} x ${m}, sigma_i = 1/i, Gaussian A0, ${trials} trials`,
        x: { name: 'rank', title: 'rank r', scale: 'log' },
        y: { name: 'squared_error', title: 'mean |W - M|^2 / |E|^2', scale: 'linear' },
        curves: [
          { name: '1 - r/m', kind: 'law', points: ranks.map((x, i) => ({ x, y: law[i]! })) },
          simulatedMeans(ranks, simulated),
        ],
      },
    };
  },
};

const softThreshold: Claim = {
  id: 'weight-decay-soft-threshold',
  claim:
    'decoupled weight decay mu ends on the soft threshold (sigma_i - mu/c)_+ of the leading r singular values: its rank is the number of sigma_i above mu/c, whatever r is',
  source: 'derived from the flow, c = s sqrt(kA kB)',
  async demonstrate(context) {
    const sigma = namedSpectrum('power:1', 12);
    const problem = frobeniusFromSpectrum(sigma, 16, 12);
    const [rank, alpha, lrRatioB] = [8, 2, 4];
    const c = alpha * Math.sqrt(lrRatioB);
    const decays = [0.1, 0.6, 1.2, 2.4];
    const apart = new Worst();
    const curves: Chart['curves'][number][] = [];
    for (const decay of decays) {
      const by = flow('gradient', { decay });
      const { members } = ensemble({
        ...{ problem, ranks: [rank], initialization: 'small:0.1', flow: by, alpha, lrRatioB },
        seed: context.seed,
      });
      const [end] = await followed(context, problem, members, [400], { detail: 'singular-values' });
      const values = end!.last.singularValues!;
      const law = Array.from(sigma.subarray(0, rank), (s) => Math.max(0, s - decay / c));
      law.forEach((value, i) => apart.add(values[i]! - value, `mu = ${decay}, i = ${i + 1}`));
      curves.push(
        {
          name: `soft threshold, mu/c = ${decay / c}`,
          kind: 'law',
          points: law.map((y, i) => ({ x: i + 1, y })),
        },
        {
          name: `simulated, mu/c = ${decay / c}`,
          kind: 'simulated',
          points: values.map((y, i) => ({ x: i + 1, y })),
        },
      );
    }
    return {
      evidence: [
        {
          of: 'singular value less the soft threshold',
          ...apart.result,
          allowed: { from: -1e-4, to: 1e-4, reason: 'float32; sigma_1 is 1' },
        },
      ],
      chart: {
        title: 'What weight decay leaves of each singular value',
        setting: `Frobenius, 16 x 12, sigma_i = 1/i, rank ${rank}, s = ${alpha}, kB = ${lrRatioB}`,
        x: { name: 'index', title: 'index i', scale: 'linear' },
        y: { name: 'singular_value', title: 'singular value at the end', scale: 'linear' },
        curves,
      },
    };
  },
};

/** The member of a flow with a column for each of the modes, B = A^T = start on its singular direction. */
function alignedMember(modes: number, start: number, by: Flow): Member {
  const { x, y } = normalizationOf(plain, by);
  const along = (factor: number) => {
    const out = dense(modes, modes);
    for (let i = 0; i < modes; i++) out.data[i * modes + i] = factor * start;
    return out;
  };
  return memberAt({ x: along(x), y: along(y) }, plain, 0, by);
}

interface AlignedScene {
  readonly id: string;
  readonly claim: string;
  readonly source: string;
  readonly title: string;
  readonly flow: string;
  readonly start: number;
  readonly times: readonly number[];
  readonly step?: number;
  law(sigma: number, start: number, t: number): number;
  readonly tolerance: number;
  readonly reason: string;
}

const sigmas = [1, 0.6, 0.3, 0.1] as const;

const alignedClaim = (scene: AlignedScene): Claim => ({
  ...{ id: scene.id, claim: scene.claim, source: scene.source },
  async demonstrate(context: ClaimContext) {
    const problem = frobeniusFromSpectrum(Float64Array.from(sigmas), 4, 4);
    const { start, times, step } = scene;
    const member = alignedMember(4, start, flow(scene.flow));
    const by = step === undefined ? method('dopri5', { rtol: 1e-6 }) : method('rk4', { step });
    const [trajectory] = await followed(context, problem, [member], times, { by, detail: 'singular-values' });
    const apart = new Worst();
    times.forEach((t, k) => {
      const law = sigmas.map((sigma) => scene.law(sigma, start, t)).sort((a, b) => b - a);
      law.forEach((value, i) =>
        apart.add(trajectory!.saved[k]!.singularValues![i]! - value, `t = ${t.toPrecision(3)}`),
      );
    });
    const curves = sigmas.flatMap((sigma, i): Chart['curves'][number][] => [
      {
        name: `law, sigma = ${sigma}`,
        kind: 'law',
        points: times.map((x) => ({ x, y: scene.law(sigma, start, x) })),
      },
      {
        name: `simulated, sigma = ${sigma}`,
        kind: 'simulated',
        points: times.flatMap((x, k) =>
          k % 4 === 0 ? [{ x, y: trajectory!.saved[k]!.singularValues![i]! }] : [],
        ),
      },
    ]);
    return {
      evidence: [
        {
          of: 'singular value less its law',
          ...apart.result,
          allowed: { from: -scene.tolerance, to: scene.tolerance, reason: scene.reason },
        },
      ],
      chart: {
        title: scene.title,
        setting: `Frobenius, sigma = ${sigmas.join(', ')}, aligned start ${start}`,
        x: { name: 'time', title: 'time t', scale: 'linear' },
        y: { name: 'singular_value', title: 'singular values of s B A', scale: 'linear' },
        curves,
      },
    };
  },
});

const evenTimes = (to: number, count: number) =>
  Array.from({ length: count }, (_, i) => ((i + 1) * to) / count);

const aligned: readonly AlignedScene[] = [
  {
    id: 'scaled-flow',
    claim:
      'under the scaled flow (ScaledGD) every aligned mode approaches its singular value at the same rate, 2 s^2, however small that is',
    source: 'derived; Zhang & Pilanci 2024 precondition so',
    title: 'The scaled flow learns all modes at one rate',
    ...{ flow: 'scaled', start: 0.2, times: evenTimes(3, 60) },
    law: (sigma, start, t) => sigma + (start ** 2 - sigma) * Math.exp(-2 * t),
    ...{ tolerance: 1e-4, reason: 'float32 states' },
  },
  {
    id: 'projected-flow',
    claim:
      'under the projected flow (LoRA-Pro, Riemannian) every aligned mode moves as full fine-tuning moves it: at rate 1',
    source: 'derived; Wang et al. 2024',
    title: 'The projected flow moves as full fine-tuning',
    ...{ flow: 'projected', start: 0.2, times: evenTimes(6, 60) },
    law: (sigma, start, t) => sigma + (start ** 2 - sigma) * Math.exp(-t),
    ...{ tolerance: 1e-4, reason: 'float32 states' },
  },
  {
    id: 'spectral-flow',
    claim:
      "under the spectral flow (Muon's) every aligned mode grows as (b0 + t)^2 until it arrives, in finite time: small singular values first, the reverse of the gradient flow",
    source: 'derived; cf. Kang et al. 2026',
    title: 'The spectral flow learns small singular values first',
    ...{ flow: 'spectral', start: 0.1, times: evenTimes(1.2, 60), step: 0.002 },
    law: (sigma, start, t) => Math.min(sigma, (start + t) ** 2),
    tolerance: 0.02,
    reason: 'five steps of 0.002 about an arrival, behind which factors chatter within a step',
  },
];

export const otherFlowClaims: readonly Claim[] = [frozen, softThreshold, ...aligned.map(alignedClaim)];
