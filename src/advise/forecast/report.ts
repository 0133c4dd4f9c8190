/** A forecast in words, as a table and as a chart: shares of progress by rank, and what they rest on. */
import { TRIALS } from './config.js';
import {
  AGREEMENT,
  BEHIND,
  BEND,
  LEAST_COSINE,
  type Band,
  type Forecasted,
  type RankForecast,
} from './combined.js';
import { outcomes } from '../../method/outcome.js';
import { shareKnown } from '../moments.js';
import { formatNumber } from '../../report/format.js';
import type { Chart } from '../../report/plots/chart.js';
import { table, type TableRows } from '../../report/table.js';

/** Share of the best rank's progress that makes a rank worth naming. */
const NEARLY = 0.9;

/** Vectors per dimension of S from which its small eigenvalues are right. */
const VECTORS = 10;

/** Share of the trace of S and H that their directions hold from which what is left may be taken for even. */
const KNOWN = 0.9;

const percent = (share: number) => `${Math.round(100 * share)} %`;
const share = ({ low, middle, high }: Band) => `${middle.toFixed(2)} [${low.toFixed(2)}, ${high.toFixed(2)}]`;
const last = ({ shares }: RankForecast): Band => shares.at(-1)!;

/** The answer, in a sentence. */
export function forecastAnswer({ forecast, config, statistics, pilotSteps }: Forecasted): string {
  const { steps, ranks, limit, trusted } = forecast;
  const end = steps.at(-1);
  if (end === undefined)
    return limit === 'disagreement'
      ? `Nothing can be said: the shares of the two surrogates are not within ${percent(AGREEMENT)} even at first.`
      : limit === 'floor'
        ? 'Nothing can be said: both surrogates leave the range of the loss at once.'
        : limit === 'bend'
          ? 'Nothing can be said: the first step that is kept is further than the loss is known to be near its quadratic.'
          : `Nothing can be said: at a learning rate of ${config.lr} the simulated training fails at once.`;
  const best = ranks.reduce((a, b) => (last(b).middle > last(a).middle ? b : a));
  const until = end === config.steps ? '' : ` of ${config.steps}`;
  const why = {
    end: '',
    disagreement: ', as far as the two surrogates agree on shares',
    bend: `, as far as the loss along its gradient is known to be within ${percent(BEND.shares)} of its quadratic`,
    floor: `, before a surrogate falls below ${statistics.floor}, the least loss there is`,
    failure: ', before a simulated training fails',
  }[limit];
  const ascending = [...ranks].sort((a, b) => a.rank - b.rank);
  const surely = ascending.find((one) => last(one).low >= NEARLY)!;
  const perhaps = ascending.find((one) => last(one).high >= NEARLY)!;
  const range = (one: RankForecast) => `${percent(last(one).low)} to ${percent(last(one).high)}`;
  const least =
    surely === undefined
      ? `no rank makes ${percent(NEARLY)} of it from every start`
      : surely.rank === best.rank
        ? best === ascending[0]
          ? 'it is the least'
          : `no smaller one surely makes ${percent(NEARLY)} of it`
        : `rank ${surely.rank} makes ${range(surely)} of it`;
  const maybe =
    perhaps !== surely && perhaps.rank !== best.rank ? ` (rank ${perhaps.rank} may: ${range(perhaps)})` : '';
  return (
    `At step ${end}${until}${why}, rank ${best.rank} has made the most progress, and ${least}${maybe}.` +
    (trusted ? '' : ' The gradient is noisy: no times are told.') +
    (pilotSteps === null
      ? ''
      : ` The scale of the curvature is that of ${pilotSteps} steps at rank ${config.pilotRank}.`)
  );
}

/** What the statistics lack, by name. */
export function forecastCautions({ statistics, forecast, config, pilotSteps }: Forecasted): string[] {
  const { weights, samples, draws, curvature, cosine, along } = statistics;
  const thin = weights.filter(
    ({ outputCovariance: { rows } }) => typeof draws === 'number' && samples * draws < VECTORS * rows,
  );
  const above = forecast.ranks.filter(({ largestRate }) => largestRate !== null && config.lr >= largestRate);
  return [
    ...(cosine === null
      ? [
          'G: the file has no halves (NAME.G.half0, NAME.G.half1, or cosine): how far G can be trusted is not known.',
        ]
      : cosine < LEAST_COSINE
        ? [
            `G: the gradients of two halves of the samples have a cosine of ${cosine.toFixed(2)}, below ${LEAST_COSINE}: early progress would be off several times, so times and losses are left out.`,
          ]
        : []),
    ...(draws === null
      ? [
          'S: the file does not say how many times labels were drawn (draws): too few make its small eigenvalues too small.',
        ]
      : thin.map(
          ({ name, outputCovariance: { rows } }) =>
            `S of ${name}: ${samples * (draws as number)} vectors for ${rows} dimensions, fewer than ${VECTORS} each: its small eigenvalues are too small, and small ranks get on too well.`,
        )),
    ...weights.flatMap(({ name, outputCovariance, covariance }) =>
      [['S', outputCovariance] as const, ['H', covariance] as const].flatMap(([tensor, moment]) => {
        const known = shareKnown(moment);
        return known < KNOWN
          ? [
              `${tensor} of ${name}: the directions in the file hold ${percent(known)} of its trace, and the rest is taken for even: more of them (--rank of the script) would tell shares and losses better.`,
            ]
          : [];
      }),
    ),
    ...(curvature === null && pilotSteps === null
      ? [
          'hvp: the file has no <G, Hess G>: the scale of the curvature is that of S, which has not been checked.',
        ]
      : []),
    ...(along === null && pilotSteps === null
      ? [
          'along: the file has no losses along G: how far they are near a quadratic is not known, and the surrogates may agree where both are wrong.',
        ]
      : []),
    ...(above.length > 0
      ? [
          `lr ${config.lr} is not below the largest stable one of rank ${above.map(({ rank }) => rank).join(', ')}.`,
        ]
      : []),
    ...forecast.failures.map(
      ({ surrogate, rank, count }) =>
        `rank ${rank}: ${count} simulated trainings failed on ${surrogateWords[surrogate]} (${outcomes.diverged}).`,
    ),
  ];
}

const surrogateWords = { kfac: 'K-FAC', identity: 'S = c I' };

/** Columns of shares in a table. */
const COLUMNS = 4;

export function forecastRows({ forecast, config, statistics }: Forecasted): TableRows {
  const { steps, ranks, trusted } = forecast;
  const shown = [
    ...new Set(Array.from({ length: COLUMNS }, (_, k) => Math.ceil((steps.length * (k + 1)) / COLUMNS) - 1)),
  ].filter((i) => i >= 0);
  const ofRates = config.optimizer === 'sgd';
  const isJoint = statistics.weights.length > 1 && steps.length > 0;
  return {
    head: [
      'rank',
      ...shown.map((i) => `share at step ${steps[i]}`),
      ...(trusted ? [`${percent(BEHIND)} behind at step`] : []),
      ...(ofRates ? ['largest stable lr'] : []),
      ...(isJoint ? ['weight that does most'] : []),
    ],
    numeric: [
      true,
      ...shown.map(() => true),
      ...(trusted ? [true] : []),
      ...(ofRates ? [true] : []),
      ...(isJoint ? [false] : []),
    ],
    rows: ranks.map((one) => [
      String(one.rank),
      ...shown.map((i) => share(one.shares[i]!)),
      ...(trusted ? [behind(one)] : []),
      ...(ofRates ? [formatNumber(one.largestRate)] : []),
      ...(isJoint
        ? [
            leadingPart(
              one,
              statistics.weights.map(({ name }) => name),
            ),
          ]
        : []),
    ]),
    notes: [],
  };
}

function behind({ behindAt: { first, last: end } }: RankForecast): string {
  if (first === null) return '-';
  if (end === null) return `${first.toFixed(0)} or later`;
  return first.toFixed(0) === end.toFixed(0) ? first.toFixed(0) : `${first.toFixed(0)} to ${end.toFixed(0)}`;
}

/** How far the surrogates agree, and what is told. */
function horizons({
  forecast: { steps, limit, agreeTo, trusted },
  config,
  statistics,
  pilotSteps,
}: Forecasted): string[] {
  if (!trusted) return [];
  const to = (step: number | null) => (step === null ? 'at no step' : `to step ${step}`);
  const near =
    statistics.along === null
      ? ''
      : `, and the loss along its gradient with its quadratic to ${percent(BEND.shares)} (for losses ${percent(BEND.losses)}),`;
  const agreed = `The surrogates agree to ${percent(AGREEMENT)}${near} on shares ${to(agreeTo.shares)}, on losses ${to(agreeTo.losses)}`;
  if (pilotSteps !== null)
    return [
      `${agreed}; the pilot carries both to ${limit === 'end' ? 'the end' : `step ${steps.at(-1) ?? 0}`}.`,
    ];
  if (agreeTo.losses === config.steps) return [`${agreed}.`];
  return [
    `${agreed}: beyond these none are told, nor times beyond losses. The losses of one rank over a third of the steps carry them on (--pilot, --pilot-rank).`,
  ];
}

function leadingPart({ parts }: RankForecast, names: readonly string[]): string {
  const most = parts.reduce((best, { middle }, i) => (middle > parts[best]!.middle ? i : best), 0);
  return `${names[most]} (${percent(parts[most]!.middle)})`;
}

/** What the numbers of a forecast are. */
export function forecastNotes(forecasted: Forecasted): string[] {
  const { config, scales, statistics } = forecasted;
  const starts =
    config.starts === undefined ? `${config.trials ?? TRIALS} starts` : `the start in ${config.starts}`;
  return [
    `Shares: progress, the fall of the training loss from ${formatNumber(statistics.loss)}, over that of the rank that is ahead; middle [least, most] over two surrogates of the loss near W0 and ${starts}.`,
    `Surrogates: ${surrogateWords.kfac} (k = ${formatNumber(scales.kfac)}) and ${surrogateWords.identity} (c = ${formatNumber(scales.identity)}), quadratics by which ${config.optimizer} is simulated.`,
    ...horizons(forecasted),
    'A band holds what the surrogates and starts differ in, not what both surrogates lack.',
    ...(config.optimizer === 'sgd'
      ? [
          'Largest stable lr: 2 / (s^2 (|A|^2 + |B|^2) lambda), at the start and at the end of the simulated training, lambda the largest curvature.',
        ]
      : []),
    'Nothing here foretells accuracy on other data.',
  ];
}

/** The answer, the table, and what to know of them. */
export function forecastText(forecasted: Forecasted): string {
  const { head, rows, numeric } = forecastRows(forecasted);
  return [
    forecastAnswer(forecasted),
    ...(forecasted.forecast.steps.length > 0 ? [table(head, rows, numeric)] : []),
    ...forecastCautions(forecasted),
    ...forecastNotes(forecasted),
  ].join('\n');
}

/** Points along a curve of a chart. */
const POINTS = 20;

/** The shares over the steps, as a chart. */
export function forecastChart({ forecast: { steps, ranks }, config }: Forecasted): Chart {
  const every = Math.max(1, Math.ceil(steps.length / POINTS));
  const shown = steps.map((_, i) => i).filter((i) => (steps.length - 1 - i) % every === 0);
  return {
    title: "Share of the best rank's progress",
    setting: `${config.optimizer}, learning rate ${config.lr}`,
    x: { name: 'step', title: 'step', scale: 'linear' },
    y: { name: 'share', title: 'share of the progress of the rank ahead', scale: 'linear' },
    curves: ranks.map(({ rank, shares }) => ({
      name: `rank ${rank}`,
      kind: 'simulated',
      points: shown.map((i) => ({
        x: steps[i]!,
        y: shares[i]!.middle,
        low: shares[i]!.low,
        high: shares[i]!.high,
      })),
    })),
  };
}
