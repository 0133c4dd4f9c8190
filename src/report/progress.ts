/**
 * Progress on stderr, so that stdout stays clean for results. On a terminal: a bar with percentage, rate and
 * time left, once it is known. Elsewhere (a log file, CI): one line each time another tenth is done.
 */
import cliProgress from 'cli-progress';
import { formatCount, formatDuration } from './format.js';

/**
 * A running display. `done` is the number of units finished so far and `work` the fraction of the whole effort they
 * took, both totals, not increments; time left is judged by `work`, since some units cost more than others.
 */
export interface Progress {
  update(done: number, work?: number): void;
  stop(): void;
}

/** Shows how much of `total` units is done; `unit` is a plural such as "trajectories". */
export function progress(total: number, unit: string, stream: NodeJS.WriteStream = process.stderr): Progress {
  return stream.isTTY ? bar(total, unit, stream) : lines(total, unit, stream);
}

/** Steps of the bar. */
const WORK = 1000;

function perSecond(done: number, startedAt: number): string {
  const seconds = (performance.now() - startedAt) / 1000;
  const rate = seconds > 0 ? done / seconds : 0;
  return rate < 10 ? rate.toFixed(1) : formatCount(rate);
}

/** "1 h 02 min left" after so many seconds for a share of the work; "estimating" before there is any. */
export const timeLeft = (work: number, seconds: number): string =>
  work > 0 ? `${formatDuration((seconds * (1 - work)) / work)} left` : 'estimating';

function bar(total: number, unit: string, stream: NodeJS.WriteStream): Progress {
  const startedAt = performance.now();
  const display = new cliProgress.SingleBar(
    {
      format: `{bar} {percentage} % | {done}/${formatCount(total)} ${unit} | {rate} ${unit}/s | {left}`,
      stream,
      hideCursor: true,
    },
    cliProgress.Presets.shades_classic,
  );
  display.start(WORK, 0, { rate: '0.0', done: '0', left: timeLeft(0, 0) });
  return {
    update: (done, work = done / total) =>
      display.update(Math.round(WORK * work), {
        done: formatCount(done),
        rate: perSecond(done, startedAt),
        left: timeLeft(work, (performance.now() - startedAt) / 1000),
      }),
    stop: () => display.stop(),
  };
}

function lines(total: number, unit: string, stream: NodeJS.WriteStream): Progress {
  const startedAt = performance.now();
  let tenths = 0;
  return {
    update: (done, work = done / total) => {
      const tenthsDone = Math.floor(10 * work + 1e-9);
      if (tenthsDone <= tenths) return;
      tenths = tenthsDone;
      const rate = `${perSecond(done, startedAt)} ${unit}/s`;
      stream.write(`${tenthsDone * 10} % (${formatCount(done)}/${formatCount(total)} ${unit}, ${rate})\n`);
    },
    stop: () => undefined,
  };
}
