/** The results folder of a sweep (partsFolder.ts), to which the summary, the loss curves, the plots and the report come. */
import { join } from 'node:path';
import { outcomes } from '../method/outcome.js';
import type { SweepConfig } from '../sweep/config.js';
import { trialIntegers, trialTexts } from '../sweep/row.js';
import type { CellSummary } from '../sweep/summary.js';
import type { Statistic } from '../numbers/statistics.js';
import { writeWhole } from '../files/writeWhole.js';
import { readRecord, type FolderRecord } from './partsFolder.js';
import type { Provenance } from '../host/provenance.js';
import { csv, parquet, type Rows } from './tables.js';

const outcomeColumn = (name: string) => `outcome_${name.replaceAll('-', '_')}`;

/** Types of the columns of the summary and the curves. */
const TYPES = {
  integers: [
    ...trialIntegers,
    ...['draws', 'trials', 'at_optimum', 'at_saddle', 'at_saddle_near_optimum', 'at_floor', 'stopped_short'],
    ...['at_end', 'before_end'],
    ...[
      'accuracy',
      'risk',
      'risk_relative',
      'time_to_optimum_after',
      'time_to_optimum_by',
      'steps',
      'loss',
    ].flatMap((name) => [`${name}_count`, `${name}_left_out`]),
    ...Object.keys(outcomes).map(outcomeColumn),
  ],
  texts: [...trialTexts, 'optimizer', 'metric', 'law_name'],
};

/** Record of a sweep in its folder. */
export interface SweepRecord extends FolderRecord {
  readonly config: SweepConfig;
}

/** @throws InputError if there is no sweep */
export const readSweepFolder = (path: string): SweepRecord => readRecord(path, 'sweep') as SweepRecord;

/** Writes everything that needs all rows. */
export async function finishSweepFolder(
  path: string,
  provenance: Provenance,
  cells: readonly CellSummary[],
): Promise<void> {
  // What draws is loaded here: who reads a folder, or computes a part of it, draws nothing.
  const [{ sweepHtml }, { renderPng, renderSvg, sweepFigures }] = await Promise.all([
    import('../report/html.js'),
    import('../report/plots.js'),
  ]);
  const at = (...names: string[]) => join(path, ...names);
  const summary = cells.map(summaryRow);
  writeWhole(at('summary.parquet'), parquet(summary, TYPES));
  writeWhole(at('summary.csv'), csv(summary));
  writeWhole(at('curves.parquet'), parquet(cells.flatMap(curveRows), TYPES));
  for (const figure of sweepFigures(cells)) {
    const svg = await renderSvg(figure.spec);
    writeWhole(at('plots', `${figure.id}.svg`), svg);
    writeWhole(at('plots', `${figure.id}.png`), await renderPng(svg));
  }
  writeWhole(at('report.html'), await sweepHtml({ title: 'Rank sweep', provenance, cells }));
}

/** A cell as one flat row; statistics become columns `accuracy_mean`, ... */
export function summaryRow(cell: CellSummary): Rows[number] {
  const { law, accuracy, timeToOptimumAfter, timeToOptimumBy, steps, zScore, stationarity } = cell;
  const ends = (count: number) => (stationarity.unknown > 0 ? null : count);
  return {
    cell: cell.cell,
    loss_function: cell.loss,
    target: cell.target,
    n: cell.n,
    m: cell.m,
    rank: cell.rank,
    initialization: cell.initialization,
    flow: cell.flow,
    decay: cell.decay,
    coupled_decay: cell.coupledDecay,
    optimizer: cell.optimizer,
    scaling: cell.scaling,
    scale: cell.scale,
    lr_ratio_a: cell.lrRatioA,
    lr_ratio_b: cell.lrRatioB,
    metric: cell.metric,
    law: law && law.value,
    law_name: law && law.name,
    optimum: cell.optimum,
    noise: cell.noise,
    samples: cell.samples,
    label_noise: cell.labelNoise,
    draws: cell.draws,
    trials: cell.trials,
    ...columns('accuracy', accuracy),
    ...(cell.risk && columns('risk', cell.risk)),
    ...(cell.riskRelative && columns('risk_relative', cell.riskRelative)),
    ...(cell.risk && { risk_law: cell.riskLaw }),
    accuracy_bias: cell.accuracyBias,
    accuracy_floor: cell.accuracyFloor,
    z_score: zScore,
    z_score_bias: cell.zScoreBias,
    at_optimum: ends(stationarity.optimum),
    at_saddle: ends(stationarity.saddle),
    at_saddle_near_optimum: ends(cell.nearSaddles),
    at_floor: ends(stationarity.floor),
    stopped_short: ends(stationarity.short),
    at_end: ends(stationarity.end),
    before_end: ends(stationarity['before-end']),
    ...columns('time_to_optimum_after', timeToOptimumAfter),
    ...columns('time_to_optimum_by', timeToOptimumBy),
    ...columns('steps', steps),
    ...Object.fromEntries(Object.entries(cell.outcomes).map(([name, count]) => [outcomeColumn(name), count])),
  };
}

const curveRows = (cell: CellSummary): Rows =>
  cell.curve.map(({ time, loss, risk, closedForm, closedFormRisk, fullFineTuning, fullFineTuningRisk }) => ({
    cell: cell.cell,
    rank: cell.rank,
    time,
    ...columns('loss', loss),
    ...(risk && columns('risk', risk)),
    ...(risk && { closed_form_risk: closedFormRisk, full_fine_tuning_risk: fullFineTuningRisk }),
    closed_form: closedForm,
    full_fine_tuning: fullFineTuning,
  }));

const snake = { ciLow: 'ci_low', ciHigh: 'ci_high', leftOut: 'left_out' } as const;

/** Non-finite statistics, of too few values, become null. */
const columns = (prefix: string, statistic: Statistic): Rows[number] =>
  Object.fromEntries(
    Object.entries(statistic).map(([name, value]: [string, number]) => [
      `${prefix}_${snake[name as keyof typeof snake] ?? name}`,
      Number.isFinite(value) ? value : null,
    ]),
  );
