/** Figures of the plots, from the accounts of the worker. */
import { formatCount, formatNumber } from '../report/format.js';
import type { Figure, Line } from './plot.js';
import type { LossLine, Prepared, SingularValues } from './protocol.js';
import type { State } from './state.js';

type SweepProgress = NonNullable<State['progress']>;
type Look = NonNullable<State['look']>;

const dashed = [7, 5] as const;
const dotted = [2, 4] as const;
const time = { label: 'time t', scale: 'log' } as const;

const finite = (value: number | null | undefined): number | null =>
  value !== null && value !== undefined && Number.isFinite(value) ? value : null;
/** The value if it is positive and finite, which a logarithmic axis has room for; else null. */
const positive = (value: number | null | undefined): number | null =>
  value !== null && value !== undefined && value > 0 && Number.isFinite(value) ? value : null;

/** Rank against accuracy: what is simulated, beside the law. */
export function accuracyFigure(prepared: Prepared, progress: SweepProgress | null): Figure {
  const { ranks, metric } = prepared;
  const percentile = (name: 'p05' | 'p50' | 'p95') =>
    ranks.map((_, i) => positive(progress?.ranks[i]?.accuracy[name]));
  const medians = percentile('p50');
  const medianTexts = ranks
    .map(({ rank }, i) => `rank ${rank}: ${formatNumber(medians[i] ?? null)}`)
    .join(', ');
  return {
    description: `${metric} against rank. Median of the trials so far, ${medianTexts}.`,
    x: { label: 'rank r', scale: 'log', ticks: ranks.map(({ rank }) => rank) },
    y: { label: metric, scale: 'log' },
    at: ranks.map(({ rank }) => rank),
    band: [0, 1],
    lines: [
      { name: '95 %', values: percentile('p95'), color: '--simulated', width: 0.75 },
      { name: '5 %', values: percentile('p05'), color: '--simulated', width: 0.75 },
      { name: 'median', values: medians, color: '--simulated', width: 2, points: true },
      {
        name: 'law',
        values: ranks.map(({ law }) => positive(law)),
        ...{ color: '--law', dash: dashed, width: 2 },
      },
    ],
  };
}

/** Loss over time of trials of the rank that is looked at, beside theory. */
export function lossFigure(
  { rank, times, closedForm, fullFineTuning, optimum }: Look,
  lines: readonly LossLine[],
): Figure {
  const theory: Line[] = [
    ...(fullFineTuning
      ? [{ name: 'full fine-tuning', values: fullFineTuning.map(positive), color: '--other', width: 2 }]
      : []),
    ...(optimum
      ? [
          {
            name: `optimum of rank ${rank}`,
            values: times.map(() => optimum),
            color: '--other',
            dash: dotted,
            width: 2,
          },
        ]
      : []),
    ...(closedForm
      ? [
          {
            name: `${closedForm.name}, trial 0`,
            values: closedForm.loss.map(positive),
            ...{ color: '--law', dash: dashed, width: 3 },
          },
        ]
      : []),
  ];
  const floor = optimum ? optimum / 3 : 0;
  return {
    description: `Loss over time of ${lines.length} trials of rank ${rank}, with ${theory.map(({ name }) => name).join(', ') || 'no theory'}.`,
    x: time,
    y: { label: 'loss f', scale: 'log' },
    at: times,
    lines: [
      ...lines.map(({ trial, loss }) => ({
        name: `trial ${trial}`,
        values: times.map((_, k) => positive(loss[k])),
        ...{
          color: '--simulated',
          width: 1,
          alpha: Math.max(0.25, Math.min(1, 4 / Math.sqrt(lines.length + 1))),
        },
      })),
      // Full fine-tuning goes on falling where a low rank cannot.
      ...theory.map((line) => ({
        ...line,
        values: line.values.map((v) => (v !== null && v >= floor ? v : null)),
      })),
    ],
  };
}

/** Singular values of the update over time, of a few trials. */
export function singularValuesFigure(
  { rank, target, times: saved }: Look,
  spectra: SingularValues | null,
): Figure {
  const { times, trials } = spectra ?? { times: saved, trials: [] };
  return {
    description: `Singular values of the update over time, in ${trials.length} trials of rank ${rank}; they grow one after another towards those of the target.`,
    x: time,
    y: { label: 'singular values of s B A', scale: 'linear' },
    at: times,
    lines: [
      ...(target ?? []).map((value, i) => ({
        name: `target ${i + 1}`,
        values: times.map(() => value),
        ...{ color: '--other', dash: dotted, width: 1 },
      })),
      ...trials.flatMap((perTime, trial) =>
        Array.from({ length: rank }, (_, i) => ({
          name: `trial ${trial}, singular value ${i + 1}`,
          values: times.map((_, k) => finite(perTime[k]?.[i])),
          ...{ color: i / Math.max(1, rank - 1), width: 1.25, alpha: trials.length > 1 ? 0.7 : 1 },
        })),
      ),
    ],
  };
}

/** Trajectories that ended per second, over the time that the sweep has computed. */
export const paceFigure = ({ pace, done, seconds }: SweepProgress): Figure => ({
  description: `Trajectories per second over time; ${formatCount(done)} in ${formatNumber(seconds)} seconds so far.`,
  x: { label: 'seconds of computing', scale: 'linear' },
  y: { label: 'trajectories / s', scale: 'linear' },
  at: pace.seconds,
  height: 170,
  lines: [
    {
      name: 'trajectories per second',
      values: pace.rate,
      color: '--simulated',
      width: 2,
      points: pace.rate.length < 12,
    },
  ],
});
