/** Advice on a pair of checkpoints as sentences and tables. */
import { shellWord } from '../host/shellWord.js';
import { formatCount, formatNumber, plural } from '../report/format.js';
import type { TableRows } from '../report/table.js';
import { allocationOf, type Advice, type Allocation, type BudgetAdvice, type Weight } from './advise.js';
import type { AdviseConfig } from './config.js';
import { weightedError, type WeightedErrors } from './weighted.js';

export const ruleNames = ['energy', 'ratio', 'edge'] as const;
export type RuleName = (typeof ruleNames)[number];

/** What a fixed rule asks for. */
export interface RuleAllocation extends Allocation {
  readonly rule: RuleName;
  /** Weights for which it asks for more than the singular values that are known, and is given these. */
  readonly cut: number;
}

/** The ranks of a fixed rule, of each weight at most as many as there are singular values. */
export function ruleAllocation({ weights }: Advice, rule: RuleName): RuleAllocation {
  const asked = weights.map(({ rules }) => rules[rule]);
  const ranks = asked.map((rank, i) => rank ?? weights[i]!.sigma.length);
  return { rule, cut: asked.filter((rank) => rank === null).length, ...allocationOf(weights, ranks) };
}

const percent = (share: number): string => `${Number((100 * share).toPrecision(3))} %`;

function rankRange(ranks: readonly number[]): string {
  const [least, most] = [Math.min(...ranks), Math.max(...ranks)];
  return least === most ? String(least) : `${least} to ${most}`;
}

const setWords = (rule: RuleName, { energy, ratio }: AdviseConfig): string =>
  ({
    energy: `energy: ${percent(energy)} of each`,
    ratio: `ratio: from ${formatNumber(ratio)} of the largest on`,
    edge: 'edge: above that of noise',
  })[rule];

/** The answer in a sentence for each budget. */
export const answers = ({ budgets, parameters, weights }: Advice): string[] =>
  budgets.map(({ budget, ranks, parameters: spent, error, weightedError: weighted, uniform }) =>
    spent === 0
      ? `Within ${budgetText(budget.text)} no direction fits: one costs at least ${formatCount(Math.min(...weights.map(({ rows, cols }) => rows + cols)))} parameters.`
      : `Within ${budgetText(budget.text)}: ${rankRange(ranks).includes(' ') ? 'ranks' : 'rank'} ${rankRange(ranks)} over ${plural(weights.length, 'weight')}, ` +
        `${formatCount(spent)} parameters (${percent(spent / parameters)} of BASE), leave a relative Frobenius error of ${formatNumber(error)}${byInputs(weighted, weights)}; ` +
        (uniform.rank === 0
          ? 'no uniform rank fits.'
          : `uniform rank ${uniform.rank} leaves ${formatNumber(uniform.error)}${byInputs(uniform.weightedError, weights)}.`),
  );

/** An error weighted by inputs, and over how many weights it is where not all have known inputs. */
function byInputs(error: number | null, weights: Advice['weights']): string {
  if (error === null) return '';
  const known = weights.filter(({ weighted }) => weighted !== null).length;
  const over =
    known < weights.length ? `, over ${formatCount(known)} of ${plural(weights.length, 'weight')}` : '';
  return ` (${formatNumber(error)} weighted by inputs${over})`;
}

const budgetText = (text: string): string => (text.endsWith('%') ? text : `${text} parameters`);

/** Budgets beside uniform ranks and fixed rules. */
export function allocationRows(advice: Advice, config: AdviseConfig): TableRows {
  const hasWritten = advice.budgets.some(({ writtenError }) => writtenError !== null);
  const isWeighted = advice.weights.some(({ weighted }) => weighted !== null);
  const row = (
    name: string,
    { ranks, parameters, error, weightedError: weighted, leastWeightedError: least }: Allocation,
    written: number | null,
    atLeast = false,
  ) => [
    name,
    `${rankRange(ranks)}${atLeast ? ' or more' : ''}`,
    `${atLeast ? '> ' : ''}${formatCount(parameters)}`,
    percent(parameters / advice.parameters),
    formatNumber(error),
    ...(isWeighted ? [withLeast(weighted, least)] : []),
    ...(hasWritten ? [formatNumber(written)] : []),
  ];
  return {
    head: [
      'ranks by',
      'rank',
      'parameters',
      'of BASE',
      'error',
      ...(isWeighted ? ['by inputs (least)'] : []),
      ...(hasWritten ? [`error in ${config.dtype}`] : []),
    ],
    numeric: [false, ...Array<boolean>(4 + Number(isWeighted) + Number(hasWritten)).fill(true)],
    rows: [
      ...advice.budgets.flatMap((each) => [
        row(`budget ${each.budget.text}, advised`, each, each.writtenError),
        row(`budget ${each.budget.text}, uniform`, each.uniform, null),
      ]),
      ...ruleNames.map((rule) => {
        const found = ruleAllocation(advice, rule);
        return row(setWords(rule, config), found, null, found.cut > 0);
      }),
    ],
    notes: [],
  };
}

/** A row for each weight. */
export function weightRows({ weights, budgets, tunedIsAdapter }: Advice): TableRows {
  const hasRounding = weights.some(({ rounding }) => rounding !== null);
  const known = (rank: number | null, { sigma }: Weight) =>
    rank === null ? `> ${sigma.length}` : String(rank);
  return {
    head: [
      ...['weight', 'shape', 'change', 'first', 'stable rank', 'effective rank'],
      ...ruleNames,
      ...(hasRounding ? ['equal entries', 'rounding edge'] : []),
      ...budgets.map(({ budget }) => `rank at ${budget.text}`),
    ],
    numeric: [false, ...Array<boolean>(8 + (hasRounding ? 2 : 0) + budgets.length).fill(true)],
    rows: weights.map((weight, i) => [
      ...[weight.name.replace(/\.weight$/, ''), `${weight.rows}x${weight.cols}`],
      formatNumber(tunedIsAdapter ? weight.norm : weight.relativeNorm),
      formatNumber(1 / weight.stableRank),
      ...[formatNumber(weight.stableRank), effectiveText(weight)],
      ...ruleNames.map((rule) => known(weight.rules[rule], weight)),
      ...(hasRounding
        ? [
            weight.rounding ? percent(weight.rounding.equalShare) : '-',
            formatNumber(weight.rounding && weight.rounding.edge / weight.sigma[0]!),
          ]
        : []),
      ...budgets.map(({ ranks }) => String(ranks[i])),
    ]),
    notes: [],
  };
}

/** Ranks whose weighted errors a table shows. */
const SHOWN = [1, 4, 16, 64, 256];

/** The errors weighted by inputs, a row for each weight whose inputs are known; null if none are. */
export function weightedRows({ weights, budgets }: Advice): TableRows | null {
  const known = weights.flatMap((weight, i) =>
    weight.weighted ? [{ ...weight, weighted: weight.weighted, i }] : [],
  );
  if (known.length === 0) return null;
  const shown = SHOWN.filter((rank) => known.some(({ sigma }) => rank <= sigma.length));
  const at = (all: WeightedErrors, rank: number) =>
    rank < all.truncated.length
      ? withLeast(weightedError([all], [rank], 'truncated'), weightedError([all], [rank], 'least'))
      : '-';
  return {
    head: [
      'weight',
      ...shown.map((rank) => `rank ${rank} (least)`),
      ...budgets.map(({ budget }) => `at ${budget.text} (least)`),
    ],
    numeric: [false, ...Array<boolean>(shown.length + budgets.length).fill(true)],
    rows: known.map(({ name, weighted, i }) => [
      name.replace(/\.weight$/, ''),
      ...shown.map((rank) => at(weighted, rank)),
      ...budgets.map(({ ranks }) => at(weighted, ranks[i]!)),
    ]),
    notes: [],
  };
}

const withLeast = (error: number | null, least: number | null): string =>
  error === null ? '-' : `${formatNumber(error)} (${formatNumber(least)})`;

/** The effective rank where all singular values are known, else what it is at most. */
const effectiveText = ({ sigma, rows, cols, effectiveRankAtMost }: Weight): string =>
  `${sigma.length < Math.min(rows, cols) ? '≤ ' : ''}${formatNumber(effectiveRankAtMost)}`;

/** What the reader must know to judge the numbers. */
export function notes(advice: Advice, config: AdviseConfig): string[] {
  const { weights, unchanged, leftOut, vectors, renaming, tunedIsAdapter, budgets, unknownInputs } = advice;
  const among = (count: number) => `${formatCount(count)} of ${plural(weights.length, 'weight')}`;
  const found: string[] = [
    'error: |D - B A|_F / |D|_F over all these weights together, D what training changed; it is an upper bound of the least one of those ranks, and exact for the factors that are written.',
    `change: |D|_F${tunedIsAdapter ? '' : ' / |W0|_F'}; first: share of |D|_F^2 in the first direction; effective rank (Roy & Vetterli): exact, or at most so much where not all singular values are known.`,
  ];
  if (unknownInputs !== null) found.push(...inputNotes(weights, unknownInputs));
  if (!tunedIsAdapter)
    found.push(
      `equal entries: those that are the same in both checkpoints; rounding edge: singular value up to which a direction can be rounding to the types of the checkpoints, relative to the first; directions below it get no rank.`,
    );
  const mostlyEqual = weights.filter(({ rounding }) => rounding !== null && rounding.equalShare > 0.5).length;
  if (mostlyEqual > 0)
    found.push(
      `${among(mostlyEqual)} kept more than half of their entries: their rounding is not spread evenly, and their edge is that of all that moved, or less.`,
    );
  const drowned = weights.filter(({ worth }) => worth === 0).length;
  if (drowned > 0) found.push(`${among(drowned)} have no direction above the rounding edge.`);
  const capped = (budget: BudgetAdvice) =>
    weights.filter(
      ({ sigma, rows, cols }, i) => budget.ranks[i] === sigma.length && sigma.length < Math.min(rows, cols),
    ).length;
  for (const budget of budgets.filter((each) => !tunedIsAdapter && capped(each) > 0))
    found.push(
      `Within ${budgetText(budget.budget.text)}, ${among(capped(budget))} reach --max-rank ${config.maxRank}: a larger one may leave less.`,
    );
  const open = weights.filter(({ converged }) => !converged).length;
  if (open > 0)
    found.push(`${among(open)}: the singular values had not settled; errors are bounds all the same.`);
  if (unchanged.length > 0)
    found.push(`Unchanged, and left out: ${plural(unchanged.length, 'weight')} (${someNames(unchanged)}).`);
  if (vectors.changed > 0)
    found.push(
      `${formatCount(vectors.changed)} of ${plural(vectors.count, 'vector')} (biases, norms) changed too: an adapter leaves them as they are in BASE.`,
    );
  if (renaming !== null)
    found.push(
      `Names in BASE that begin with "${renaming.from}" are those of TUNED that begin with "${renaming.to}".`,
    );
  const byReason = new Map<string, string[]>();
  for (const { name, reason } of leftOut) byReason.set(reason, [...(byReason.get(reason) ?? []), name]);
  for (const [reason, names] of byReason) found.push(`Left out, ${reason}: ${someNames(names)}.`);
  return found;
}

/** What errors weighted by inputs are, and which weights have none. */
function inputNotes(weights: readonly Weight[], unknown: readonly string[]): string[] {
  const without = weights.filter(({ weighted }) => weighted === null).map(({ name }) => name);
  return [
    'by inputs: |(D - B A) H^1/2|_F / |D H^1/2|_F, H the second moment of the inputs of the weights (--stats): of what training changed of their outputs on these inputs, the part that is missing; in brackets the least that matrices of those ranks can have, from above, by the singular values of D H^1/2.',
    ...(without.length > 0
      ? [
          `No H, and left out of errors by inputs: ${plural(without.length, 'weight')} (${someNames(without)}).`,
        ]
      : []),
    ...(unknown.length > 0 ? [`H of no weight that training changed: ${someNames(unknown)}.`] : []),
  ];
}

function someNames(names: readonly string[]): string {
  const shown = names.slice(0, 5).join(', ');
  return names.length > 5 ? `${shown} and ${names.length - 5} more` : shown;
}

/** What the error does not say, and how to find it out. */
export function evaluation(base: string, { budgets }: Advice, { write }: AdviseConfig): string[] {
  const warning =
    'The Frobenius error is not the error of your task: of a sentence encoder tuned to sentiment three times, rank 4 at a relative error of 0.84 kept 80 to 86 % of what the weights took off the loss on the test, rank 1 at 0.94 from less than nothing to 53 %. Evaluate before you choose.';
  const folders = budgets.filter(({ parameters }) => parameters > 0).map(({ budget }) => budget.folder);
  if (write === undefined || folders.length === 0)
    return [warning, '--write DIR writes an adapter of PEFT for each budget, to be evaluated.'];
  const adapters = folders.map((folder) => shellWord(`${write}/${folder}`));
  return [
    warning,
    `Each adapter loads as PeftModel.from_pretrained(model, '${write}/${folders[0]}'), on the model of ${base}; of a language model, evaluate with:`,
    `for adapter in ${adapters.join(' ')}; do lm_eval --model hf --model_args pretrained=${shellWord(base)},peft="$adapter" --tasks YOUR_TASKS; done`,
  ];
}
