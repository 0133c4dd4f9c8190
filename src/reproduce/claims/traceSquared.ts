/** Claims on the trace-squared loss: zero loss at every rank, and how far from full fine-tuning its end lies. */
import { traceSquared } from '../../problem/traceSquared.js';
import { statistic } from '../../numbers/statistics.js';
import { gaussianGapSquared } from '../../theory/traceSquared.js';
import { atMost, around, Worst } from '../../verify/check.js';
import { logSlope } from '../../verify/means/logSlope.js';
import type { Claim } from '../claim.js';
import { simulatedMeans } from '../curves.js';
import { off, settled } from '../trajectories.js';

const TRACE = 8;
/** Relative error of a squared distance by float32 and the stop rule: at rank 1 all draws end equally far. */
const RESOLUTION = 1e-4;

const spectralStart: Claim = {
  id: 'trace-squared-zero-loss',
  claim:
    'LoRA of every rank reaches zero trace-squared loss, at a distance from full fine-tuning that is sqrt(n/r - 1) times the length of full fine-tuning itself: O(r^-1/2)',
  source: 'Rushka & Klabjan 2026, spectral initialization, in its relative form',
  async demonstrate(context) {
    const n = 1024;
    const ranks = [1, 2, 4, 8, 16, 32, 64, 128, 256];
    const problem = traceSquared(n, TRACE);
    const ends = await settled(context, { problem, ranks, initialization: 'spectral' }, 50);
    const relative = ends.map(({ last }) => last.distance! / (TRACE / Math.sqrt(n)));
    const law = ranks.map((rank) => Math.sqrt(n / rank - 1));
    const loss = new Worst();
    ends.forEach(({ last }, i) => loss.add(last.loss / problem.initialLoss!, `r = ${ranks[i]}`));
    const distance = new Worst();
    relative.forEach((value, i) => distance.add(off(value, law[i]!), `r = ${ranks[i]}`));
    // Where n / r is large: sqrt(n/r - 1) bends down as r comes near n.
    const few = ranks.filter((rank) => rank <= n / 32);
    const fit = logSlope(few, relative.slice(0, few.length));
    return {
      evidence: [
        {
          of: 'final loss over f(W0)',
          ...loss.result,
          allowed: atMost(1e-10, 'zero, to a float32 trace squared'),
        },
        {
          of: 'relative distance, off the law',
          ...distance.result,
          allowed: atMost(1e-4, 'float32 and the stop rule'),
        },
        {
          of: 'slope of log distance on log rank',
          measured: fit.slope,
          where: `r <= ${few.at(-1)}, 95 % interval +- ${fit.halfWidth(0.05).toPrecision(2)}`,
          allowed: around(-0.5, 0.02, '-1/2, where the law has sqrt(1 - r/n) to r = n/32'),
        },
      ],
      chart: {
        title: 'Zero loss at every rank, and yet far from full fine-tuning',
        setting: `trace-squared, n = ${n}, spectral start`,
        x: { name: 'rank', title: 'rank r', scale: 'log' },
        y: { name: 'relative_distance', title: '|dW_LoRA - dW_FPFT| / |dW_FPFT|', scale: 'log' },
        curves: [
          { name: 'sqrt(n/r - 1)', kind: 'law', points: ranks.map((x, i) => ({ x, y: law[i]! })) },
          { name: 'simulated', kind: 'simulated', points: ranks.map((x, i) => ({ x, y: relative[i]! })) },
        ],
      },
    };
  },
};

const gaussianStart: Claim = {
  id: 'trace-squared-gaussian',
  claim:
    'from a Gaussian A0 the mean squared distance to full fine-tuning is (tr W0)^2 ((n + r + 1)/(n r + 2) - 1/n), at every n and r',
  source: 'derived from the flow; exact, whatever the variance of A0',
  async demonstrate(context) {
    const [n, trials] = [48, 400];
    const ranks = [1, 2, 4, 8, 16, 32];
    const problem = traceSquared(n, TRACE);
    const ends = await settled(context, { problem, ranks, initialization: 'gaussian', trials }, 100);
    const law = ranks.map((rank) => gaussianGapSquared(TRACE, n, rank));
    const simulated = ranks.map((rank) =>
      statistic(ends.filter(({ member }) => member.rank === rank).map(({ last }) => last.distance! ** 2)),
    );
    const errors = new Worst();
    simulated.forEach(({ mean, sd, count }, i) =>
      errors.add(
        Math.abs(mean - law[i]!) / Math.max(sd / Math.sqrt(count), RESOLUTION * law[i]!),
        `r = ${ranks[i]}, ${count} trials`,
      ),
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
        title: 'Mean squared distance to full fine-tuning',
        setting: `trace-squared, n = ${n}, Gaussian A0, ${trials} trials`,
        x: { name: 'rank', title: 'rank r', scale: 'log' },
        y: { name: 'squared_distance', title: 'mean |dW_LoRA - dW_FPFT|^2', scale: 'log' },
        curves: [
          { name: 'law', kind: 'law', points: ranks.map((x, i) => ({ x, y: law[i]! })) },
          simulatedMeans(ranks, simulated),
        ],
      },
    };
  },
};

export const traceSquaredClaims: readonly Claim[] = [spectralStart, gaussianStart];
