/** State of the page, and actions of a visitor. */
import type { BackendReport } from '../backend/backend.js';
import type { TrialRow } from '../sweep/row.js';
import type { Finding } from '../verify/check.js';
import type { Address, Tab } from './address.js';
import type { Look, Prepared, Progress, RunEnd, Running, SingularValues } from './protocol.js';

/** Rows of a page of the table of trials. */
export const PAGE = 25;
/** Phase of a sweep. */
export type Phase = 'idle' | 'planning' | 'running' | 'paused' | RunEnd;

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
}

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
  /** Takes the message away. */
  dismiss(): void;
}
