/** The methods by name, and what each needs to be told. */
import { InputError } from '../host/inputError.js';
import type { Precision } from '../numbers/precision.js';
import { ESTIMATE_ORDER, mostStages } from './stabilized.js';
import { firstSameAsLast, tableaus, type Tableau } from './tableau.js';

/** Which factor a gradient-descent step updates first; the second update then sees the new first factor. */
export type UpdateOrder = 'simultaneous' | 'a-then-b' | 'b-then-a';

export type Method =
  | { readonly kind: 'gradient-descent'; readonly order: UpdateOrder; readonly step: number }
  | { readonly kind: 'fixed'; readonly tableau: Tableau; readonly step: number }
  | { readonly kind: 'adaptive'; readonly tableau: Tableau; readonly rtol: number; readonly atol: number }
  | {
      readonly kind: 'stabilized';
      readonly mostStages: number;
      readonly rtol: number;
      readonly atol: number;
    };

/** The methods that estimate the errors of their steps, and choose these by it. */
export type AdaptiveMethod = Exclude<Method, { readonly step: number }>;

/**
 * What every way of computing takes of an adaptive method of one's own: the last stage of a step is the first of the
 * next, and the error is estimated.
 * @throws InputError if its tableau is not such
 */
export function assertMethod(method: Method): void {
  if (method.kind !== 'adaptive') return;
  const { tableau } = method;
  const what = `of order ${tableau.order} with ${tableau.b.length} stages`;
  if (!firstSameAsLast(tableau))
    throw new InputError('tableau', what, 'first-same-as-last for an adaptive method: its last stage at b');
  if (!tableau.embedded)
    throw new InputError('tableau', what, 'one with embedded weights for an adaptive method');
}

/** Order in the step size by which the estimated error of a step falls. */
export const estimateOrder = (method: AdaptiveMethod): number =>
  method.kind === 'stabilized' ? ESTIMATE_ORDER : method.tableau.order;

export const methodNames = [
  'rkc2',
  'dopri5',
  'bosh3',
  'rk4',
  'gd-simultaneous',
  'gd-a-then-b',
  'gd-b-then-a',
] as const;

export type MethodName = (typeof methodNames)[number];

/** Largest rate of the flow times the time it is followed for, from which stability and not accuracy limits dopri5. */
const LONG_HORIZON = 500;

/**
 * The method for trajectories of that largest rate times time. On the Frobenius loss (sigma_i = i^-1/2, n = 384, r = 16,
 * rtol 1e-5) rkc2 needs 1.5, 1.0, 0.4 and 0.2 times the evaluations of dopri5 at 20, 100, 500 and 2000
 * (`npm run bench -- --only method-choice`).
 */
export const methodFor = (horizon: number): MethodName => (horizon > LONG_HORIZON ? 'rkc2' : 'dopri5');

export interface MethodOptions {
  /** Step size of fixed-step methods, in time t; for gradient descent, the learning rate. */
  readonly step?: number | undefined;
  /** Local error tolerances of adaptive methods, relative and absolute, of the norm of the normalized factors. */
  readonly rtol?: number | undefined;
  readonly atol?: number | undefined;
  /** Of the states, which bounds `rtol` (default: float32). */
  readonly precision?: Precision | undefined;
}

/** Least relative tolerance: below it rounding of the state is all that an error estimate sees. */
const LEAST_RTOL = { float32: 1e-7, float64: 1e-12 } as const;

export const isAdaptive = (name: MethodName): name is 'rkc2' | 'dopri5' | 'bosh3' =>
  name === 'rkc2' || name === 'dopri5' || name === 'bosh3';

/**
 * The method of that name. Adaptive methods take `rtol` (default 1e-5; from 1e-7 on in float32, 1e-12 in float64) and
 * `atol` (default 1e-9, or 1e-4 rtol where float32 has no such rtol); the others `step`.
 * @throws InputError if a needed option is missing or out of range, or one is given that the method does not take
 */
export function method(name: MethodName, options: MethodOptions = {}): Method {
  const refuse = (field: 'step' | 'rtol' | 'atol') => {
    if (options[field] !== undefined)
      throw new InputError(field, options[field], `left out: ${name} does not use it`);
  };
  if (isAdaptive(name)) {
    refuse('step');
    const { rtol = 1e-5, precision = 'float32' } = options;
    const least = LEAST_RTOL[precision];
    if (!(rtol >= least && rtol <= 0.1)) {
      const finer = precision === 'float32' && rtol >= LEAST_RTOL.float64;
      const hint = finer
        ? ` in float32 (from ${LEAST_RTOL.float64} with precision float64)`
        : ` in ${precision}`;
      throw new InputError('rtol', rtol, `between ${least} and 0.1${hint}`);
    }
    const { atol = rtol < LEAST_RTOL.float32 ? 1e-4 * rtol : 1e-9 } = options;
    if (!(atol >= 0 && atol < Infinity)) throw new InputError('atol', atol, 'a finite number, not negative');
    return name === 'rkc2'
      ? { kind: 'stabilized', mostStages: mostStages(rtol), rtol, atol }
      : { kind: 'adaptive', tableau: tableaus[name], rtol, atol };
  }
  refuse('rtol');
  refuse('atol');
  const { step } = options;
  if (step === undefined) throw new InputError('step', step, `given: ${name} takes steps of a fixed size`);
  if (!(step > 0 && step < Infinity)) throw new InputError('step', step, 'a positive number');
  switch (name) {
    case 'rk4':
      return { kind: 'fixed', tableau: tableaus.rk4, step };
    case 'gd-simultaneous':
      return { kind: 'gradient-descent', order: 'simultaneous', step };
    case 'gd-a-then-b':
      return { kind: 'gradient-descent', order: 'a-then-b', step };
    case 'gd-b-then-a':
      return { kind: 'gradient-descent', order: 'b-then-a', step };
  }
}
