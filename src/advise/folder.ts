/** The results folder of advice: report.html, advice.json, and the weights and their singular values as tables. */
import type { Provenance } from '../host/provenance.js';
import { page } from '../report/html.js';
import { createFolder, fillFolder } from '../results/folder.js';
import { csv, parquet, type Rows } from '../results/tables.js';
import { fillAdapters } from './adapters.js';
import { allocationOf, type Advice, type Advised, type AdviseProgress } from './advise.js';
import type { AdviseConfig } from './config.js';
import { adviceFigures } from './figures.js';
import {
  allocationRows,
  answers,
  evaluation,
  notes,
  ruleAllocation,
  ruleNames,
  weightRows,
} from './report.js';

export interface Written {
  readonly base: string;
  readonly tuned: string;
  readonly config: AdviseConfig;
  readonly provenance: Provenance;
}

/** Columns of weights.parquet that hold whole numbers, and text. */
const types = {
  integers: ['rows', 'cols', 'worth', 'rank_energy', 'rank_ratio', 'rank_edge', 'index'],
  texts: ['weight', 'tuned_weight', 'layout'],
};

/** A row for each weight. */
export const weightRecords = ({ weights, budgets }: Advice): Rows =>
  weights.map((weight, i) => ({
    weight: weight.name,
    tuned_weight: weight.tunedName,
    layout: weight.layout,
    rows: weight.rows,
    cols: weight.cols,
    norm: weight.norm,
    relative_norm: weight.relativeNorm,
    sigma_1: weight.sigma[0]!,
    tail_squared: weight.tailSquared,
    stable_rank: weight.stableRank,
    effective_rank_at_most: weight.effectiveRankAtMost,
    ...Object.fromEntries(ruleNames.map((rule) => [`rank_${rule}`, weight.rules[rule]])),
    equal_share: weight.rounding?.equalShare ?? null,
    rounding_rms: weight.rounding?.rms ?? null,
    rounding_edge: weight.rounding?.edge ?? null,
    worth: weight.worth,
    ...Object.fromEntries(
      budgets.flatMap(({ budget, ranks }) => [
        [`rank_${budget.folder}`, ranks[i]!],
        [`error_${budget.folder}`, allocationOf([weight], [ranks[i]!]).error],
      ]),
    ),
  }));

/** A row for each singular value that is known. */
export const sigmaRecords = ({ weights }: Advice): Rows =>
  weights.flatMap(({ name, sigma }) => Array.from(sigma, (value, index) => ({ weight: name, index, value })));

/** Advice as JSON has it. */
export function adviceRecord(advice: Advice, { base, tuned, config, provenance }: Written) {
  const { weights, budgets, ...rest } = advice;
  const allocation = ({
    ranks,
    parameters,
    error,
  }: (typeof budgets)[number]['uniform'] | (typeof budgets)[number]) => ({
    parameters,
    error,
    ranks: Object.fromEntries(weights.map(({ name }, i) => [name, ranks[i]!])),
  });
  return {
    provenance,
    base,
    tuned,
    answers: answers(advice),
    ...rest,
    budgets: budgets.map((each) => ({
      budget: each.budget.text,
      most: each.budget.parameters,
      ...allocation(each),
      writtenError: each.writtenError,
      adapter:
        config.write !== undefined && each.parameters > 0 ? `${config.write}/${each.budget.folder}` : null,
      uniform: { rank: each.uniform.rank, parameters: each.uniform.parameters, error: each.uniform.error },
    })),
    rules: Object.fromEntries(
      ruleNames.map((rule) => {
        const { cut, parameters, error } = ruleAllocation(advice, rule);
        return [rule, { parameters, error, weightsThatAskForMore: cut }];
      }),
    ),
    weights: weights.map(({ sigma, ...weight }) => ({ ...weight, sigma: [...sigma] })),
  };
}

/**
 * Makes the results folder, and that of the adapters if they are asked for, each all at once.
 * @returns the advice, with the errors of the adapters
 * @throws InputError if there is something at either path already, or it cannot be made
 */
export async function writeAdvice(
  out: string,
  advised: Advised,
  written: Written,
  progress: AdviseProgress,
): Promise<Advice> {
  const { base, config } = written;
  let { advice } = advised;
  if (config.write === undefined) await writeResults(out, advice, written);
  else
    await fillFolder(
      config.write,
      async (folder) => {
        const errors = await fillAdapters(folder, base, advised, config, progress);
        const budgets = advice.budgets.map((each, i) => ({ ...each, writtenError: errors[i]! }));
        advice = { ...advice, budgets };
        await writeResults(out, advice, written);
      },
      'write',
    );
  return advice;
}

async function writeResults(out: string, advice: Advice, written: Written): Promise<void> {
  const { config, base, tuned, provenance } = written;
  const weights = weightRecords(advice);
  const ranks = advice.budgets.map(({ budget }) => `rank_${budget.folder}`);
  const html = await page(
    `Ranks for ${tuned}, tuned from ${base}`,
    provenance,
    adviceFigures(advice),
    [
      { heading: 'Budgets and rules', ...allocationRows(advice, config) },
      {
        heading: 'Weights',
        ...weightRows(advice),
        notes: [...notes(advice, config), ...evaluation(base, advice, config)],
      },
    ],
    answers(advice).join(' '),
  );
  createFolder(out, [], {
    'report.html': html,
    'advice.json': `${JSON.stringify(adviceRecord(advice, written), null, 2)}\n`,
    'weights.csv': csv(weights),
    'weights.parquet': parquet(weights, { ...types, integers: [...types.integers, ...ranks] }),
    'singular-values.parquet': parquet(sigmaRecords(advice), types),
  });
}
