/**
 * The results folder of a sweep: config.json, one Parquet part of trial rows per finished chunk (trials/), then the
 * summary, the loss curves, the plots and the report. A run that is cut off keeps the parts that were finished.
 */
import { join } from 'node:path';
import { outcomes } from '../method/outcome.js';
import { sweepHtml } from '../report/html.js';
import { renderPng, renderSvg, sweepFigures } from '../report/plots.js';
import { trialIntegers, type TrialRow } from '../sweep/row.js';
import type { CellSummary, Statistic } from '../sweep/summary.js';
import { writeWhole } from '../files/writeWhole.js';
import { createFolder } from './folder.js';
import type { Provenance } from './provenance.js';
import { csv, parquet, type Rows } from './tables.js';

const outcomeColumn = (name: string) => `outcome_${name.replaceAll('-', '_')}`;

/** Columns that hold whole numbers. */
const INTEGERS = [
  ...trialIntegers,
  ...['trials', 'accuracy_count', 'time_to_optimum_count', 'steps_count', 'loss_count', 'at_saddle'],
  ...Object.keys(outcomes).map(outcomeColumn),
];

export interface SweepFolder {
  readonly path: string;
  /** Writes the rows of a finished chunk. */
  writePart(rows: readonly TrialRow[]): void;
  /** Writes everything that needs all rows. */
  finish(cells: readonly CellSummary[]): Promise<void>;
}

/** @throws InputError if the folder exists or cannot be made */
export function createSweepFolder(path: string, provenance: Provenance): SweepFolder {
  createFolder(path, 'trials', 'plots');
  const at = (...names: string[]) => join(path, ...names);
  writeWhole(at('config.json'), `${JSON.stringify(provenance, null, 2)}\n`);
  let parts = 0;
  return {
    path,
    writePart(rows) {
      const name = `part-${String(parts++).padStart(5, '0')}.parquet`;
      writeWhole(at('trials', name), parquet(rows, INTEGERS));
    },
    async finish(cells) {
      const summary = cells.map(summaryRow);
      writeWhole(at('summary.parquet'), parquet(summary, INTEGERS));
      writeWhole(at('summary.csv'), csv(summary));
      writeWhole(at('curves.parquet'), parquet(cells.flatMap(curveRows), INTEGERS));
      for (const figure of sweepFigures(cells)) {
        const svg = await renderSvg(figure.spec);
        writeWhole(at('plots', `${figure.id}.svg`), svg);
        writeWhole(at('plots', `${figure.id}.png`), renderPng(svg));
      }
      writeWhole(at('report.html'), await sweepHtml({ title: 'Rank sweep', provenance, cells }));
    },
  };
}

/** A cell as one flat row; statistics become columns `accuracy_mean`, ... */
export function summaryRow(cell: CellSummary): Rows[number] {
  const { law, accuracy, timeToOptimum, steps, zScore } = cell;
  return {
    cell: cell.cell,
    loss_function: cell.loss,
    target: cell.target,
    n: cell.n,
    m: cell.m,
    rank: cell.rank,
    initialization: cell.initialization,
    scaling: cell.scaling,
    scale: cell.scale,
    metric: cell.metric,
    law: law && law.value,
    law_name: law && law.name,
    optimum: cell.optimum,
    trials: cell.trials,
    ...columns('accuracy', accuracy),
    z_score: zScore,
    at_saddle: cell.atSaddle,
    ...columns('time_to_optimum', timeToOptimum),
    ...columns('steps', steps),
    ...Object.fromEntries(Object.entries(cell.outcomes).map(([name, count]) => [outcomeColumn(name), count])),
  };
}

const curveRows = (cell: CellSummary): Rows =>
  cell.curve.map(({ time, loss, closedForm, fullFineTuning }) => ({
    cell: cell.cell,
    rank: cell.rank,
    time,
    ...columns('loss', loss),
    closed_form: closedForm,
    full_fine_tuning: fullFineTuning,
  }));

const snake = { ciLow: 'ci_low', ciHigh: 'ci_high' } as const;

/** Non-finite statistics, of too few values, become null. */
const columns = (prefix: string, statistic: Statistic): Rows[number] =>
  Object.fromEntries(
    Object.entries(statistic).map(([name, value]: [string, number]) => [
      `${prefix}_${snake[name as keyof typeof snake] ?? name}`,
      Number.isFinite(value) ? value : null,
    ]),
  );
