/** Claims on the flow itself: that both updates have it, what it conserves, and that the loss falls along it. */
import { ensemble } from '../../ensemble/ensemble.js';
import { difference, frobeniusNorm } from '../../numbers/dense.js';
import { multiplyTransposedLeft, multiplyTransposedRight } from '../../numbers/products.js';
import { method } from '../../method/methods.js';
import { frobeniusFromSpectrum } from '../../problem/frobenius.js';
import type { Factors } from '../../problem/factors.js';
import { namedSpectrum } from '../../problem/spectrum.js';
import { around, atMost } from '../../verify/check.js';
import { logSlope } from '../../verify/means/logSlope.js';
import type { Claim } from '../claim.js';
import { followed } from '../trajectories.js';

const setting = 'Frobenius, 16 x 12, sigma_i = 0.8^i, rank 3, Gaussian A0';
const scene = (seed: number) => {
  const problem = frobeniusFromSpectrum(namedSpectrum('exp:0.8', 12), 16, 12);
  return { problem, members: ensemble({ problem, ranks: [3], initialization: 'gaussian', seed }).members };
};

const update = ({ x, y }: Factors) => multiplyTransposedRight(x, y);

const oneFlow: Claim = {
  id: 'one-flow',
  claim:
    'simultaneous and sequential gradient descent have the same flow: as the step h goes to zero, their updates part by O(h), and both come to it by O(h)',
  source: 'Rushka & Klabjan 2026',
  async demonstrate(context) {
    const { problem, members } = scene(context.seed);
    const time = 4;
    const steps = [0.2, 0.1, 0.05, 0.025, 0.0125];
    const end = async (by: ReturnType<typeof method>) => {
      const [trajectory] = await followed(context, problem, members, [time], { by });
      return update(trajectory!.factors);
    };
    const flow = await end(method('dopri5', { rtol: 1e-7 }));
    const size = frobeniusNorm(flow);
    const distances: { step: number; gap: number; simultaneous: number; sequential: number }[] = [];
    for (const step of steps) {
      const [one, other] = [
        await end(method('gd-simultaneous', { step })),
        await end(method('gd-a-then-b', { step })),
      ];
      const between = (a: typeof one, b: typeof one) => frobeniusNorm(difference(a, b)) / size;
      distances.push({
        ...{ step, gap: between(one, other) },
        ...{ simultaneous: between(one, flow), sequential: between(other, flow) },
      });
    }
    const curve = (key: 'gap' | 'simultaneous' | 'sequential') =>
      distances.map((each) => ({ x: each.step, y: each[key] }));
    const order = (key: 'gap' | 'simultaneous' | 'sequential', name: string) => {
      const { slope, halfWidth } = logSlope(
        steps,
        curve(key).map(({ y }) => y),
      );
      return {
        of: `order in h of the distance ${name}`,
        measured: slope,
        where: `h from ${steps[0]} to ${steps.at(-1)}, 95 % interval +- ${halfWidth(0.05).toPrecision(2)}`,
        allowed: around(1, 0.15, 'first order, with the next order at these steps'),
      };
    };
    const last = distances.at(-1)!;
    return {
      evidence: [
        order('gap', 'between both'),
        order('simultaneous', 'of the simultaneous to the flow'),
        order('sequential', 'of the sequential to the flow'),
      ],
      chart: {
        title: 'Two updates, one flow',
        setting: `${setting}, t = ${time}`,
        x: { name: 'step', title: 'step h', scale: 'log' },
        y: { name: 'distance', title: 'distance of s B A, relative', scale: 'log' },
        curves: [
          { name: 'simultaneous to sequential', kind: 'simulated', points: curve('gap') },
          { name: 'simultaneous to the flow', kind: 'simulated', points: curve('simultaneous') },
          { name: 'sequential to the flow', kind: 'simulated', points: curve('sequential') },
          {
            name: 'slope 1',
            kind: 'law',
            points: steps.map((step) => ({ x: step, y: (last.gap * step) / last.step })),
          },
        ],
      },
    };
  },
};

/** X^T X - Y^T Y, which is B^T B / kB - A A^T / kA times c. */
const imbalance = ({ x, y }: Factors) =>
  difference(multiplyTransposedLeft(x, x), multiplyTransposedLeft(y, y));

const conservation: Claim = {
  id: 'conservation-and-descent',
  claim:
    'along the flow B^T B / kB - A A^T / kA stays what it was, and the loss falls at the rate |dB/dt|^2 / kB + |dA/dt|^2 / kA',
  source: 'derived from the flow, for every loss',
  async demonstrate(context) {
    const { problem, members } = scene(context.seed);
    const times = Array.from({ length: 400 }, (_, i) => (i + 1) * 0.05);
    const [trajectory] = await followed(context, problem, members, times, {
      by: method('dopri5', { rtol: 1e-7 }),
    });
    const before = imbalance(members[0]!.initial());
    const after = imbalance(trajectory!.factors);
    const losses = trajectory!.saved.map((at) => at!.loss);
    const norms = trajectory!.saved.map((at) => at!.gradientNorm!);
    // Simpson's rule for the integral of |grad|^2 between every second save time.
    const pairs = times.flatMap((time, i) => (i >= 2 && i % 2 === 0 ? [{ time, i }] : []));
    const fallen = pairs.map(({ i }) => losses[i - 2]! - losses[i]!);
    const integral = pairs.map(
      ({ i }) => (0.05 / 3) * (norms[i - 2]! ** 2 + 4 * norms[i - 1]! ** 2 + norms[i]! ** 2),
    );
    const start = problem.initialLoss!;
    const error = Math.max(...fallen.map((fall, k) => Math.abs(fall - integral[k]!))) / start;
    return {
      evidence: [
        {
          of: 'change of B^T B / kB - A A^T / kA, relative',
          measured: frobeniusNorm(difference(after, before)) / frobeniusNorm(before),
          where: `t = ${times.at(-1)}`,
          allowed: atMost(1e-5, 'a hundred times the tolerance of a step'),
        },
        {
          of: 'fall of the loss less the integral of the rate, over f(W0)',
          measured: error,
          where: `${pairs.length} stretches of 0.1`,
          allowed: atMost(1e-5, "Simpson's rule and float32 states"),
        },
      ],
      chart: {
        title: 'The loss falls by the squared norm of the flow',
        setting,
        x: { name: 'time', title: 'time t', scale: 'linear' },
        y: { name: 'fall', title: 'fall of the loss in 0.1', scale: 'linear' },
        curves: [
          {
            name: 'integral of the squared norm',
            kind: 'law',
            points: pairs.map(({ time }, k) => ({ x: time, y: integral[k]! })),
          },
          {
            name: 'simulated',
            kind: 'simulated',
            points: pairs.flatMap(({ time }, k) => (k % 5 === 0 ? [{ x: time, y: fallen[k]! }] : [])),
          },
        ],
      },
    };
  },
};

export const flowClaims: readonly Claim[] = [oneFlow, conservation];
