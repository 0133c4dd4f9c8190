/**
 * Butcher tableaus of explicit Runge-Kutta methods as data that is checked when it is made: its shape, its orders and,
 * of an embedded pair, that its last stage is the next step's first.
 */
import { InputError } from '../host/inputError.js';
import { orderResiduals } from './orderConditions.js';

export interface TableauCoefficients {
  readonly order: number;
  /** Strictly lower triangular coefficients, row i of length i. */
  readonly a: readonly (readonly number[])[];
  readonly b: readonly number[];
  /** Weights of the embedded solution and its order: with them errors are estimated, for control by error. */
  readonly embedded?: {
    readonly order: number;
    readonly b: readonly number[];
    /**
     * A second embedded solution, of a lower order, which brings the estimate to a higher one: with the norms e of the
     * first estimate and d of the second it is e^2 / (e^2 + d^2 / 100)^(1/2).
     */
    readonly low?: { readonly order: number; readonly b: readonly number[] };
  };
}

declare const checked: unique symbol;

/** Coefficients that `tableau` has checked, and what follows from them. */
export interface Tableau extends TableauCoefficients {
  /** Whether the last stage is evaluated at the new state, so that it is the next step's first. */
  readonly sharesLast: boolean;
  /**
   * Weights of the stages in the estimated error over h: those of the solution less the embedded ones; null without.
   */
  readonly errorWeights: readonly number[] | null;
  /** The same with the second embedded solution; null without. */
  readonly lowErrorWeights: readonly number[] | null;
  readonly [checked]: true;
}

/** Highest order that is asked for: beyond it the trees are thousands. */
const HIGHEST_ORDER = 10;
/** Residual of order conditions up to rounding: sums of some ten terms of size up to 15 are off by less than 1e-14. */
const RESIDUAL = 1e-13;

/**
 * A tableau of coefficients that hold what they claim.
 * @throws InputError if a row has another length, the coefficients violate an order condition, or an embedded pair is
 *   not first-same-as-last or has no error to estimate
 */
export function tableau(coefficients: TableauCoefficients): Tableau {
  const { order, a, b, embedded } = coefficients;
  assertShape(coefficients);
  assertOrder('b', a, b, order);
  const low = embedded?.low;
  if (embedded) assertOrder('embedded', a, embedded.b, embedded.order);
  if (low) assertOrder('embedded.low', a, low.b, low.order);
  const sharesLast = a.length > 1 && b.at(-1) === 0 && a.at(-1)!.every((value, j) => value === b[j]);
  if (embedded && !sharesLast)
    throw new InputError(
      'embedded',
      `of order ${embedded.order}`,
      'left out, or the pair first-same-as-last: the last row of a equal to b, whose last weight is 0',
    );
  const less = (other: { readonly b: readonly number[] } | undefined) =>
    other ? b.map((weight, i) => weight - other.b[i]!) : null;
  const [errorWeights, lowErrorWeights] = [less(embedded), less(low)];
  for (const [field, weights] of [
    ['embedded', errorWeights],
    ['embedded.low', lowErrorWeights],
  ] as const)
    if (weights?.every((weight) => weight === 0))
      throw new InputError(field, 'the weights of b', 'other weights: what differs is the estimated error');
  return { ...coefficients, sharesLast, errorWeights, lowErrorWeights } as Tableau;
}

function assertShape({ order, a, b, embedded }: TableauCoefficients): void {
  for (const [field, value] of Object.entries({
    order,
    ...(embedded && { 'embedded.order': embedded.order }),
    ...(embedded?.low && { 'embedded.low.order': embedded.low.order }),
  }))
    if (!(Number.isInteger(value) && value >= 1 && value <= HIGHEST_ORDER))
      throw new InputError(field, value, `a whole number from 1 to ${HIGHEST_ORDER}`);
  const stages = b.length;
  const row = (field: string, values: readonly number[], length: number) => {
    if (values.length !== length || !values.every(Number.isFinite))
      throw new InputError(field, values, `${length} finite numbers`);
  };
  if (a.length !== stages || stages === 0)
    throw new InputError(
      'a',
      `${a.length} rows`,
      `one row for each of the ${stages} weights of b, at least one`,
    );
  a.forEach((values, i) => row(`a[${i}]`, values, i));
  row('b', b, stages);
  if (embedded) row('embedded.b', embedded.b, stages);
  if (embedded?.low) row('embedded.low.b', embedded.low.b, stages);
}

function assertOrder(field: string, a: TableauCoefficients['a'], b: readonly number[], order: number): void {
  const defect = Math.max(...orderResiduals(a, b, order).map(Math.abs));
  if (!(defect < RESIDUAL))
    throw new InputError(
      field,
      b,
      `of the order ${order} that it claims: it violates an order condition by ${defect}`,
    );
}
