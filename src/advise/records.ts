/** Advice as data: the record of advice.json, and rows of tables. */
import type { Provenance } from '../host/provenance.js';
import type { Rows } from '../results/tables.js';
import { allocationOf, type Advice } from './advise.js';
import type { AdviseConfig } from './config.js';
import { answers, ruleAllocation, ruleNames } from './report.js';

/** What advice was asked for, and by which program. */
export interface Written {
  readonly base: string;
  readonly tuned: string;
  readonly config: AdviseConfig;
  readonly provenance: Provenance;
}

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
