/** The try of a step of every scheme in float64, of one trajectory. */
import type { Scheme, SchemeKind } from '../../src/method/schemes.js';
import { stagesOf } from '../../src/method/schemes/chebyshev.js';
import type { PlannedStep } from '../../src/method/track.js';
import type { Asking } from './field.js';
import { chebyshev } from './schemes/chebyshev.js';
import { gradientDescent } from './schemes/gradientDescent.js';
import { rungeKutta } from './schemes/rungeKutta.js';
import type { Step64 } from './schemes/step.js';
import type { State64 } from './state.js';

/** A step of a scheme from a state; `slope` is its derivative, null where it is not carried from step to step. */
type Attempt<S> = (scheme: S, state: State64, slope: State64 | null, step: PlannedStep) => Asking<Step64>;

const attempts: { readonly [K in SchemeKind]: Attempt<Scheme<K>> } = {
  'gradient-descent': ({ order }, state, _slope, { h }) => gradientDescent(order, [state], [h]),
  *'runge-kutta'({ tableau }, state, slope, { h }) {
    return yield* rungeKutta(tableau, [state], slope ? [slope] : yield [state], [h]);
  },
  chebyshev: (_scheme, state, slope, { h, stages }) => chebyshev(stagesOf(stages), state, slope!, h),
};

/** A step of a scheme from a state; `slope` is its derivative, null where it is not carried from step to step. */
export const attempt = <K extends SchemeKind>(
  scheme: Scheme<K>,
  ...from: [state: State64, slope: State64 | null, step: PlannedStep]
): Asking<Step64> => attempts[scheme.kind](scheme, ...from);
