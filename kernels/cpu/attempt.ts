/** The try of a step of every scheme in float64, of one trajectory. */
import {
  isOptimizer,
  type FlowSchemeKind,
  type OptimizerKind,
  type Scheme,
} from '../../src/method/schemes.js';
import { stagesOf } from '../../src/method/schemes/chebyshev.js';
import type { PlannedStep } from '../../src/method/track.js';
import type { Asking } from './field.js';
import { adamw } from './schemes/adamw.js';
import { chebyshev } from './schemes/chebyshev.js';
import { gradientDescent } from './schemes/gradientDescent.js';
import { momentum } from './schemes/momentum.js';
import { muon } from './schemes/muon.js';
import type { From, Moving } from './schemes/optimizer.js';
import { rungeKutta } from './schemes/rungeKutta.js';
import type { Step64 } from './schemes/step.js';
import type { State64 } from './state.js';

/** A step of a scheme from a state; `slope` is its derivative, null where it is not carried from step to step. */
type Attempt<S> = (scheme: S, state: State64, slope: State64 | null, step: PlannedStep) => Asking<Step64>;

const attempts: { readonly [K in FlowSchemeKind]: Attempt<Scheme<K>> } = {
  'gradient-descent': ({ order }, state, _slope, { h }) => gradientDescent(order, [state], [h]),
  *'runge-kutta'({ tableau }, state, slope, { h }) {
    return yield* rungeKutta(tableau, [state], slope ? [slope] : yield [state], [h]);
  },
  chebyshev: (_scheme, state, slope, { h, stages }) => chebyshev(stagesOf(stages), state, slope!, h),
};

const optimizers: { readonly [K in OptimizerKind]: (scheme: Scheme<K>, from: From) => Asking<Step64> } = {
  momentum,
  adamw,
  muon,
};

/** Place of a trajectory in its flow: its state, and what it carries from step to step (null: not carried). */
export interface Place {
  readonly state: State64;
  readonly slope: State64 | null;
  readonly direction: State64 | null;
  /** What the scheme remembers of X and then of Y; nothing of those without a memory. */
  readonly memory: State64;
}

/**
 * A step of a scheme from a place; those of optimizers ask for descents (field.ts), the others for derivatives.
 * @throws Error if an optimizer is not told what it moves
 */
export function attempt(scheme: Scheme, place: Place, step: PlannedStep, moving?: Moving): Asking<Step64> {
  const { state, slope, memory } = place;
  if (!isOptimizer(scheme)) return attemptAlong(scheme, state, slope, step);
  if (!moving) throw new Error(`${scheme.kind} needs the motion and the rank of a trajectory`);
  const { h, number } = step;
  return attemptBy(scheme, { state, memory, h, number, moving });
}

const attemptAlong = <K extends FlowSchemeKind>(
  scheme: Scheme<K>,
  ...from: [state: State64, slope: State64 | null, step: PlannedStep]
): Asking<Step64> => attempts[scheme.kind](scheme, ...from);

const attemptBy = <K extends OptimizerKind>(scheme: Scheme<K>, from: From): Asking<Step64> =>
  optimizers[scheme.kind](scheme, from);
