/**
 * What came of the contest, as Markdown: a table for each problem, bars, and RESULTS.md with a section for each device.
 */
import { formatNumber } from '../../src/report/format.js';
import { seconds } from '../report.js';
import type { Result } from '../workload.js';
import { flopsOf, ratioIn } from './bars.js';
import { accuracyText, isPlayed, type Entry } from './contest.js';
import { endOf, type PeerProblem } from './problems.js';
import type { DeviceKind } from './protocol.js';

/** A problem and what came of it. */
export interface Round {
  readonly problem: PeerProblem;
  readonly entries: readonly Entry[];
  readonly bars: readonly Result[];
}

const HEAD = [
  ...['contestant', 'accuracy', 'trajectories', 'time / trajectory', 'quartiles', 'over rankflow', 'error'],
  ...['first run', 'transfers / trajectory', 'GFlop/s', 'peak memory', 'GPU memory'],
];

const markdownTable = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');

const mebibytes = (bytes: number | null) => (bytes === null ? '' : `${Math.round(bytes / 2 ** 20)} MiB`);

function row(problem: PeerProblem, entry: Entry, entries: readonly Entry[]): string[] {
  const { name } = entry.contestant;
  if (!isPlayed(entry))
    return [name, 'skipped' in entry ? 'skipped' : 'FAILED', ...HEAD.slice(2).map(() => '')];
  const {
    accuracy,
    trajectories,
    times,
    error,
    valid,
    firstSeconds,
    transfer,
    kernel,
    peakBytes,
    gpuPeakBytes,
  } = entry;
  const ratio = ratioIn(entries, entry);
  const flops = flopsOf(problem, entry);
  const moved = transfer ?? (kernel === null ? null : times.median - kernel);
  return [
    ...[name, accuracyText(accuracy), `${trajectories}`, seconds(times.median)],
    times.quartiles.map(seconds).join(' to '),
    valid ? `${formatNumber(ratio)} x` : 'INVALID',
    error.toExponential(1),
    ...[seconds(firstSeconds), moved === null ? '' : seconds(moved)],
    flops === null || accuracy.step === null ? '' : (flops / 1e9).toPrecision(3),
    ...[mebibytes(peakBytes), mebibytes(gpuPeakBytes)],
  ];
}

/** The title, the table, and why some are not in it. */
export function problemText({ problem, entries }: Round): string {
  const { id, n, rank, trajectories, integration, largestError, checked } = problem;
  const how =
    integration.kind === 'rk4'
      ? `${integration.steps} steps of ${integration.step}`
      : `to T = ${endOf(problem)}, each by its own method, to the error of rankflow at rtol ${integration.rtol}`;
  const absent = entries.flatMap((entry) =>
    isPlayed(entry)
      ? []
      : [`- ${entry.contestant.name}: ${'skipped' in entry ? entry.skipped : entry.failed}`],
  );
  return [
    `### ${id}: n = m = ${n}, r = ${rank}, ${trajectories} trajectories, ${how}`,
    `Ends of ${checked} trajectories checked; an error above ${largestError} is invalid.`,
    markdownTable(
      HEAD,
      entries.map((entry) => row(problem, entry, entries)),
    ),
    ...(absent.length > 0 ? [absent.join('\n')] : []),
  ].join('\n\n');
}

export const barsText = (bars: readonly Result[]): string =>
  markdownTable(
    ['bar', 'value', 'allowed', 'reached', 'note'],
    bars.map(({ id, value, unit, bar, sense, pass, note = '' }) => [
      ...[id, `${formatNumber(value)} ${unit}`.trim(), `${sense} ${bar}`, pass ? 'yes' : 'NO', note],
    ]),
  );

const TITLES: Readonly<Record<DeviceKind, string>> = { cpu: '## CPU', gpu: '## GPU' };

/** A section: when and where, who in what versions, bars, and tables. */
export function section(device: DeviceKind, heading: string, rounds: readonly Round[]): string {
  const versions = Object.assign(
    {},
    ...rounds.flatMap(({ entries }) => entries.filter(isPlayed).map((entry) => entry.versions)),
  ) as Record<string, string>;
  const bars = rounds.flatMap((round) => round.bars);
  return [
    TITLES[device],
    heading,
    Object.entries(versions)
      .map(([name, version]) => `${name} ${version}`)
      .join(', '),
    ...(bars.length > 0 ? [barsText(bars)] : []),
    ...rounds.map(problemText),
  ]
    .filter((text) => text !== '')
    .join('\n\n');
}

const INTRODUCTION = `# rankflow beside other libraries

Written by \`npm run bench:peers -- --write\`. The problems are those of [problems.json](peers/problems.json): the Frobenius flow in its spectral frame, sigma_i = i^-1/2, from B0 = 0 and Gaussian A0, which all contestants read from the same files, in float32 (SciPy: float64), by Gram matrices.

- Time is from starts in the memory of the host to ends in the memory of the host, after a first run, whose time is given apart; contestants take turns, and ratios are taken within a turn. "over rankflow" is the time of a trajectory over that of rankflow: above 1, rankflow is faster. Where steps are given, those who choose their own are set beside the first of rankflow's pairs, at equal error.
- A contestant has as many of the trajectories, in powers of two, as it manages in a few seconds; all times are per trajectory.
- Errors are of X Y^T, relative, the largest of the checked trajectories, against SciPy's DOP853 in float64 at rtol 1e-10. Where accuracy is to be chosen, it is the loosest whose error is at most 1.5 times that of rankflow (or 1e-6, the rounding of float32); with T given, nobody stops before it.
- GFlop/s counts the operations of the algorithm (benchmarks/flow.ts), on a GPU for rankflow of its kernel alone. Transfers are between host and device (of rankflow on a GPU, all that is not its kernel), and part of the time. Peak memory is that of the process, with its libraries.`;

const NONE: Readonly<Record<DeviceKind, string>> = {
  cpu: `${TITLES.cpu}\n\nNot measured yet: \`npm run bench:peers -- --device cpu --write\`.`,
  gpu: `${TITLES.gpu}\n\nNo GPU was at hand. On a machine that has one, \`npm run bench:peers -- --device gpu --write\` fills this section; with \`PYTHON\` set, by the packages of that interpreter.`,
};

/** The file with new sections in place of old ones; a device without one keeps what the file said. */
export function document(before: string, sections: Partial<Record<DeviceKind, string>>): string {
  const old = (device: DeviceKind) => {
    const parts = before.split(/^(?=## )/m);
    return parts.find((part) => part.startsWith(`${TITLES[device]}\n`))?.trim();
  };
  const kept = (['cpu', 'gpu'] as const).map((device) => sections[device] ?? old(device) ?? NONE[device]);
  return `${[INTRODUCTION, ...kept].join('\n\n')}\n`;
}
