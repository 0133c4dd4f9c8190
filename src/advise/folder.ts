/** The results folder of advice: report.html, advice.json, and the weights and their singular values as tables. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { beginSafetensors } from '../files/writeSafetensors.js';
import { writeWhole } from '../files/writeWhole.js';
import { page } from '../report/html.js';
import { fillFolder } from '../results/folder.js';
import { csv, parquet } from '../results/tables.js';
import { CONFIG_FILE, TENSORS_FILE, writeAdapters, type AdapterFiles } from './adapters.js';
import type { Advice, Advised, AdviseProgress } from './advise.js';
import type { Budget } from './budget.js';
import { adviceFigures } from './figures.js';
import { adviceRecord, sigmaRecords, weightRecords, type Written } from './records.js';
import { allocationRows, answers, evaluation, notes, weightedRows, weightRows } from './report.js';

/** Columns of weights.parquet that hold whole numbers, and text. */
const types = {
  integers: ['rows', 'cols', 'worth', 'rank_energy', 'rank_ratio', 'rank_edge', 'index'],
  texts: ['weight', 'tuned_weight', 'layout'],
};

/**
 * Writes the results into their folder, and makes that of the adapters if they are asked for, all at once.
 * @param out the results folder
 * @param write that of the adapters, as it is found from here (default: none)
 * @returns the advice, with the errors of the adapters
 * @throws InputError if there is something at `write` already, or it cannot be made
 */
export async function writeAdvice(
  out: string,
  write: string | undefined,
  advised: Advised,
  written: Written,
  progress: AdviseProgress,
): Promise<Advice> {
  const { base, config } = written;
  let { advice } = advised;
  if (write === undefined) await writeResults(out, advice, written);
  else
    await fillFolder(
      write,
      async (folder) => {
        const errors = await writeAdapters(filesIn(folder), base, advised, config, progress);
        const budgets = advice.budgets.map((each, i) => ({ ...each, writtenError: errors[i]! }));
        advice = { ...advice, budgets };
        await writeResults(out, advice, written);
      },
      'write',
    );
  return advice;
}

/** A folder of its name in a folder for each budget. */
const filesIn =
  (folder: string) =>
  (budget: Budget): AdapterFiles => {
    const path = join(folder, budget.folder);
    mkdirSync(path);
    return {
      config: (text) => writeWhole(join(path, CONFIG_FILE), text),
      tensors: (planned, metadata) => beginSafetensors(join(path, TENSORS_FILE), planned, metadata),
    };
  };

async function writeResults(out: string, advice: Advice, written: Written): Promise<void> {
  const { config, base, tuned, provenance } = written;
  const weights = weightRecords(advice);
  const weighted = weightedRows(advice);
  const ranks = advice.budgets.map(({ budget }) => `rank_${budget.folder}`);
  const html = await page(
    `Ranks for ${tuned}, tuned from ${base}`,
    provenance,
    adviceFigures(advice),
    [
      { heading: 'Budgets and rules', ...allocationRows(advice, config) },
      ...(weighted ? [{ heading: 'Errors weighted by inputs', ...weighted }] : []),
      {
        heading: 'Weights',
        ...weightRows(advice),
        notes: [...notes(advice, config), ...evaluation(base, advice, config)],
      },
    ],
    answers(advice).join(' '),
  );
  const files = {
    'weights.csv': csv(weights),
    'weights.parquet': parquet(weights, { ...types, integers: [...types.integers, ...ranks] }),
    'singular-values.parquet': parquet(sigmaRecords(advice), types),
    'report.html': html,
    'advice.json': `${JSON.stringify(adviceRecord(advice, written), null, 2)}\n`,
  };
  for (const [name, content] of Object.entries(files)) writeWhole(join(out, name), content);
}
