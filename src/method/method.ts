/** The methods by name, and what each needs to be told. */
import { InputError } from '../inputError.js';
import { ESTIMATE_ORDER, mostStages } from './stabilized.js';
import { tableaus, type Tableau } from './tableau.js';

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
}

export const isAdaptive = (name: MethodName): name is 'rkc2' | 'dopri5' | 'bosh3' =>
  name === 'rkc2' || name === 'dopri5' || name === 'bosh3';

/**
 * The method of that name. Adaptive methods take `rtol` (default 1e-5) and `atol` (default 1e-9); the others `step`.
 * @throws InputError if a needed option is missing or out of range, or one is given that the method does not take
 */
export function method(name: MethodName, options: MethodOptions = {}): Method {
  const refuse = (field: 'step' | 'rtol' | 'atol') => {
    if (options[field] !== undefined)
      throw new InputError(field, options[field], `left out: ${name} does not use it`);
  };
  if (isAdaptive(name)) {
    refuse('step');
    const { rtol = 1e-5, atol = 1e-9 } = options;
    // Below this, float32 rounding of the state is all that an error estimate sees.
    if (!(rtol >= 1e-7 && rtol <= 0.1)) throw new InputError('rtol', rtol, 'between 1e-7 and 0.1');
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
