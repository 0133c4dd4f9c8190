/**
 * What sweeps and simulations with noise answer, in words: which rank is best, how sure that is, when to stop, and what
 * stopping early at the largest rank, or full fine-tuning, gives instead.
 */
import { leastBy } from '../numbers/least.js';
import { statistic } from '../numbers/statistics.js';
import type { SimulationReport } from '../simulation/report.js';
import type { CellSummary } from '../sweep/summary.js';
import { tradeOffs, type BestStop, type MeanRisk, type TradeOff } from '../sweep/tradeOff.js';
import { formatInterval, formatNumber, shortTime } from './format.js';
import { bestFullFineTuning, isWorth, withRisk, type RiskCell } from './risk.js';
import { seriesOf, type Series } from './series.js';

const percent = (share: number): string => `${Math.round(100 * share)} %`;

/** The answers for every series with more than one rank; its label comes first where there are several. */
export function riskAnswers(cells: readonly CellSummary[]): string[] {
  const series = seriesOf(withRisk(cells));
  return series.flatMap((each) => {
    const [tradeOff] = tradeOffs(each.cells);
    const prefix = series.length > 1 ? `${each.label}: ` : '';
    return tradeOff ? answers(each, tradeOff).map((sentence) => prefix + sentence) : [];
  });
}

function answers({ cells }: Series, tradeOff: TradeOff): string[] {
  const [first] = cells as readonly RiskCell[];
  const scale = first!.riskScale;
  const risk = ({ relative, ciLow, ciHigh }: MeanRisk) => {
    const interval = formatInterval(ciLow / scale, ciHigh / scale);
    return interval === '-' ? formatNumber(relative) : `${formatNumber(relative)} ${interval}`;
  };
  const { best, bestPair, plausible, ranks, draws } = tradeOff;
  const largest = ranks.at(-1)!;
  const atEnd = (rank: number) => ranks.find((each) => each.rank === rank)!.risk;
  const pays = (stop: BestStop, rank: number) => !stop.isLast && isWorth(stop.risk.mean, atEnd(rank).mean);
  const others = plausible.filter((rank) => rank !== best.rank);
  const certainty =
    draws < 2
      ? 'of one draw of the target, which tells nothing of others'
      : `the best in ${percent(best.shareOfResamples)} of resamples of the ${draws} draws of the target` +
        (others.length > 0 ? `; ${others.join(', ')} cannot be ruled out` : '');
  const sentences = [`Best rank at the end: ${best.rank}, with risk ${risk(best.risk)} (${certainty}).`];
  const times =
    bestPair.timeLow < bestPair.timeHigh
      ? `, between ${shortTime(bestPair.timeLow)} and ${shortTime(bestPair.timeHigh)} in 95 % of resamples`
      : '';
  const share = draws < 2 ? '' : ` (the best in ${percent(bestPair.shareOfResamples)} of resamples)`;
  sentences.push(
    pays(bestPair, bestPair.rank)
      ? `Best stop of all ranks and save times: rank ${bestPair.rank} at t = ${shortTime(bestPair.time)}${times}, with risk ${risk(bestPair.risk)}, against ${formatNumber(atEnd(bestPair.rank).relative)} at the end${share}.`
      : `No stop before the last save time is better: rank ${bestPair.rank}, with risk ${risk(atEnd(bestPair.rank))} there.`,
  );
  if (largest.rank !== bestPair.rank && pays(largest.bestStop, largest.rank))
    sentences.push(
      `Rank ${largest.rank}, the largest, stopped at t = ${shortTime(largest.bestStop.time)}: risk ${risk(largest.bestStop.risk)}, against ${formatNumber(largest.risk.relative)} at the end.`,
    );
  const full = bestFullFineTuning(cells as readonly RiskCell[]);
  if (full)
    sentences.push(
      isWorth(full.risk, full.last)
        ? `Full fine-tuning stopped at t = ${shortTime(full.time)}: risk ${formatNumber(full.risk)}, against ${formatNumber(full.last)} at the last save time (closed form, without decay).`
        : `Full fine-tuning: risk ${formatNumber(full.last)} at the last save time, and no stop before is better (closed form, without decay).`,
    );
  return sentences;
}

/** When the risk of a simulation is least, on the mean over its trials. */
export function simulationAnswers({ times, risk }: Pick<SimulationReport, 'times' | 'risk'>): string[] {
  if (!risk) return [];
  const points = times.flatMap((time, k) => {
    const { count, mean } = statistic(risk.trials.map((trial) => trial[k]! / risk.scale));
    return count > 0 ? [{ time, mean }] : [];
  });
  const [best, last] = [leastBy(points, ({ mean }) => mean), points.at(-1)];
  if (!best || !last) return [];
  const trials = risk.trials.length === 1 ? '' : ` (means over ${risk.trials.length} trials)`;
  return [
    isWorth(best.mean, last.mean)
      ? `Risk is least at t = ${shortTime(best.time)}: ${formatNumber(best.mean)} of that of W0, against ${formatNumber(last.mean)} at the end${trials}.`
      : `No stop before the end has less risk: ${formatNumber(last.mean)} of that of W0${trials}.`,
  ];
}

/** What the risk is of, and how its intervals come about. */
export function riskNotes(cells: readonly CellSummary[]): string[] {
  const [first] = withRisk(cells);
  if (!first) return [];
  const { draws, noise, samples, labelNoise, trials } = first;
  const seen =
    samples !== null
      ? `the clean target; training sees it by ${samples} samples with label noise ${labelNoise ?? 0}`
      : noise !== null
        ? `the clean target; training sees it with noise ${noise}`
        : 'the clean target, which training does not see';
  const starts = trials / draws;
  return [
    `Risk: squared error against ${seen}. It is relative to that of W0: 1 is no fine-tuning at all.`,
    draws > 1
      ? `${draws} draws of the target, each with ${starts} ${starts === 1 ? 'start' : 'starts'}; intervals are of the mean over draws, by a bootstrap over them.`
      : 'One draw of the target: intervals are over its starts alone.',
  ];
}
