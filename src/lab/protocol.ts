/** Messages between the page and the worker: plain data. */
import type { AdapterType } from '../advise/config.js';
import type { LeftOut } from '../advise/pairs.js';
import type { ErrorCurve, Places } from '../advise/shown.js';
import type { BackendReport } from '../backend/backend.js';
import type { Outcome } from '../method/outcome.js';
import type { MetricName } from '../problem/metric.js';
import type { CellSummary } from '../sweep/summary.js';
import type { TableRows } from '../report/table.js';
import type { Statistic } from '../numbers/statistics.js';
import type { TrialRow } from '../sweep/row.js';
import type { Finding } from '../verify/check.js';

/** A sweep as the address has it: `rankflow sweep`'s flags without their dashes, and their text. */
export type Flags = Readonly<Record<string, string>>;

/** Plan of a rank before it is simulated. */
export interface RankPlan {
  readonly rank: number;
  readonly trials: number;
  /** The closed-form value of the metric, if one is known. */
  readonly law: number | null;
  /** Values of the metric below this are rounding; null if that is unknown. */
  readonly floor: number | null;
  /** Values of the excess over the optimum below this are rounding; null if that is unknown. */
  readonly excessFloor: number | null;
}

/** Plan of a sweep before it runs. */
export interface Prepared {
  readonly metric: MetricName;
  readonly lawName: string | null;
  readonly ranks: readonly RankPlan[];
  /** Command line of the same sweep. */
  readonly command: string;
}

/** A rank looked at closely: what the theory says of its loss over time, and what is simulated. */
export interface Look {
  readonly rank: number;
  readonly times: readonly number[];
  /** Loss of trial 0 in closed form, if there is one and the problem is not too large to compute it here. */
  readonly closedForm: { readonly name: string; readonly loss: readonly number[] } | null;
  readonly fullFineTuning: readonly number[] | null;
  /** Smallest loss of this rank; of several draws of the target there is no one. */
  readonly optimum: number | null;
  /** Singular values of the update that it could reach, if known. */
  readonly target: readonly number[] | null;
  /** Losses of trials so far. */
  readonly lines: readonly LossLine[];
}

/** Statistics of a rank so far: of trials that ended, and by their last save point of those that are under way. */
export interface RankProgress {
  readonly accuracy: Statistic;
  readonly steps: Statistic;
  readonly outcomes: Readonly<Record<Outcome, number>>;
  readonly stationarity: CellSummary['stationarity'];
  /** Trials that are under way. */
  readonly underWay: number;
}

/** Losses of a trial at the save times that it has reached; null after a failure. */
export interface LossLine {
  readonly trial: number;
  readonly loss: readonly (number | null)[];
}

/** Singular values of s B A over time of a few trials of the rank in focus: [trial][time][index]. */
export interface SingularValues {
  readonly rank: number;
  readonly times: readonly number[];
  readonly trials: readonly (readonly (readonly number[])[])[];
}

/** A running sweep, as often as the page can show it. */
export interface Progress {
  readonly done: number;
  readonly total: number;
  /** Time spent computing, pauses left out. */
  readonly seconds: number;
  readonly accepted: number;
  readonly rejected: number;
  readonly evaluations: number;
  /** Trajectories that ended per second of computing, over time. */
  readonly pace: { readonly seconds: readonly number[]; readonly rate: readonly number[] };
  /** Progress of each rank, in the order of Prepared.ranks. */
  readonly ranks: readonly RankProgress[];
  readonly lines: readonly LossLine[];
  /** Null if they are as they were. */
  readonly singularValues: SingularValues | null;
  /** Tensors that TensorFlow.js holds, and their bytes. */
  readonly tensors: number;
  readonly bytes: number;
}

/** The backend that a sweep runs on, and how. */
export interface Running {
  readonly backend: string;
  readonly device: string;
  /** Words for how trajectories are computed. */
  readonly how: string;
}

/** Hears of a sweep. What it returns is waited for, so that a page that is slow is not flooded. */
export interface SweepListener {
  started(running: Running): Promise<void>;
  progress(progress: Progress): Promise<void>;
}

export interface VerifyListener {
  started(total: number): Promise<void>;
  finding(finding: Finding): Promise<void>;
}

/** The checkpoint before training, and the one after it, or an adapter. */
export const sides = ['base', 'tuned'] as const;
export type Side = (typeof sides)[number];

/** What words call each; in the worker its files are in a folder of that name. */
export const sideNames = { base: 'BASE', tuned: 'TUNED' } as const;

/** A file that a visitor gives, and its name in the folder that was given, or its name alone. */
export interface GivenFile {
  readonly path: string;
  readonly file: Blob;
}

/** A side as it was found in what was given. */
export interface Given {
  /** Name of the checkpoint or its folder. */
  readonly label: string;
  readonly tensors: number;
}

/** What advice is asked for, as flags of `rankflow advise` have it. */
export interface AdviseSettings {
  readonly budget: string;
  readonly maxRank: string;
  readonly roundedBase: boolean;
}

/** Advice as it is shown. */
export interface AdviceView {
  readonly answers: readonly string[];
  /** Where weights stand, and their ranks in each budget. */
  readonly places: Places;
  readonly budgets: readonly { readonly text: string; readonly ranks: readonly number[] }[];
  readonly curves: readonly ErrorCurve[];
  readonly allocations: TableRows;
  readonly weights: TableRows;
  readonly notes: readonly string[];
  readonly leftOut: readonly LeftOut[];
  /** Command line of the same advice. */
  readonly command: string;
}

/** An adapter of PEFT, of one budget. */
export interface WrittenAdapter {
  /** Relative Frobenius error that its factors leave in their type, measured. */
  readonly error: number;
  readonly files: readonly { readonly name: string; readonly content: Blob }[];
}

export interface AdviseListener {
  progress(done: number, total: number): Promise<void>;
}

/** End of a run. */
export type RunEnd = 'finished' | 'stopped';

/** The worker, as the page sees it. One sweep, verification or advice runs at a time. */
export interface Engine {
  /** Every backend that a browser can have. */
  backends(): Promise<readonly BackendReport[]>;
  /** Makes a file known by its name; returns the names of its matrices, if it is one of several. @throws InputError */
  addFile(name: string, bytes: Uint8Array<ArrayBuffer>): readonly string[];
  /** Plans the sweep that runs next. @throws InputError */
  prepare(flags: Flags): Promise<Prepared>;
  /** Looks at a rank of the planned sweep, from now on. */
  look(rank: number): Look;
  /** Runs the planned sweep from its first trial. @throws InputError, or Error if the device fails */
  run(listener: SweepListener): Promise<RunEnd>;
  /** Follows the singular values of the rank that is looked at, after a sweep. */
  follow(listener: SweepListener): Promise<RunEnd>;
  pause(): void;
  resume(): void;
  /** Ends what runs, and waits until its tensors are freed. */
  stop(): Promise<void>;
  /** Rows of trials that have ended, by their numbers in the order in which they ended. */
  rows(from: number, to: number): readonly TrialRow[];
  /** Rows of all trials that have ended as a file, with their provenance. */
  download(format: 'parquet' | 'csv'): Uint8Array<ArrayBuffer>;
  /** Groups of checks that a verification can be made of. */
  checkGroups(): readonly string[];
  /** @throws InputError */
  verify(backend: string, only: readonly string[], listener: VerifyListener): Promise<RunEnd>;
  /** Takes the files of a side in the place of those before, and reads their headers. @throws InputError */
  give(side: Side, label: string, files: readonly GivenFile[]): Given;
  /** Decomposes what changed, weight by weight. @throws InputError */
  advise(settings: AdviseSettings, listener: AdviseListener): Promise<RunEnd>;
  /** The advice within these budgets, from what was decomposed. @throws InputError */
  advice(budget: string): AdviceView;
  /** The advice that was looked at last as a file. */
  adviceFile(format: 'json' | 'csv'): Uint8Array<ArrayBuffer>;
  /** Writes the adapter of a budget, by its place in the advice. @throws InputError */
  writeAdapter(budget: number, dtype: AdapterType, listener: AdviseListener): Promise<RunEnd>;
  /** The adapter that was written last. */
  adapter(): WrittenAdapter;
}
