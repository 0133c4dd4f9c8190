/**
 * What the contest asks its contestants and what they answer, a line of JSON each; contestants/protocol.py has the
 * same.
 */

/** Steps of a size, or a tolerance; the other is null. */
export interface Accuracy {
  readonly step: number | null;
  readonly rtol: number | null;
}

/** What is to be solved, to the end time. */
export interface Run extends Accuracy {
  readonly n: number;
  readonly rank: number;
  readonly end: number;
  readonly trajectories: number;
}

export interface Question {
  /** Id of a problem whose files are in the folder. */
  readonly problem: string;
  readonly run: Run;
  /** How many trajectories' ends to write, and to which .npy file. */
  readonly checked: number;
  readonly ends: string;
}

export interface Answer {
  /** Seconds from starts in host memory to ends in host memory. */
  readonly seconds: number;
  /** Seconds of transfers between host and device, of `seconds`; null if they were not measured apart. */
  readonly transferSeconds: number | null;
  /** Seconds of the kernel alone, from states on the device; a run of its own. */
  readonly kernelSeconds?: number;
  /** Most memory that the process has had. */
  readonly peakBytes: number;
  readonly gpuPeakBytes: number | null;
}

/** What a contestant says first. */
export type Hello =
  | {
      readonly versions: Readonly<Record<string, string>>;
      readonly device: string;
      readonly software?: boolean;
    }
  | { readonly absent: string };

export type DeviceKind = 'cpu' | 'gpu';
