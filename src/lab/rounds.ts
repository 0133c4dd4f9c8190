/**
 * Trials of the lab: in rounds that are short enough to be seen moving, and a few whose singular values are followed.
 */
import { membersOf } from '../ensemble/member.js';
import { solveOptions } from '../input/execution.js';
import { spreadSaveTimes } from '../input/horizon.js';
import { runTrials } from '../run/trials.js';
import type { Device } from '../solver/device.js';
import { solve } from '../solver/solve.js';
import type { SweepConfig } from '../sweep/config.js';
import type { Cell, Plan } from '../sweep/plan.js';
import type { Tally } from './tally.js';

/** Seconds that a round of trials should take: short enough to be seen moving, and to be paused. */
const ROUND = 0.4;
/** Trials whose singular values are followed, at most, and how often. */
const FOLLOWED = 6;
const FOLLOWED_TIMES = 96;

/**
 * Runs the trials of a plan in rounds, as many of every rank in each, a round in about ROUND seconds. The first has 4
 * trials of each rank; the next has twice as many while a round is short, or a trial costs less in a larger one.
 */
export async function runRounds(
  plan: Plan,
  device: Device,
  tally: Tally,
  pass: () => Promise<void>,
  measureTime: () => number,
): Promise<void> {
  const most = Math.max(...plan.cells.map(({ trials, draws }) => draws * trials));
  let [size, best] = [4, 0];
  for (let from = 0; from < most;) {
    const startedAt = measureTime();
    const spans = plan.cells
      .flatMap((cell) => spansOf(cell, from, from + size))
      .sort((a, b) => a.draw - b.draw);
    const watch = (cell: Cell, trial: number, saved: { loss: number }) => {
      tally.addSavePoint(cell, trial, saved);
      return pass();
    };
    for await (const some of runTrials(plan, spans, device, watch))
      for (const trial of some) {
        tally.addTrial(trial);
        await pass();
      }
    const duration = measureTime() - startedAt;
    tally.addRound(duration);
    from += size;
    // What costs less per trial when there are more of them is done with more, however long it takes.
    const rate = size / duration;
    if (duration < ROUND || rate > 1.3 * best) size *= 2;
    else if (duration > 3 * ROUND) size = Math.max(1, size / 2);
    best = Math.max(best, rate);
  }
}

/** The trials of a cell from one to before another, counted through its draws of the target. */
function spansOf({ index, trials, draws }: Cell, from: number, to: number) {
  const [first, end] = [Math.floor(from / trials), Math.min(draws, Math.ceil(to / trials))];
  return Array.from({ length: Math.max(0, end - first) }, (_, i) => {
    const draw = first + i;
    const at = (number: number) => Math.min(trials, Math.max(0, number - draw * trials));
    return { cell: index, draw, from: at(from), to: at(to) };
  });
}

/**
 * Follows the singular values of the first trials of a cell: to the tally at their save times, and whole at their ends.
 */
export async function followSingularValues(
  cell: Cell,
  config: SweepConfig,
  device: Device,
  tally: Tally,
  pass: () => Promise<void>,
): Promise<void> {
  const { problem, method, stop } = cell;
  const count = Math.min(cell.trials, FOLLOWED);
  const times = spreadSaveTimes(method, stop.saveTimes.at(-1)!, FOLLOWED_TIMES);
  tally.follow(cell.rank, times, count);
  const members = membersOf(cell, 0, count, config.seed);
  const solution = solve(
    { problem, members },
    {
      ...solveOptions({ method, stop: { ...stop, saveTimes: times } }, config, device),
      detail: 'singular-values',
      watch: ({ trial }, { singularValues }) => {
        tally.addSingularValues(trial, singularValues ?? []);
        return pass();
      },
    },
  );
  for await (const { member, saved } of solution) {
    tally.setSingularValues(
      member.trial,
      saved.map((at) => at?.singularValues ?? []),
    );
    await pass();
  }
}
