/** State of the page, and actions of a visitor. */
import { adviseSchema, type AdapterType } from '../advise/config.js';
import type { BackendReport } from '../backend/backend.js';
import type { TrialRow } from '../sweep/row.js';
import type { Finding } from '../verify/check.js';
import type { Address, Tab } from './address.js';
import type { Gift } from './given.js';
import type {
  AdviseSettings,
  AdviceView,
  Given,
  Look,
  Prepared,
  Progress,
  RunEnd,
  Running,
  Side,
  SingularValues,
  WrittenAdapter,
} from './protocol.js';

/** Rows of a page of the table of trials. */
export const PAGE = 25;
/** Phase of a sweep. */
export type Phase = 'idle' | 'planning' | 'running' | 'paused' | RunEnd;

/** Phase of advice; while it runs, checkpoints are compared. */
export type AdvicePhase = 'idle' | 'reading' | 'running' | 'writing' | 'stopping' | RunEnd;

export interface AdviceState {
  readonly phase: AdvicePhase;
  /** What was given; null before that. */
  readonly base: Given | null;
  readonly tuned: Given | null;
  readonly settings: AdviseSettings;
  /** Weights that are done, of how many. */
  readonly done: number;
  readonly total: number;
  readonly view: AdviceView | null;
  /** The budget whose ranks are drawn, by its place among them. */
  readonly shown: number;
  /** Type of the adapter that is written. */
  readonly dtype: AdapterType;
  /** The adapter of the budget that is drawn, once it was written. */
  readonly adapter: WrittenAdapter | null;
}

export interface State extends Address {
  readonly backends: readonly BackendReport[] | null;
  /** Names of the matrices in the file that was given, if there are several. */
  readonly tensors: readonly string[];
  readonly phase: Phase;
  /** Message of what went wrong and what to do, and the tab that it belongs to. */
  readonly problem: { readonly tab: Tab; readonly text: string } | null;
  readonly prepared: Prepared | null;
  readonly look: Omit<Look, 'lines'> | null;
  readonly running: Running | null;
  readonly progress: Omit<Progress, 'singularValues'> | null;
  readonly singularValues: SingularValues | null;
  /** True if there is room for the settings beside the figures. */
  readonly wide: boolean;
  /** The page of the table of trials, and its rows. */
  readonly page: number;
  readonly rows: readonly TrialRow[];
  readonly verifyBackend: string;
  /** Groups of checks that there are. */
  readonly groups: readonly string[];
  readonly verifying: boolean;
  /** Number of checks to be made. */
  readonly checks: number;
  readonly findings: readonly Finding[];
  readonly advice: AdviceState;
}

const { budget, maxRank, roundedBase, dtype } = adviseSchema.parse({});

export const initialState = (address: Address, wide: boolean): State => ({
  ...address,
  wide,
  backends: null,
  tensors: [],
  phase: 'planning',
  problem: null,
  prepared: null,
  look: null,
  running: null,
  progress: null,
  singularValues: null,
  page: 0,
  rows: [],
  verifyBackend: 'auto',
  groups: [],
  verifying: false,
  checks: 0,
  findings: [],
  advice: {
    phase: 'idle',
    base: null,
    tuned: null,
    settings: { budget: budget.join(', '), maxRank: String(maxRank), roundedBase },
    done: 0,
    total: 0,
    view: null,
    shown: 0,
    dtype,
    adapter: null,
  },
});

export interface Actions {
  /** Sets flags and plans anew; undefined takes one away. */
  setFlags(flags: Readonly<Record<string, string | undefined>>): void;
  /** Takes a matrix file as the target. */
  take(file: File): void;
  run(): void;
  pause(): void;
  resume(): void;
  reset(): void;
  /** Looks at another rank. */
  look(rank: number): void;
  /** Shows a page of the table of trials. */
  page(page: number): void;
  download(format: 'parquet' | 'csv'): void;
  open(tab: Tab): void;
  verifyOn(backend: string): void;
  verifyOnly(groups: readonly string[] | null): void;
  verify(): void;
  stopVerifying(): void;
  /** Takes the checkpoint of a side. */
  give(side: Side, gift: Gift): void;
  /** Sets what advice is asked for; other budgets are answered at once. */
  setAdvice(settings: Partial<AdviseSettings>): void;
  advise(): void;
  stopAdvising(): void;
  /** Draws the ranks of another budget. */
  show(budget: number): void;
  downloadAdvice(format: 'json' | 'csv'): void;
  setAdapterType(dtype: AdapterType): void;
  /** Writes the adapter of the budget that is drawn. */
  writeAdapter(): void;
  /** Downloads a file of the adapter that was written. */
  downloadAdapter(name: string): void;
  /** Takes the message away. */
  dismiss(): void;
}
