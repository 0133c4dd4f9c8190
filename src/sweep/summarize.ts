/**
 * Statistics of every cell over its trials. A few columns of one cell are read at a time, so that of a sweep on disk no
 * more than that is held.
 */
import { clock } from '../flow/normalization.js';
import { nameOf } from '../flow/flow.js';
import { outcomes, type Outcome } from '../method/outcome.js';
import { riskAlong } from '../problem/closedForm.js';
import { accuracyFloor } from './accuracyFloor.js';
import {
  expectedSquare,
  followsGradientFlow,
  lawOf,
  metricOf,
  pathOf,
  riskLaw,
  sharesTimeOfFullFineTuning,
} from './law.js';
import { lookLevel } from './looks.js';
import type { Cell, Plan } from './plan.js';
import { lossColumn, riskColumn, succeeded, valueOf, type Column } from './row.js';
import { conditionsOf } from './conditions.js';
import { isNear, isNearTo, stationarities, type Stationarity } from './stationarity.js';
import { byDraw, meansOver, statisticOver, unitsOf, type Grouped } from './draws.js';
import { statistic, zScore } from '../numbers/statistics.js';
import { noisyFullFineTuning } from '../theory/noisyFullFineTuning.js';
import type { CellSummary, CurvePoint } from './summary.js';
import type { Statistic } from '../numbers/statistics.js';
import type { Trial } from './row.js';

/** Columns of a cell's trials, in an order of trials that is always the same. */
export interface TrialColumns {
  outcomes(cell: number): Promise<readonly Outcome[]>;
  stationarities(cell: number): Promise<readonly Stationarity[]>;
  /** [column][trial]; NaN where there is none. */
  numbers(cell: number, columns: readonly Column[]): Promise<Float64Array[]>;
}

/** The columns of trials in memory. */
export function columnsOf(trials: readonly Trial[]): TrialColumns {
  const cells = new Map<number, Trial[]>();
  for (const trial of trials) {
    const cell = cells.get(trial.row.cell) ?? [];
    cells.set(trial.row.cell, cell);
    cell.push(trial);
  }
  const of = (cell: number) => cells.get(cell) ?? [];
  return {
    outcomes: (cell) => Promise.resolve(of(cell).map(({ row }) => row.outcome)),
    stationarities: (cell) => Promise.resolve(of(cell).map(({ row }) => row.stationarity)),
    numbers: (cell, columns) =>
      Promise.resolve(
        columns.map((column) =>
          Float64Array.from(of(cell), (trial) => Number(valueOf(trial, column) ?? NaN)),
        ),
      ),
  };
}

/** Statistics of every cell over the trials that did not fail; failures are in the outcome counts, and left out. */
export async function summarize(plan: Plan, trials: TrialColumns): Promise<CellSummary[]> {
  const summaries: CellSummary[] = [];
  for (const cell of plan.cells) summaries.push(await summaryOf(plan, cell, trials));
  return summaries;
}

async function summaryOf(plan: Plan, cell: Cell, trials: TrialColumns): Promise<CellSummary> {
  const { problem, rank, coefficients, draws } = cell;
  const { precision, targetCi, noise = null } = plan.config;
  const ended = await trials.outcomes(cell.index);
  const ends = await trials.stationarities(cell.index);
  const good = ended.map(succeeded);
  const numbers = async (columns: readonly Column[]) =>
    (await trials.numbers(cell.index, columns)).map((values) =>
      values.map((value, i) => (good[i] ? value : NaN)),
    );
  const named = async <Name extends Column>(...names: readonly Name[]) => {
    const values = await numbers(names);
    return Object.fromEntries(names.map((name, i) => [name, values[i]!])) as Record<Name, Float64Array>;
  };
  const ofTrials = await named(
    ...(['accuracy', 'loss', 'excess', 'accuracy_bias', 'risk', 'risk_relative'] as const),
    ...(['time_to_optimum_after', 'time_to_optimum_by', 'accepted_steps', 'rejected_steps'] as const),
  );
  const { accuracy: accuracies, accuracy_bias: biases, time_to_optimum_by: by } = ofTrials;
  const grouped = draws > 1 ? byDraw(await drawsOf(trials, cell), draws) : null;
  const of = statisticOver(grouped);
  const level = targetCi === undefined ? undefined : lookLevel(unitsOf(cell));
  const expected = expectedSquare(cell);
  const accuracy = of(accuracies, level);
  const squares = accuracies.map((a) => a * a);
  const { risk } = problem;
  return {
    cell: cell.index,
    loss: problem.loss.name,
    target: cell.target,
    n: problem.n,
    m: problem.m,
    rank,
    initialization: cell.initialization.name,
    flow: nameOf(cell.flow),
    scaling: cell.scaling,
    scale: coefficients.scale,
    ...conditionsOf(cell, plan.config),
    metric: metricOf(cell),
    law: lawOf(cell),
    optimum: draws > 1 ? null : problem.optimum(rank),
    accuracy,
    draws: grouped?.length ?? 1,
    risk: risk ? of(ofTrials.risk, level) : null,
    riskRelative: risk ? of(ofTrials.risk_relative, level) : null,
    riskScale: risk?.scale ?? null,
    riskLaw: riskLaw(cell, noise),
    riskByDraw: risk ? meansOver(grouped, ofTrials.risk) : [],
    accuracyBias: meanOver(biases, accuracy),
    accuracyFloor: accuracyFloor(cell, precision),
    zScore: expected === null ? null : zScore(squares, expected),
    zScoreBias: expected === null ? null : zScoreBias(accuracies, biases, squares),
    trials: ended.length,
    outcomes: counts(Object.keys(outcomes) as Outcome[], ended),
    stationarity: counts(Object.keys(stationarities) as Stationarity[], ends),
    // Of several draws each has an optimum, and an f(W0), of its own.
    nearSaddles: ofTrials.loss.filter(
      (loss, i) =>
        ends[i] === 'saddle' &&
        (draws > 1
          ? isNearTo(loss, loss - ofTrials.excess[i]!, loss / squares[i]!)
          : isNear(loss, problem, rank)),
    ).length,
    timeToOptimumAfter: of(
      ofTrials.time_to_optimum_after.map((time, i) => (Number.isFinite(by[i]) ? time : NaN)),
    ),
    timeToOptimumBy: of(by),
    steps: of(ofTrials.accepted_steps.map((count, i) => count + ofTrials.rejected_steps[i]!)),
    curve: await curveOf(plan, cell, grouped, numbers),
  };
}

/** The draw of the target of every trial of a cell. */
async function drawsOf(trials: TrialColumns, { index }: Cell): Promise<Float64Array> {
  const [draws] = await trials.numbers(index, ['draw']);
  return draws!;
}

const counts = <T extends string>(names: readonly T[], values: readonly T[]): Record<T, number> =>
  Object.fromEntries(names.map((name) => [name, values.filter((value) => value === name).length])) as Record<
    T,
    number
  >;

/** The mean, if all values are there that a statistic is of. */
function meanOver(values: Float64Array, { count: all }: Statistic): number | null {
  const { count, mean } = statistic(values);
  return count > 0 && count === all ? mean : null;
}

/** Part of the z-score of squared accuracies that a bias of the accuracies can account for. */
function zScoreBias(accuracies: Float64Array, biases: Float64Array, squares: Float64Array): number | null {
  const spread = statistic(squares);
  const bias = meanOver(
    biases.map((bias, i) => 2 * accuracies[i]! * bias + bias ** 2),
    spread,
  );
  return bias === null || !(spread.sd > 0) ? null : bias / (spread.sd / Math.sqrt(spread.count));
}

/** Risk of full fine-tuning at a time: of the draw if there is one, else its mean over all; null where it is unknown. */
function fullFineTuningRisk(cell: Cell, { noise }: Plan['config'], time: number): number | null {
  const { problem, draws } = cell;
  if (!sharesTimeOfFullFineTuning(cell)) return null;
  if (draws === 1) return problem.fullFineTuningRisk?.(time) ?? null;
  if (noise === undefined || !problem.risk) return null;
  const means = { errorSquares: problem.risk.scale, noiseSquares: noise * noise * problem.n };
  return noisyFullFineTuning(means).risk(time);
}

/** Losses that are held at a time, but those of one save time at least. */
const HELD = 2 ** 24;

async function curveOf(
  { config }: Plan,
  cell: Cell,
  grouped: Grouped | null,
  numbers: (columns: readonly Column[]) => Promise<Float64Array[]>,
): Promise<CurvePoint[]> {
  const { problem, coefficients, flow, initialization, trials, draws, stop } = cell;
  const isShared =
    draws === 1 &&
    (trials === 1 || (followsGradientFlow(cell) && problem.loss.isCurveShared(initialization.law)));
  const path = isShared ? pathOf(cell, 0, config.seed) : null;
  const along = path && riskAlong(problem, path);
  const points: CurvePoint[] = [];
  const together = Math.max(1, Math.floor(HELD / (draws * trials)));
  const of = statisticOver(grouped);
  for (let from = 0; from < stop.saveTimes.length; from += together) {
    const times = stop.saveTimes.slice(from, from + together);
    const losses = await numbers(times.map((_, i) => lossColumn(from + i)));
    const risks = problem.risk && (await numbers(times.map((_, i) => riskColumn(from + i))));
    times.forEach((time, i) =>
      points.push({
        time,
        loss: of(losses[i]!),
        risk: risks ? of(risks[i]!) : null,
        riskByDraw: risks ? meansOver(grouped, risks[i]!) : [],
        closedForm: path && path.loss(clock(coefficients, flow) * time),
        closedFormRisk: along && along(clock(coefficients, flow) * time),
        fullFineTuning:
          draws === 1 && sharesTimeOfFullFineTuning(cell) ? problem.fullFineTuningLoss(time) : null,
        fullFineTuningRisk: fullFineTuningRisk(cell, config, time),
      }),
    );
  }
  return points;
}
