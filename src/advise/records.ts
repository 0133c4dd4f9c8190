/** Advice as data: the record of advice.json, and rows of tables. */
import type { Provenance } from '../host/provenance.js';
import type { Rows } from '../results/tables.js';
import { allocationOf, type Advice, type Allocation, type Weight } from './advise.js';
import type { AdviseConfig } from './config.js';
import { answers, ruleAllocation, ruleNames } from './report.js';
import { weightedError, type WeightedErrors } from './weighted.js';

/** What advice was asked for, and by which program. */
export interface Written {
  readonly base: string;
  readonly tuned: string;
  readonly config: AdviseConfig;
  readonly provenance: Provenance;
}

/** A row for each weight. */
export const weightRecords = ({ weights, budgets, unknownInputs }: Advice): Rows =>
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
        ...errorsOf(weight, ranks[i]!, unknownInputs !== null, budget.folder),
      ]),
    ),
  }));

/** Columns of the errors of a weight at a rank, those by inputs where there are statistics. */
function errorsOf(weight: Weight, rank: number, isWeighted: boolean, end: string) {
  const { error, weightedError: byInputs, leastWeightedError: least } = allocationOf([weight], [rank]);
  const weighted = [
    [`weighted_error_${end}`, byInputs],
    [`least_weighted_error_${end}`, least],
  ] as const;
  return [[`error_${end}`, error], ...(isWeighted ? weighted : [])] as const;
}

/** A row for each singular value that is known, with the errors of so many by inputs where there are statistics. */
export const sigmaRecords = ({ weights, unknownInputs }: Advice): Rows =>
  weights.flatMap((weight) =>
    Array.from(weight.sigma, (value, index) => {
      const at = (of: keyof WeightedErrors) => weightedError([weight.weighted], [index + 1], of);
      const weighted = () => ({ weighted_error: at('truncated'), least_weighted_error: at('least') });
      return { weight: weight.name, index, value, ...(unknownInputs && weighted()) };
    }),
  );

/** Relative errors of a weight by inputs, of rank 1, 2, ... */
const relative = (weighted: WeightedErrors, of: keyof WeightedErrors): (number | null)[] =>
  Array.from(weighted[of].slice(1), (_, i) => weightedError([weighted], [i + 1], of));

const figuresOf = ({
  parameters,
  error,
  weightedError: byInputs,
  leastWeightedError: least,
}: Allocation) => ({
  ...{ parameters, error, weightedError: byInputs, leastWeightedError: least },
});

/** Advice as JSON has it. */
export function adviceRecord(advice: Advice, { base, tuned, config, provenance }: Written) {
  const { weights, budgets, ...rest } = advice;
  return {
    provenance,
    base,
    tuned,
    answers: answers(advice),
    ...rest,
    budgets: budgets.map((each) => ({
      budget: each.budget.text,
      most: each.budget.parameters,
      ...figuresOf(each),
      ranks: Object.fromEntries(weights.map(({ name }, i) => [name, each.ranks[i]!])),
      writtenError: each.writtenError,
      adapter:
        config.write !== undefined && each.parameters > 0 ? `${config.write}/${each.budget.folder}` : null,
      uniform: { rank: each.uniform.rank, ...figuresOf(each.uniform) },
    })),
    rules: Object.fromEntries(
      ruleNames.map((rule) => {
        const { cut, parameters, error } = ruleAllocation(advice, rule);
        return [rule, { parameters, error, weightsThatAskForMore: cut }];
      }),
    ),
    weights: weights.map(({ sigma, weighted, ...weight }) => ({
      ...weight,
      sigma: [...sigma],
      weighted: weighted && {
        squares: weighted.truncated[0]!,
        errors: relative(weighted, 'truncated'),
        least: relative(weighted, 'least'),
      },
    })),
  };
}
