/** Claims on whole paths of the Frobenius loss: closed forms, saddles, and the growth of singular values. */
import { ensemble } from '../../ensemble/ensemble.js';
import { memberAt } from '../../ensemble/member.js';
import { dense } from '../../numbers/dense.js';
import { closedForm } from '../../problem/closedForm.js';
import { frobeniusFromSpectrum } from '../../problem/frobenius.js';
import { namedSpectrum } from '../../problem/spectrum.js';
import { saddleEscapeRate } from '../../theory/frobenius.js';
import { around, atMost, Worst } from '../../verify/check.js';
import { logSlope } from '../../verify/means/logSlope.js';
import type { ChartCurve } from '../../report/plots/chart.js';
import type { Claim } from '../claim.js';
import { followed, off, plain } from '../trajectories.js';

const logTimes = (from: number, to: number, count: number) =>
  Array.from({ length: count }, (_, i) => from * (to / from) ** (i / (count - 1)));

interface PathScene {
  readonly id: string;
  readonly claim: string;
  readonly source: string;
  readonly title: string;
  readonly initialization: string;
}

const pathClaim = ({ id, claim, source, title, initialization }: PathScene): Claim => ({
  ...{ id, claim, source },
  async demonstrate(context) {
    const problem = frobeniusFromSpectrum(namedSpectrum('power:1', 24), 32, 24);
    const ranks = [1, 2, 4, 8];
    const times = logTimes(0.1, 200, 40);
    const { members } = ensemble({ problem, ranks, initialization, seed: context.seed });
    const trajectories = await followed(context, problem, members, times);
    const error = new Worst();
    const curves: ChartCurve[] = trajectories.flatMap(({ member, saved }) => {
      const path = closedForm(problem, member.initial())!;
      times.forEach((t, k) =>
        error.add(
          off(saved[k]!.loss, path.loss(t), problem.initialLoss!),
          `r = ${member.rank}, t = ${t.toPrecision(3)}`,
        ),
      );
      return [
        {
          name: `closed form, r = ${member.rank}`,
          kind: 'law',
          points: times.map((x) => ({ x, y: path.loss(x) })),
        },
        {
          name: `simulated, r = ${member.rank}`,
          kind: 'simulated',
          points: times.flatMap((x, k) => (k % 3 === 0 ? [{ x, y: saved[k]!.loss }] : [])),
        },
      ];
    });
    return {
      evidence: [
        {
          of: 'loss off the closed form, over f(W0)',
          ...error.result,
          allowed: atMost(1e-5, 'float32 states'),
        },
      ],
      chart: {
        title,
        setting: `Frobenius, 32 x 24, sigma_i = 1/i, start ${initialization}`,
        x: { name: 'time', title: 'time t', scale: 'log' },
        y: { name: 'loss', title: 'loss', scale: 'log' },
        curves,
      },
    };
  },
});

const saddle: Claim = {
  id: 'wrong-directions-are-saddles',
  claim:
    'started on singular directions that are not the leading ones, the flow rests on a saddle; pushed off it by eps, it leaves at a rate that is known, after a time that grows as -log(eps) over that rate',
  source: 'derived from the flow; the rate by linearization about the saddle',
  async demonstrate(context) {
    const sigma = Float64Array.of(1, 0.6, 0.3, 0.1);
    const problem = frobeniusFromSpectrum(sigma, 4, 4);
    const pushes = [1e-2, 1e-3, 1e-4, 1e-5];
    // Rank 1 on the second direction, its factors on the saddle, x y = sigma_2 with x = y; and eps off it.
    const root = Math.sqrt(0.6);
    const members = pushes.map((eps, trial) =>
      memberAt(
        {
          x: dense(4, 1, Float64Array.of(eps, root, 0, 0)),
          y: dense(4, 1, Float64Array.of(eps, root, 0, 0)),
        },
        plain,
        trial,
      ),
    );
    const times = Array.from({ length: 1200 }, (_, i) => 0.05 * (i + 1));
    const trajectories = await followed(context, problem, members, times, { detail: 'loss' });
    const [onSaddle, end] = [problem.initialLoss! - 0.6 ** 2 / 2, problem.optimum(1)!];
    const middle = (onSaddle + end) / 2;
    const leaves = trajectories.map(({ saved }) => {
      const k = saved.findIndex((at) => at!.loss < middle);
      const [a, b] = [saved[k - 1]!, saved[k]!];
      return a.time + ((a.loss - middle) / (a.loss - b.loss)) * (b.time - a.time);
    });
    const rate = saddleEscapeRate({ outside: 1, inside: 0.6, imbalance: 0 });
    const spans = leaves.slice(1).map((time, i) => time - leaves[i]!);
    const measured = (Math.log(10) * spans.length) / spans.reduce((all, span) => all + span, 0);
    const first = leaves[0]!;
    return {
      evidence: [
        {
          of: 'rate of leaving, over the one that is known',
          measured: measured / rate,
          where: `eps from ${pushes[0]} to ${pushes.at(-1)}`,
          allowed: around(1, 0.02, 'eps is small, not zero'),
        },
      ],
      chart: {
        title: 'How long a wrong start stays on its saddle',
        setting: 'Frobenius, 4 x 4, sigma = 1, 0.6, 0.3, 0.1, rank 1 on the second direction',
        x: { name: 'push', title: 'push eps off the saddle', scale: 'log' },
        y: { name: 'time', title: 'time t at which it has left', scale: 'linear' },
        curves: [
          {
            name: 'slope -1/rate',
            kind: 'law',
            points: pushes.map((x) => ({ x, y: first + Math.log(pushes[0]! / x) / rate })),
          },
          {
            name: 'simulated',
            kind: 'simulated',
            points: pushes.map((x, i) => ({ x, y: leaves[i]! })),
          },
        ],
      },
    };
  },
};

const tanhLaw: Claim = {
  id: 'tanh-law',
  claim:
    'singular values of the update grow as lambda_i tanh^2(lambda_i t / sqrt 2): as t^2 at first, from B0 = 0',
  source: 'a preprint of 2026 (openreview gg2Wb2HPOI)',
  async demonstrate(context) {
    const sigma = Float64Array.of(1, 0.7, 0.4);
    const problem = frobeniusFromSpectrum(sigma, 3, 3);
    const times = logTimes(0.01, 10, 31);
    const early = times.filter((t) => t <= 0.1);
    const { members } = ensemble({ problem, ranks: [3], initialization: 'spectral', seed: context.seed });
    const [trajectory] = await followed(context, problem, members, times, { detail: 'singular-values' });
    const largest = trajectory!.saved.map((at) => at!.singularValues![0]!);
    const path = closedForm(problem, members[0]!.initial())!;
    const { slope, halfWidth } = logSlope(early, largest.slice(0, early.length));
    const tanh = (t: number) => Math.tanh(t / Math.SQRT2) ** 2;
    const apart = new Worst();
    times.forEach((t, k) => apart.add(largest[k]! - tanh(t), `t = ${t.toPrecision(2)}`));
    return {
      evidence: [
        {
          of: 'power of t in early growth',
          measured: slope,
          where: `t up to ${early.at(-1)!.toPrecision(2)}, 95 % interval +- ${halfWidth(0.05).toPrecision(2)}`,
          allowed: around(2, 0.1, 'tanh^2 grows as t^2; the flow from B0 = 0 grows as t'),
        },
        {
          of: 'largest singular value less the claimed one',
          ...apart.result,
          allowed: { from: -0.05, to: 0.05, reason: 'a twentieth of its end' },
        },
      ],
      chart: {
        title: 'Growth of the largest singular value of the update',
        setting: 'Frobenius, sigma = 1, 0.7, 0.4, B0 = 0, A0 along the singular vectors (norm 1)',
        x: { name: 'time', title: 'time t', scale: 'log' },
        y: { name: 'singular_value', title: 'largest singular value', scale: 'log' },
        curves: [
          {
            name: 'lambda tanh^2(lambda t / sqrt 2)',
            kind: 'law',
            points: times.map((x) => ({ x, y: tanh(x) })),
          },
          {
            name: 'closed form of the flow',
            kind: 'law',
            points: times.map((x) => ({ x, y: path.singularValues(x)[0]! })),
          },
          {
            name: 'simulated',
            kind: 'simulated',
            points: times.map((x, k) => ({ x, y: largest[k]! })),
          },
        ],
      },
    };
  },
};

export const pathClaims: readonly Claim[] = [
  pathClaim({
    id: 'aligned-path',
    claim: 'from a spectrally aligned start every mode moves alone, by one scalar equation, for all times',
    source: 'Rushka & Klabjan 2026; closed form in z = e^(2u)',
    title: 'The path from an aligned start',
    initialization: 'spectral',
  }),
  pathClaim({
    id: 'balanced-path',
    claim: 'from a balanced start, random rows of one length, the whole path is a matrix Riccati equation',
    source: 'derived; cf. Braun et al. 2022, Domine et al. 2024',
    title: 'The path from a balanced start',
    initialization: 'balanced:1',
  }),
  saddle,
  tanhLaw,
];
