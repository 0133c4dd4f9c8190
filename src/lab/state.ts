/** What the page knows, and what a visitor can do. */
import type { BackendReport } from '../backend/backend.js';
import type { TrialRow } from '../sweep/row.js';
import type { Finding } from '../verify/check.js';
import type { Tab } from './address.js';
import type { Flags, Focus, Prepared, Progress, Running, SingularValues } from './protocol.js';

/** Rows of a page of the table of trials. */
export const PAGE = 25;
/** Where a run stands: of a sweep or a verification. */
export type Phase = 'idle' | 'planning' | 'running' | 'paused' | 'finished' | 'stopped';

export interface State {
  readonly tab: Tab;
  readonly flags: Flags;
  readonly backends: readonly BackendReport[] | null;
  readonly tensors: readonly string[];
  readonly phase: Phase;
  /** What went wrong, in words that say what to do. */
  readonly problem: string | null;
  readonly prepared: Prepared | null;
  readonly focus: Focus | null;
  readonly running: Running | null;
  readonly progress: Progress | null;
  readonly singularValues: SingularValues | null;
  readonly dark: boolean;
  /** Whether there is room for the settings beside the figures. */
  readonly wide: boolean;
  readonly page: number;
  readonly rows: readonly TrialRow[];
  readonly verifyBackend: string;
  /** Groups of checks that there are, and those that are to be made. */
  readonly groups: readonly string[];
  readonly only: readonly string[] | null;
  readonly verifyPhase: Phase;
  readonly checks: number;
  readonly findings: readonly Finding[];
}

export interface Actions {
  /** Sets flags and plans anew; undefined takes one away. */
  set(flags: Readonly<Record<string, string | undefined>>): void;
  /** Takes a matrix file as the target. */
  take(file: File): void;
  run(): void;
  pause(): void;
  resume(): void;
  reset(): void;
  /** Looks at another rank, which is followed in a run of its own. */
  focus(rank: number): void;
  /** Shows a page of the table of trials. */
  page(page: number): void;
  download(format: 'parquet' | 'csv'): void;
  tab(tab: Tab): void;
  verifyOn(backend: string): void;
  verifyOnly(groups: readonly string[] | null): void;
  verify(): void;
  /** Stops a verification. */
  stop(): void;
  /** Takes the message away. */
  dismiss(): void;
}
