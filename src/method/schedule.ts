/**
 * Schedules of learning rates, by the step: each gives the factor of the base rate at step k of `steps`, k from 0, after
 * a linear warm-up k / warmup. constant, linear and cosine are transformers' get_constant_schedule_with_warmup,
 * get_linear_schedule_with_warmup and get_cosine_schedule_with_warmup (half a cosine); inverse is the 1 / t of Robbins
 * and Monro 1951, written as get_inverse_sqrt_schedule is, without its root.
 */
import { InputError } from '../host/inputError.js';

/** Factors after the warm-up w, at step k of n. */
const shapes = {
  /** 1 */
  constant: () => 1,
  /** (n - k) / (n - w) */
  linear: (k: number, w: number, n: number) => Math.max(0, (n - k) / Math.max(1, n - w)),
  /** (1 + cos(pi (k - w) / (n - w))) / 2 */
  cosine: (k: number, w: number, n: number) =>
    Math.max(0, 0.5 * (1 + Math.cos((Math.PI * (k - w)) / Math.max(1, n - w)))),
  /** v / (k + v - w), v = max(1, w): 1 / (k + 1) without a warm-up */
  inverse: (k: number, w: number) => Math.max(1, w) / (k + Math.max(1, w) - w),
} as const satisfies Record<string, (k: number, w: number, n: number) => number>;

export type ScheduleName = keyof typeof shapes;

export const scheduleNames = Object.keys(shapes) as readonly ScheduleName[];

export interface Schedule {
  readonly name: ScheduleName;
  /** Steps over which the factor rises from 0; 0: none. */
  readonly warmup: number;
}

/**
 * The schedule of that name.
 * @throws InputError if there is none, or the warm-up is no whole number from 0 on
 */
export function schedule(name: ScheduleName, warmup = 0): Schedule {
  if (!scheduleNames.includes(name))
    throw new InputError('schedule', name, `one of ${scheduleNames.join(', ')}`);
  if (!(Number.isInteger(warmup) && warmup >= 0))
    throw new InputError('warmup', warmup, 'a whole number of steps from 0 on');
  return { name, warmup };
}

/** Factor of the base rate at step k of `steps`, k from 0. */
export const scheduleFactor = ({ name, warmup }: Schedule, k: number, steps: number): number =>
  k < warmup ? k / warmup : shapes[name](k, warmup, steps);

/** Whether every step is of the base rate. */
export const isConstant = ({ name, warmup }: Schedule): boolean => name === 'constant' && warmup === 0;
