/**
 * Flows in float64 on the host, and how steps ask for them: a step is written once, as a generator that asks for
 * derivatives and is answered either at once or, where a device has to be waited for, later.
 */
import { gradientMotion, type Motion } from '../../src/flow/motion.js';
import { isOptimizer, type Scheme } from '../../src/method/schemes.js';
import { rules } from './rules.js';
import type { State64 } from './state.js';
import type { DescentAt } from './structures/structure.js';

/** Time derivatives of several states. */
export type HostField = (states: readonly State64[]) => readonly State64[];

/** Time derivatives of several states; a promise where a device is asked. */
export type Field = (states: readonly State64[]) => readonly State64[] | Promise<readonly State64[]>;

/** The field of [X, Y] of a rank: the motion by the descent that an evaluation gives. */
export const fieldOf =
  (evaluate: DescentAt, rank: number, motion: Motion = gradientMotion): HostField =>
  (states) =>
    states.map((state) => {
      const [x, y] = state as [Float64Array, Float64Array];
      const { dX, dY } = evaluate(x, y, rank);
      return [moved(0, dX, [x, y], rank, motion), moved(1, dY, [x, y], rank, motion)];
    });

/** What the rule of a motion is given at [X, Y] of a rank: descent_i - coupled_i Z_i; zeros of a frozen factor. */
const descentsOf =
  (evaluate: DescentAt, rank: number, motion: Motion): HostField =>
  (states) =>
    states.map((state) => {
      const [x, y] = state as [Float64Array, Float64Array];
      const { dX, dY } = evaluate(x, y, rank);
      return [inside(0, dX, x, motion), inside(1, dY, y, motion)];
    });

/** What the steps of a scheme ask for: the descents of an optimizer, the derivatives of others. */
export const fieldFor = (scheme: Scheme, ...of: [DescentAt, number, Motion]): HostField =>
  isOptimizer(scheme) ? descentsOf(...of) : fieldOf(...of);

function inside(
  index: 0 | 1,
  descent: Float64Array,
  z: Float64Array,
  { rates, coupled }: Motion,
): Float64Array {
  if (rates[index] === 0) return new Float64Array(z.length);
  return coupled[index] === 0 ? descent : descent.map((d, i) => d - coupled[index] * z[i]!);
}

/** The derivative of X (index 0) or Y (1) from its descent, as src/flow/motion.ts has it. */
function moved(
  index: 0 | 1,
  descent: Float64Array,
  factors: readonly [Float64Array, Float64Array],
  rank: number,
  motion: Motion,
): Float64Array {
  const { rule, damping, rates, decay } = motion;
  const z = factors[index];
  if (rates[index] === 0) return new Float64Array(z.length);
  const by = rules[rule](index, inside(index, descent, z, motion), factors, rank, damping);
  return rates[index] === 1 && decay[index] === 0
    ? by
    : by.map((value, i) => rates[index] * value - decay[index] * z[i]!);
}

/** Asks for the derivatives of states, one question after another, and returns T. */
export type Asking<T> = Generator<readonly State64[], T, readonly State64[]>;

/** Result of asking a field that answers at once. */
export function answered<T>(asking: Asking<T>, field: HostField): T {
  let turn = asking.next();
  while (!turn.done) turn = asking.next(field(turn.value));
  return turn.value;
}

/** Result of asking a field that may have to be waited for. */
export async function awaited<T>(asking: Asking<T>, field: Field): Promise<T> {
  let turn = asking.next();
  while (!turn.done) turn = asking.next(await field(turn.value));
  return turn.value;
}
