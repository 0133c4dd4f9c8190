/** Account of a running sweep: rows of trials that ended, lines of a few, statistics. */
import { outcomes, type Outcome } from '../method/outcome.js';
import { accuracyOf } from '../sweep/law.js';
import { totalTrials, type Cell, type Plan } from '../sweep/plan.js';
import { succeeded, type Trial, type TrialRow } from '../sweep/row.js';
import { stationarities, type Stationarity } from '../sweep/stationarity.js';
import { statistic } from '../numbers/statistics.js';
import type { LossLine, Progress, RankProgress, SingularValues } from './protocol.js';

/** Trials of each rank whose losses over time are kept, to be drawn. */
const LINES = 64;
/** Points of the pace, beyond which every other one is left out. */
const PACE_POINTS = 240;

/** Account of a rank. */
interface RankTally {
  /** NaN of trials that failed, which statistics leave out and count. */
  readonly accuracy: number[];
  readonly steps: number[];
  readonly outcomes: Record<Outcome, number>;
  readonly stationarity: Record<Stationarity, number>;
  /** Accuracy of trials under way, at their last save point, by trial. */
  readonly underWay: Map<number, number>;
  readonly lines: Map<number, (number | null)[]>;
  /** The last account of it; null if that has changed. */
  lastAccount: RankProgress | null;
}

export class Tally {
  readonly rows: TrialRow[] = [];
  /** Time spent computing, pauses left out. */
  seconds = 0;
  private readonly ranks: readonly RankTally[];
  private readonly total: number;
  private readonly cells: Plan['cells'];
  private accepted = 0;
  private rejected = 0;
  private evaluations = 0;
  private readonly pace = { seconds: [] as number[], rate: [] as number[] };
  /** Trials that had ended before the last round. */
  private doneBefore = 0;
  private singularValues: { rank: number; times: readonly number[]; trials: (readonly number[])[][] } = {
    rank: 0,
    times: [],
    trials: [],
  };
  private singularValuesSent = true;

  constructor(plan: Plan) {
    this.total = totalTrials(plan);
    this.cells = plan.cells;
    this.ranks = plan.cells.map(() => ({
      accuracy: [],
      steps: [],
      outcomes: none(Object.keys(outcomes) as Outcome[]),
      stationarity: none(Object.keys(stationarities) as Stationarity[]),
      underWay: new Map(),
      lines: new Map(),
      lastAccount: null,
    }));
  }

  /** A round of trials, as many of every rank, has been computed in that many seconds. */
  addRound(duration: number): void {
    const { length: done } = this.rows;
    this.pace.seconds.push(this.seconds);
    this.pace.rate.push((done - this.doneBefore) / duration);
    this.doneBefore = done;
    if (this.pace.seconds.length <= PACE_POINTS) return;
    for (const series of [this.pace.seconds, this.pace.rate])
      series.splice(0, series.length, ...series.filter((_, i) => i % 2 === 1));
  }

  /** A trial has reached its next save point. */
  addSavePoint(cell: Cell, trial: number, addSavePoint: { readonly loss: number }): void {
    const tally = this.ranks[cell.index]!;
    const number = numberOf(cell, cell.draw, trial);
    tally.underWay.set(number, accuracyOf(cell, addSavePoint));
    if (number < LINES) {
      const line = tally.lines.get(number) ?? [];
      tally.lines.set(number, line);
      line.push(addSavePoint.loss);
    }
    tally.lastAccount = null;
  }

  addTrial({ row, curve }: Trial): void {
    const tally = this.ranks[row.cell]!;
    this.rows.push(row);
    const number = numberOf(this.cells[row.cell]!, row.draw, row.trial);
    tally.underWay.delete(number);
    tally.outcomes[row.outcome]++;
    tally.stationarity[row.stationarity]++;
    const good = succeeded(row.outcome);
    tally.accuracy.push(good ? row.accuracy : NaN);
    tally.steps.push(good ? row.accepted_steps + row.rejected_steps : NaN);
    if (number < LINES) tally.lines.set(number, [...curve]);
    tally.lastAccount = null;
    this.accepted += row.accepted_steps;
    this.rejected += row.rejected_steps;
    this.evaluations += row.evaluations;
  }

  follow(rank: number, times: readonly number[], trials: number): void {
    this.singularValues = { rank, times, trials: Array.from({ length: trials }, () => []) };
    this.singularValuesSent = false;
  }

  addSingularValues(trial: number, values: readonly number[]): void {
    this.singularValues.trials[trial]!.push(values);
    this.singularValuesSent = false;
  }

  setSingularValues(trial: number, values: readonly (readonly number[])[]): void {
    this.singularValues.trials[trial] = [...values];
    this.singularValuesSent = false;
  }

  /** Gives the progress of the sweep, with the lines of a cell. */
  account(cell: number, tensors: number, bytes: number): Progress {
    const singularValues: SingularValues | null = this.singularValuesSent ? null : this.singularValues;
    this.singularValuesSent = true;
    return {
      done: this.rows.length,
      total: this.total,
      seconds: this.seconds,
      accepted: this.accepted,
      rejected: this.rejected,
      evaluations: this.evaluations,
      pace: this.pace,
      ranks: this.ranks.map((tally) => (tally.lastAccount ??= progressOf(tally))),
      lines: this.linesOf(cell),
      singularValues,
      tensors,
      bytes,
    };
  }

  linesOf(cell: number): LossLine[] {
    return [...this.ranks[cell]!.lines].map(([trial, loss]) => ({ trial, loss }));
  }
}

/** Number of a trial of a cell, counted through its draws of the target. */
const numberOf = ({ trials }: Pick<Cell, 'trials'>, draw = 0, trial: number): number => draw * trials + trial;

const none = <T extends string>(names: readonly T[]) =>
  Object.fromEntries(names.map((name) => [name, 0])) as Record<T, number>;

const progressOf = ({
  accuracy,
  steps,
  outcomes: counts,
  stationarity,
  underWay,
}: RankTally): RankProgress => ({
  accuracy: statistic([...accuracy, ...underWay.values()]),
  steps: statistic(steps),
  outcomes: counts,
  stationarity,
  underWay: underWay.size,
});
