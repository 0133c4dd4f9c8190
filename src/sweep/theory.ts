/** The closed forms of a plan's cells alone: nothing is simulated or drawn. */
import { nameOf } from '../flow/flow.js';
import { normalizationOf } from '../flow/normalization.js';
import { member, motionUnder, settingOf } from '../ensemble/member.js';
import { followsFlow } from '../method/method.js';
import { isLeading } from '../problem/leading.js';
import type { Problem } from '../problem/problem.js';
import type { SpikedModel } from '../theory/spiked.js';
import type { SweepConfig } from './config.js';
import { followsGradientFlow, lawOf } from './law.js';
import type { Cell, Plan } from './plan.js';
import { spikedLaw } from './spikedLaw.js';

export interface TheoryRow {
  readonly loss: string;
  readonly n: number;
  readonly m: number;
  readonly initialization: string;
  /** How factors move, and their weight decays. */
  readonly flow: string;
  readonly decay: number;
  readonly coupledDecay: number;
  readonly scale: number;
  readonly rank: number;
  /** The smallest loss of this rank, and sqrt of its ratio to f(W0). */
  readonly optimum: number | null;
  readonly relativeError: number | null;
  /** Relative error that cannot be told from 0 where singular values are computed, not given; else 0. */
  readonly floor: number;
  /** True if those and the distance are of the triples that a truncated decomposition found: upper bounds. */
  readonly isBound: boolean;
  /** Value of the metric at the end of the flow, and the name of its law. */
  readonly law: number | null;
  readonly lawName: string | null;
  /** |dW_LoRA - dW_FPFT|_F at the end points. */
  readonly distance: number | null;
  /**
   * Exponential rate at which the update settles at late times, per unit of time t; exact of given adapters that are
   * aligned or balanced, else of the draws (`Loss.lateRate`). 0: the start does not move, or slower than any
   * exponential.
   */
  readonly rate: number | null;
  /** Exponential rate at which full fine-tuning settles at late times, per unit of time t. */
  readonly fullFineTuningRate: number | null;
  /** What noise on the target makes of it; null without noise, or where M - W0 is not of small rank (spikedLaw.ts). */
  readonly noise: NoiseTheory | null;
}

/** The spiked model (src/theory/spiked.ts) at a rank r, in the limit of large n and m. */
export interface NoiseTheory {
  /** The r-th singular value of M - W0; 0 beyond its rank. */
  readonly sigma: number;
  /** Whether its direction stands out of the noise. */
  readonly isSeen: boolean;
  /** The r-th singular value of what training sees. */
  readonly seenValue: number;
  /** Squared overlaps of the r-th singular vectors with those of M - W0; 0 where it is not seen. */
  readonly leftOverlap: number;
  readonly rightOverlap: number;
  /** Risk |W - M|_F^2 at the end of the flow, and relative to that of W0. */
  readonly risk: number;
  readonly riskRelative: number;
  /** The rank of the least risk, 0 among them. */
  readonly bestRank: number;
  /** Largest singular value of the noise, and the sigma up to which a direction drowns in it. */
  readonly edge: number;
  readonly threshold: number;
}

/**
 * One row per cell of a plan without noise; null where no closed form is known, as of methods that do not follow the flow.
 * @param noise on the target, for its laws; null for none
 */
export const theoryRows = ({ cells, config }: Plan, noise: number | null = null): TheoryRow[] => {
  const models = new Map<Problem, SpikedModel | null>();
  const modelOf = (problem: Problem) => {
    if (!models.has(problem)) models.set(problem, modelUnder(noise, problem));
    return models.get(problem)!;
  };
  return cells.map((cell) => {
    const { problem, rank, coefficients, flow, initialization } = cell;
    const model = followsGradientFlow(cell) ? modelOf(problem) : null;
    const follows = followsFlow(cell.method);
    const optimum = problem.optimum(rank);
    const law = lawOf(cell);
    return {
      loss: problem.loss.name,
      n: problem.n,
      m: problem.m,
      initialization: initialization.name,
      flow: nameOf(flow),
      decay: flow.decay,
      coupledDecay: flow.coupledDecay,
      scale: coefficients.scale,
      rank,
      optimum,
      relativeError:
        optimum === null || !problem.initialLoss ? null : Math.sqrt(optimum / problem.initialLoss),
      floor: config.spectrum === undefined && problem.loss.isSpectral ? roundingOf(problem.n, problem.m) : 0,
      isBound: isLeading(problem),
      law: law?.value ?? null,
      lawName: law?.name ?? null,
      distance: follows ? problem.loss.distance(problem, settingOf(cell)) : null,
      rate: follows ? lateRate(cell, config) : null,
      fullFineTuningRate: problem.fullFineTuningRate,
      noise: model && noiseAt(model, rank),
    };
  });
};

const modelUnder = (noise: number | null, { structure, n, m }: Problem): SpikedModel | null =>
  'sigma' in structure ? spikedLaw(structure.sigma, noise, { n, m }) : null;

function noiseAt(model: SpikedModel, rank: number): NoiseTheory {
  const spike = model.spikes[rank - 1];
  const risk = model.risk(rank);
  return {
    sigma: spike?.sigma ?? 0,
    isSeen: spike?.seen ?? false,
    seenValue: model.singularValues(rank)[rank - 1]!,
    leftOverlap: spike?.left ?? 0,
    rightOverlap: spike?.right ?? 0,
    risk,
    riskRelative: risk / model.initialRisk,
    bestRank: model.bestRank,
    edge: model.edge,
    threshold: model.threshold,
  };
}

/** The rate at which a cell's update settles late, by time t, or null: exact from given adapters, else of the draws. */
function lateRate(cell: Cell, { seed, spectrum }: SweepConfig): number | null {
  const { problem, rank, coefficients, flow, initialization } = cell;
  const { loss, n, m } = problem;
  const { lrRatioA, lrRatioB } = coefficients;
  const motion = motionUnder(cell);
  const { squares: units, clock: perTime } = normalizationOf(coefficients, flow);
  const rounding = spectrum === undefined ? roundingOf(n, m) : 0;
  const squares = initialization.squares({ n, m, rank, lrRatioA, lrRatioB });
  // The one draw that is always the same lies along the leading singular vectors, and one of m orthonormal rows is an
  // orthogonal matrix, which a rotation of the adapter's columns takes to a multiple of I: modes are alone.
  const isAligned = initialization.deterministic || (initialization.law === 'orthonormal-rows' && rank === m);
  const rate = squares
    ? loss.lateRate(problem, {
        ...{ rank, isAligned, rounding, motion },
        ...{ x: units.x * squares.b, y: units.y * squares.a },
      })
    : loss.closedForm(problem, member(cell, 0, seed).initial(), motion, rounding)?.rate;
  return rate == null ? null : perTime * rate;
}

/** Relative rounding of a computed singular value, by the largest one. */
const roundingOf = (n: number, m: number): number => Math.max(n, m) * Number.EPSILON;
