/**
 * The results folder of a sweep: config.json, one Parquet part of trial rows per finished chunk (parts.ts), a record of
 * every run (runs.ts), then the summary, the loss curves, the plots and the report.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { textOf } from '../files/foreign.js';
import { InputError } from '../host/inputError.js';
import { outcomes } from '../method/outcome.js';
import { sweepHtml } from '../report/html.js';
import { renderPng, renderSvg, sweepFigures } from '../report/plots.js';
import type { SweepConfig } from '../sweep/config.js';
import { trialIntegers, trialTexts } from '../sweep/row.js';
import type { CellSummary } from '../sweep/summary.js';
import type { Statistic } from '../numbers/statistics.js';
import { writeWhole } from '../files/writeWhole.js';
import { createFolder } from './folder.js';
import { TRIALS } from './parts.js';
import { RUNS } from './runs.js';
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
export interface SweepRecord extends Provenance {
  readonly config: SweepConfig;
  /** Hash of the plan (sweep/planHash.ts). */
  readonly plan: string;
  /** Folder that names of files in the config are relative to. */
  readonly workingFolder: string;
}

const RECORD = 'config.json';

/** Folders in the folder of a sweep. */
export const subfolders = [TRIALS, 'plots', RUNS];

/**
 * Makes the folder of a sweep; if it `joins`, the one that another shard of the same plan made is as good.
 * @throws InputError if the folder exists or cannot be made
 */
export function createSweepFolder(path: string, record: SweepRecord, joins = false): void {
  try {
    createFolder(path, subfolders, { [RECORD]: `${JSON.stringify(record, null, 2)}\n` });
  } catch (error) {
    if (!joins || !existsSync(path)) throw error;
    if (readSweepFolder(path).plan !== record.plan)
      throw new InputError('out', path, 'a folder of the same sweep, or one that does not exist yet');
  }
}

/** @throws InputError if there is no sweep */
export function readSweepFolder(path: string): SweepRecord {
  const file = join(path, RECORD);
  const refuse = (reason: string) =>
    new InputError('folder', path, `the results folder of a sweep (${reason})`);
  let record: unknown;
  try {
    record = JSON.parse(textOf(file, readFileSync(file)));
  } catch (error) {
    if (error instanceof InputError) throw error;
    throw refuse((error as Error).message);
  }
  const checked = recordSchema.safeParse(record);
  if (!checked.success) throw refuse(`${RECORD} is not one: ${checked.error.issues[0]?.message}`);
  return record as SweepRecord;
}

const recordSchema = z.looseObject({
  config: z.looseObject({}),
  plan: z.string(),
  workingFolder: z.string(),
});

/** Writes everything that needs all rows. */
export async function finishSweepFolder(
  path: string,
  provenance: Provenance,
  cells: readonly CellSummary[],
): Promise<void> {
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
