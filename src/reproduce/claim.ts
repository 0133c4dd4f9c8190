/**
 * The words of a reproduction: a claim of a paper or of the theory, and its demonstration, a chart with what was
 * measured beside what the claim says. A claim never decides by itself whether it holds.
 */
import type { Chart } from '../report/plots/chart.js';
import type { Device } from '../solver/device.js';
import type { solve } from '../solver/solve.js';
import { passes, type Measurement } from '../verify/check.js';

/** A number that a claim is judged by, beside what the claim says. */
export interface Evidence extends Measurement {
  /** Name of the number. */
  readonly of: string;
}

export interface Demonstration {
  readonly evidence: readonly Evidence[];
  readonly chart: Chart;
}

export interface ClaimContext {
  readonly device: Device;
  /** The simulator, in whose place another can stand. */
  readonly solve: typeof solve;
  /** Seed of everything random. */
  readonly seed: number;
}

export interface Claim {
  /** Short and file-name safe. */
  readonly id: string;
  readonly claim: string;
  readonly source: string;
  demonstrate(context: ClaimContext): Promise<Demonstration>;
}

/** A claim with its demonstration; without one it could not be made, for a reason. */
export interface Reproduced {
  readonly claim: Claim;
  readonly demonstration: Demonstration | null;
  readonly failure: string | null;
}

/** `holds`: all evidence is within what the claim says; `fails`: some is not; `not shown`: it could not be made. */
export type Verdict = 'holds' | 'fails' | 'not shown';

export const verdictOf = ({ demonstration }: Pick<Reproduced, 'demonstration'>): Verdict =>
  demonstration === null ? 'not shown' : demonstration.evidence.every(passes) ? 'holds' : 'fails';
