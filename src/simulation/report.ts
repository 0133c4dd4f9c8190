/** What one simulation, many trials at one rank on one problem, hands to the plots and to the page. */
import type { Outcome } from '../method/outcome.js';
import type { Provenance } from '../host/provenance.js';
import type { ObservableName, Observables } from '../solver/observables.js';
import type { Stationarity } from '../sweep/stationarity.js';

/** One trajectory at the saved times; every array below is indexed [time] first. */
export interface SimulationTrial {
  readonly trial: number;
  readonly outcome: Outcome;
  /** Kind of the end, where that is stationary. */
  readonly stationarity: Stationarity;
  readonly loss: readonly number[];
  /** Loss above the optimum of this rank, where the optimum is known. */
  readonly excess: readonly number[] | null;
  readonly gradientNorm: readonly number[];
  /** |X^T X - Y^T Y|_F, which the flow keeps and a finite step does not. */
  readonly balancedness: readonly number[];
  /** [time][index], of the update s B A. */
  readonly singularValues: readonly (readonly number[])[];
  /** What else was asked for. */
  readonly observables: readonly Observables[];
}

/** The error against the clean target, at the saved times. */
export interface SimulationRisk {
  /** [trial][time]; NaN where the trajectory had failed. */
  readonly trials: readonly (readonly number[])[];
  /** The risk of W0, which risks are relative to. */
  readonly scale: number;
  /** Standard deviation tau of the noise on the target; null with samples. */
  readonly noise: number | null;
  /** Singular values of noise alone fill [0, tau (1 + sqrt(n/m))]: the upper end; null with samples. */
  readonly noiseEdge: number | null;
  /** Along the closed-form path beside the trials; null without. */
  readonly closedForm: readonly number[] | null;
  /** Of full fine-tuning towards the same draw; null where that is unknown, or has another time. */
  readonly fullFineTuning: readonly number[] | null;
}

export interface SimulationReport {
  readonly title: string;
  readonly provenance: Provenance;
  readonly times: readonly number[];
  readonly rank: number;
  /** Whether trials are along the gradient flow alone: of both factors, without decay, by a method that follows it. */
  readonly isGradientFlow: boolean;
  /** Names of what else is observed. */
  readonly observed: readonly ObservableName[];
  readonly trials: readonly SimulationTrial[];
  readonly closedForm: {
    readonly name: string;
    readonly loss: readonly number[];
    readonly singularValues: readonly (readonly number[])[] | null;
  } | null;
  /** NaN where full fine-tuning had failed; null where it has another time than the trials. */
  readonly fullFineTuningLoss: readonly number[] | null;
  /** How full fine-tuning ended, and the time t it reached; null where a closed form gives it. */
  readonly fullFineTuningEnd: { readonly outcome: Outcome; readonly time: number } | null;
  readonly targetSingularValues: readonly number[] | null;
  /** The least loss any update of this rank can reach. */
  readonly optimum: number | null;
  /** Null where training sees its target itself. */
  readonly risk?: SimulationRisk | null;
  /** Excesses below this are rounding; null if that is unknown. */
  readonly excessFloor: number | null;
}
