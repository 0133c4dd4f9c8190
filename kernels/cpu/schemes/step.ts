/** What a step of the float64 twin leaves behind. */
import type { State64 } from '../state.js';

/** Several states at once, each after a step of its own size. */
export interface Step64 {
  readonly next: readonly State64[];
  /** Slopes by which trajectories are judged stationary; of a scheme that carries slopes those at `next`. */
  readonly slope: readonly State64[];
  /** The estimated errors divided by h; null without an estimate. */
  readonly error: readonly State64[] | null;
  /** The same of a second estimate, of a lower order; left out by those without. */
  readonly lowError?: readonly State64[];
  /** The memory of the scheme after the step, of a single state; left out by those without. */
  readonly memory?: State64;
}
