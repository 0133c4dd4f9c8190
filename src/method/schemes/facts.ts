/**
 * What every scheme says of itself to those that run it, size its steps or hold its states: plain data, as methods go
 * to other threads. How a step is taken stands on each side in a file of the scheme's name (kernels/*).
 */
export interface SchemeFacts {
  /** Derivatives of the state that a step holds at once. */
  readonly slopes: number;
  /** State-sized vectors that a scheme hands from step to step, zero at first: the means that optimizers keep. */
  readonly memory: number;
  /** Evaluations of the flow in a step that is not handed the slope at its start, chosen stages apart. */
  readonly evaluations: number;
  /** Most questions to the flow in a step. */
  readonly mostEvaluations: number;
  /** Most stages, where their number is chosen step by step; null where it is not. */
  readonly mostStages: number | null;
  /** Order in the step size by which the error at the end falls. */
  readonly globalOrder: number;
  /** Order in the step size by which the estimated error of a step falls; null without an estimate. */
  readonly errorOrder: number | null;
  /** What a control by error hands from step to step beside the state: its slope, the direction of power iterations. */
  readonly carries: readonly ('slope' | 'direction')[];
}
