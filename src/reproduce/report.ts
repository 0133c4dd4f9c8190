/** A reproduction as a table, a page and CSV. */
import { stringify } from 'csv-stringify/sync';
import { memoized } from '../numbers/memoized.js';
import { formatInterval, formatNumber } from '../report/format.js';
import { page } from '../report/html.js';
import { chartFigure, type Chart } from '../report/plots/chart.js';
import type { Figure } from '../report/plots/theme.js';
import type { TableRows } from '../report/table.js';
import { passes } from '../verify/check.js';
import { verdictOf, type Reproduced, type Verdict } from './claim.js';
import type { Reproduction } from './reproduce.js';

/** The command that demonstrates one claim. */
export const commandOf = ({ claim }: Pick<Reproduced, 'claim'>, seed: number): string =>
  `rankflow reproduce --only ${claim.id}${seed === 0 ? '' : ` --seed ${seed}`}`;

/** "10 of 11 claims hold. Fails: tanh-law." */
export function summaryOf(reproduced: readonly Reproduced[]): string {
  const of = (verdict: Verdict) => reproduced.filter((each) => verdictOf(each) === verdict);
  const named = (verdict: Verdict, word: string) => {
    const ids = of(verdict).map(({ claim }) => claim.id);
    return ids.length > 0 ? ` ${word}: ${ids.join(', ')}.` : '';
  };
  const count = `${of('holds').length} of ${reproduced.length} claims hold.`;
  return `${count}${named('fails', 'Does not hold')}${named('not shown', 'Not shown')}`;
}

/** A row for each claim, with its evidence. */
export const claimRows = (reproduced: readonly Reproduced[]): TableRows => ({
  head: ['claim', 'stated in', 'measured', 'the claim says', 'verdict'],
  numeric: [false, false, false, false, false],
  shares: [8, 5, 6, 6, 0],
  rows: reproduced.map(({ claim, demonstration, failure }) => [
    `${claim.id}\n${claim.claim}`,
    claim.source,
    demonstration
      ? demonstration.evidence
          .map(({ of, measured, where }) => `${of}: ${formatNumber(measured)} (${where})`)
          .join('\n')
      : `it failed: ${failure}`,
    (demonstration?.evidence ?? [])
      .map(({ allowed: { from, to, reason } }) => `${formatInterval(from, to)}: ${reason}`)
      .join('\n'),
    verdictOf({ demonstration }),
  ]),
  marked: reproduced.map((each) => verdictOf(each) !== 'holds'),
  notes: [],
});

/** The figure of every claim that was demonstrated; of the same reproduction the same, so that each is drawn once. */
export const claimFigures = memoized(({ reproduced, provenance }: Reproduction): readonly Figure[] =>
  reproduced.flatMap((each) => {
    const { claim, demonstration } = each;
    if (!demonstration) return [];
    const measured = demonstration.evidence.map(
      (evidence) =>
        `${evidence.of} is ${formatNumber(evidence.measured)}, ${passes(evidence) ? 'within' : 'outside'} ` +
        `${formatInterval(evidence.allowed.from, evidence.allowed.to)}`,
    );
    const words = {
      id: claim.id,
      heading: `${capitalized(verdictOf(each))}: ${demonstration.chart.title}`,
      caption: `Claim: ${claim.claim} (${claim.source}). Measured: ${measured.join('; ')}.`,
    };
    return [{ ...chartFigure(demonstration.chart, words), command: commandOf(each, provenance.seed) }];
  }),
);

/** The page of a reproduction. */
export const reproductionHtml = (reproduction: Reproduction): Promise<string> =>
  page(
    'What rankflow reproduces',
    reproduction.provenance,
    claimFigures(reproduction),
    { heading: 'Claims', ...claimRows(reproduction.reproduced) },
    summaryOf(reproduction.reproduced),
  );

/** The points of a chart: a row for each, with its curve and whether that is a law. */
export const chartCsv = ({ x, y, curves }: Chart): string =>
  stringify(
    curves.flatMap(({ name, kind, points }) =>
      points.map((point) => [name, kind, point.x, point.y, point.low, point.high]),
    ),
    { header: true, columns: ['curve', 'kind', x.name, y.name, `${y.name}_low`, `${y.name}_high`] },
  );

const capitalized = (text: string) => `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
