/** What the tests of reports share: summaries, simulations and findings made up of simple numbers. */
import { unobserved } from '../../src/solver/observables.js';
import { renderSvg, type Figure } from '../../src/report/plots.js';
import type { SimulationReport } from '../../src/simulation/report.js';
import type { Provenance } from '../../src/host/provenance.js';
import type { CellSummary } from '../../src/sweep/summary.js';
import type { Statistic } from '../../src/numbers/statistics.js';

export const ranks = [1, 2, 4, 8];

export const laws = new Map([
  [1, 0.8],
  [2, 0.4],
  [4, 0.1],
  [8, 0.02],
]);

export const none: Statistic = {
  ...{ count: 0, leftOut: 0, mean: NaN, sd: NaN, ciLow: NaN, ciHigh: NaN },
  ...{ p05: NaN, p25: NaN, p50: NaN, p75: NaN, p95: NaN },
};

export function around(value: number, count = 32): Statistic {
  return {
    ...{
      count,
      leftOut: 32 - count,
      mean: value * 1.01,
      sd: value * 0.1,
      ciLow: value * 0.98,
      ciHigh: value * 1.04,
    },
    ...{ p05: value * 0.9, p25: value * 0.95, p50: value, p75: value * 1.05, p95: value * 1.1 },
  };
}

/** What is said of the risk where training sees its target. */
const noRiskAtTime = { risk: null, riskByDraw: [], closedFormRisk: null, fullFineTuningRisk: null } as const;

export function cellOf(rank: number, changes: Partial<CellSummary> = {}): CellSummary {
  const law = laws.get(rank) ?? 0;
  const times = [0, ...Array.from({ length: 30 }, (_, index) => 1e-2 * 1e4 ** (index / 29))];
  return {
    ...{
      cell: 0,
      loss: 'frobenius',
      target: 'exponential',
      n: 16,
      m: 12,
      rank,
      initialization: 'gaussian',
      flow: 'gradient',
      decay: 0,
      coupledDecay: 0,
      optimizer: null,
    },
    ...{ scaling: 'none', scale: 1, lrRatioA: 1, lrRatioB: 1, metric: 'relative error' },
    law: { value: law, name: 'Eckart-Young-Mirsky' },
    optimum: law,
    accuracy: around(law),
    ...{
      draws: 1,
      noise: null,
      samples: null,
      labelNoise: null,
      risk: null,
      riskRelative: null,
      riskScale: null,
      riskByDraw: [],
      riskLaw: null,
    },
    ...{ accuracyBias: null, accuracyFloor: null, zScore: null, zScoreBias: null },
    trials: 32,
    outcomes: {
      'end-time': 4,
      stationary: 28,
      diverged: 0,
      'step-too-small': 0,
      'step-budget': 0,
      'loss-not-finite': 0,
    },
    stationarity: {
      optimum: 28,
      short: 0,
      saddle: 0,
      floor: 0,
      moving: 4,
      end: 0,
      'before-end': 0,
      unknown: 0,
    },
    nearSaddles: 0,
    timeToOptimumAfter: around(2.5 * rank, 28),
    timeToOptimumBy: around(3 * rank, 28),
    steps: around(100),
    curve: times.map((time) => ({
      time,
      loss: around(law + Math.exp(-time)),
      closedForm: law + Math.exp(-time),
      fullFineTuning: Math.exp(-2 * time),
      ...noRiskAtTime,
    })),
    ...changes,
  };
}

export const one = ranks.map((rank) => cellOf(rank));

export const two = ['gaussian', 'spectral'].flatMap((initialization) =>
  ranks.map((rank) => cellOf(rank, { initialization })),
);

export const broken = ranks.map((rank) =>
  cellOf(rank, {
    ...{
      accuracy: none,
      timeToOptimumAfter: none,
      timeToOptimumBy: none,
      law: rank === 4 ? null : { value: 0, name: 'zero' },
    },
    optimum: null,
    outcomes: {
      'end-time': 0,
      stationary: 0,
      diverged: 32,
      'step-too-small': 0,
      'step-budget': 0,
      'loss-not-finite': 0,
    },
    zScore: NaN,
    curve: [{ time: 0, loss: none, closedForm: null, fullFineTuning: 0, ...noRiskAtTime }],
  }),
);

export const provenance: Provenance = {
  ...{
    rankflow: '0.1.0',
    commit: null,
    tfjs: '4.22.0',
    runtime: 'Node.js v20',
    backend: 'wasm',
    device: 'a <b>CPU</b>',
  },
  ...{
    precision: 'float32',
    startedAt: '2026-01-01T00:00:00Z',
    seed: 7,
    config: { target: '</pre><script>' },
  },
};

export function simulationOf(trials: number): SimulationReport {
  const times = Array.from({ length: 300 }, (_, index) => index / 10);
  const values = (top: number) => times.map((time) => [top * (1 - Math.exp(-time)), 1 - Math.exp(-time / 2)]);
  const loss = times.map((time) => 0.5 + Math.exp(-time));
  return {
    ...{ title: 'One <script> of many', provenance, times, rank: 2, optimum: 0.5, excessFloor: 1e-12 },
    observed: ['ranks', 'sharpness'],
    trials: Array.from({ length: trials }, (_, trial) => ({
      trial,
      outcome: trial % 2 === 0 ? 'stationary' : 'end-time',
      stationarity: trial % 2 === 0 ? 'optimum' : 'moving',
      loss,
      excess: times.map((time) => (time > 20 ? 0 : Math.exp(-time))),
      gradientNorm: times.map((time) => Math.exp(-time)),
      balancedness: times.map(() => 0),
      singularValues: values(2),
      observables: times.map(() => ({ ...unobserved, stableRank: 1.2, effectiveRank: 1.5 })),
    })),
    closedForm: { name: 'exact path', loss, singularValues: values(2) },
    fullFineTuningEnd: null,
    fullFineTuningLoss: times.map((time) => 1.5 * Math.exp(-time)),
    isGradientFlow: true,
    targetSingularValues: [2, 1, 0.5],
  };
}

export async function svgOf(figures: readonly Figure[], id: string): Promise<string> {
  const figure = figures.find((each) => each.id === id);
  if (!figure) throw new Error(`no figure ${id}`);
  return renderSvg(figure.spec);
}

/** The text elements of an SVG, with where they stand in their own group. */
export function textsOf(svg: string): { text: string; x: number; y: number }[] {
  return [...svg.matchAll(/<text[^>]*translate\(([-\d.e]+),([-\d.e]+)\)[^>]*>([^<]*)<\/text>/g)].map(
    ([, x, y, text]) => ({ text: text ?? '', x: Number(x), y: Number(y) }),
  );
}

export const noisyRanks = [4, 16, 64, 256];

/** Relative risk that is best early at the largest rank, and at the end at rank 16. */
export const noisyRisk = (rank: number, time: number): number =>
  1 - 0.06 * Math.log2(rank) * (1 - Math.exp(-2 * time)) + (rank / 350) * (1 - Math.exp(-time / 2)) ** 2;

/** Of 4 draws, whose risks lie 3 % about their mean. */
const noisyStatistic = (value: number): Statistic => ({ ...around(value), mean: value });
const byDraw = (value: number) => [0.97, 1, 1, 1.03].map((factor) => factor * value);

/** A cell of a sweep with noise; the risk of W0 is 10. */
export function noisyCellOf(rank: number, changes: Partial<CellSummary> = {}): CellSummary {
  const clean = cellOf(rank);
  const scale = 10;
  return {
    ...clean,
    ...{
      law: null,
      optimum: null,
      draws: 4,
      noise: 2,
      riskScale: scale,
      riskLaw: scale * noisyRisk(rank, 30),
    },
    risk: noisyStatistic(scale * noisyRisk(rank, 100)),
    riskRelative: noisyStatistic(noisyRisk(rank, 100)),
    riskByDraw: byDraw(scale * noisyRisk(rank, 100)),
    curve: clean.curve.map((point) => ({
      ...point,
      risk: noisyStatistic(scale * noisyRisk(rank, point.time)),
      riskByDraw: byDraw(scale * noisyRisk(rank, point.time)),
      fullFineTuningRisk: scale * (Math.exp(-2 * point.time) + 1.1 * (1 - Math.exp(-point.time)) ** 2),
    })),
    ...changes,
  };
}

export const noisy = noisyRanks.map((rank) => noisyCellOf(rank));

/** The same with noise, whose edge lies between the two singular values. */
export function noisySimulationOf(trials: number): SimulationReport {
  const clean = simulationOf(trials);
  const risk = clean.times.map((time) => 10 * noisyRisk(64, time));
  return {
    ...clean,
    risk: {
      ...{ trials: clean.trials.map(() => risk), scale: 10, noise: 0.8, noiseEdge: 1.5 },
      ...{ closedForm: risk, fullFineTuning: risk.map((value) => 1 + value) },
    },
  };
}
