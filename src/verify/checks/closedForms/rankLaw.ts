/**
 * How far LoRA's end on the trace-squared loss lies from full fine-tuning's, by rank: the spectral law, the Gaussian
 * expectation by Monte Carlo simulation, and the O(r^-1/2) law fitted to simulated ends.
 */
import { dense, scaled } from '../../../numbers/dense.js';
import type { Coefficients } from '../../../flow/coefficients.js';
import type { Factors } from '../../../problem/factors.js';
import { traceSquared } from '../../../problem/traceSquared.js';
import { zScore } from '../../../numbers/statistics.js';
import { Draws } from '../../cases.js';
import type { CaseSize } from '../../sizes.js';
import { around, Worst, type Check, type CheckContext } from '../../check.js';
import { logSlope } from '../../means/logSlope.js';
import { adaptive, solveProblem } from '../../means/trajectories.js';
import { orthonormal, traceCases } from './problems.js';
import { endBudget, simulateAdapters, timeUntil } from './simulate.js';

const DERIVED = 'derived from the flow of Rushka & Klabjan 2026';

/** Part of the initial trace that is left at the time of the end. */
const REMAINS = 1e-7;

const spectral: Check = {
  id: 'closed-forms/trace-squared-spectral-law',
  claim:
    'from B0 = 0 and orthogonal rows of one length, LoRA ends at the distance |tr W0| sqrt(1/r - 1/n) from full fine-tuning',
  source: 'Rushka & Klabjan 2026',
  on: 'backend',
  async measure(context) {
    const worst = new Worst();
    const start = (draws: Draws, n: number, rank: number) => ({
      x: dense(n, rank),
      y: scaled(orthonormal(draws, n, rank), draws.ratio()),
    });
    for (const at of traceCases(context, start)) {
      const { n } = at.problem;
      const time = endTime(at.coefficients, at.trace0);
      const expected = context.subject.theory.spectralGap(at.trace0, n, at.rank);
      const [ends] = await simulateAdapters(context, at, [time]);
      for (const snapshot of ends!) {
        const fromFull = snapshot.update();
        for (let i = 0; i < n; i++) fromFull[i * n + i]! += at.trace0 / n;
        for (const distance of [Math.hypot(...fromFull), snapshot.distance])
          worst.add(Math.abs(distance - expected) / Math.abs(at.trace0), at.name);
      }
    }
    return { ...worst.result, allowed: endBudget(context.backend) };
  },
};

/** The trace falls at the rate 2c |tr W0| or faster. */
const endTime = ({ scale, lrRatioA, lrRatioB }: Coefficients, trace0: number): number =>
  timeUntil(REMAINS, 2 * scale * Math.sqrt(lrRatioA * lrRatioB) * Math.abs(trace0));

/** Distances of simulated ends from full fine-tuning's, from B0 = 0 and Gaussian A0 of the given ranks. */
async function gaussianDistances(
  context: CheckContext,
  draws: Draws,
  n: number,
  trace0: number,
  ranks: readonly number[],
): Promise<number[]> {
  const coefficients = draws.coefficients();
  const starts = ranks.map((rank): Factors => {
    const loraA = draws.gaussian(rank, n, 1 / Math.sqrt(rank * n));
    return context.subject.toFactors({ loraA, loraB: dense(n, rank) }, coefficients);
  });
  const time = endTime(coefficients, trace0);
  const ends = await solveProblem(context, traceSquared(n, trace0), coefficients, starts, {
    ...adaptive(context.backend),
    saveTimes: [time],
  });
  return ends.map(({ last }) => last.distance ?? NaN);
}

const samples: Record<CaseSize, { readonly n: number; readonly draws: number }> = {
  small: { n: 16, draws: 256 },
  paper: { n: 24, draws: 1024 },
  large: { n: 32, draws: 8192 },
};

/** Ranks whose draws are simulated, from 2 on: at rank 1 every A0 ends at the same distance. */
const SAMPLED_RANKS = [2, 3, 5, 8];

const gaussian: Check = {
  id: 'closed-forms/trace-squared-gaussian-law',
  claim:
    'from B0 = 0 and Gaussian A0 the mean squared distance from full fine-tuning is (tr W0)^2 ((n + r + 1) / (n r + 2) - 1/n), in standard errors',
  source: DERIVED,
  on: 'backend',
  async measure(context) {
    const worst = new Worst();
    const { n, draws: count } = samples[context.size];
    for (const [index, rank] of SAMPLED_RANKS.entries()) {
      const draws = new Draws(context.seed, 'gap', index);
      const trace0 = 2 * draws.ratio();
      const distances = await gaussianDistances(context, draws, n, trace0, new Array(count).fill(rank));
      const expected = context.subject.theory.gaussianGapSquared(trace0, n, rank);
      const z = zScore(
        distances.map((distance) => distance ** 2),
        expected,
      );
      worst.add(z ?? NaN, `n = ${n}, r = ${rank}, ${count} simulated draws`);
    }
    const reason = `a right mean of ${count} draws is outside once in 16,000, of ${SAMPLED_RANKS.length} ranks once in 4,000`;
    return { ...worst.result, allowed: around(0, 4, reason) };
  },
};

const widths: Record<CaseSize, number> = { small: 1024, paper: 4096, large: 4096 };
const LAW_RANKS = Array.from({ length: 16 }, (_, i) => i + 1);

/** Probability that the verdict fails a right slope, two-sided; the interval that is shown is that of 95 %. */
const FALSE_ALARM = 1e-4;

const law: Check = {
  id: 'closed-forms/trace-squared-rank-law',
  claim:
    'the distance of LoRA from full fine-tuning falls as r^-1/2: slope of its logarithm on that of the rank',
  source: 'Rushka & Klabjan 2026',
  on: 'backend',
  async measure(context) {
    const n = widths[context.size];
    const trace0 = 2;
    const distances = await gaussianDistances(
      context,
      new Draws(context.seed, 'law', 0),
      n,
      trace0,
      LAW_RANKS,
    );
    const exact = LAW_RANKS.map((r) => Math.sqrt(context.subject.theory.gaussianGapSquared(trace0, n, r)));
    const { slope, halfWidth } = logSlope(LAW_RANKS, distances);
    const finite = Math.abs(logSlope(LAW_RANKS, exact).slope + 1 / 2);
    const tolerance = Math.min(0.01, finite + halfWidth(FALSE_ALARM));
    const interval = [-1, 1].map((sign) => (slope + sign * halfWidth(0.05)).toFixed(5)).join(' to ');
    const points = (values: readonly number[]) => LAW_RANKS.map((r, i) => [r, values[i]!] as const);
    return {
      measured: slope,
      allowed: around(
        -1 / 2,
        tolerance,
        `the exact slope at this n is ${finite.toPrecision(1)} off, and an interval of confidence 1 - ${FALSE_ALARM} contains it; 0.01 at most`,
      ),
      where: `n = ${n}, r = 1 to 16, one Gaussian A0 each; 95 % interval ${interval}`,
      plot: {
        title: 'Distance of LoRA from full fine-tuning by rank, trace-squared loss',
        xTitle: 'rank r',
        yTitle: '|dW - dW of full fine-tuning|',
        curves: [
          { name: 'simulated', points: points(distances) },
          { name: 'exact root mean square', points: points(exact) },
          { name: '|tr W0| r^-1/2', points: points(LAW_RANKS.map((r) => trace0 / Math.sqrt(r))) },
        ],
      },
    };
  },
};

export const rankLawChecks: readonly Check[] = [spectral, gaussian, law];
