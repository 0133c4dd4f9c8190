/**
 * The float64 twin of one step of a method (src/method/step.ts), in plain loops: several states at once, each with a
 * step size of its own.
 */
import type { UpdateOrder } from '../../src/method/method.js';
import { firstSameAsLast, type Tableau } from '../../src/method/tableau.js';

/** The components of one state. */
export type State64 = readonly Float64Array[];

/** Time derivatives of several states; a promise where a device is asked. */
export type Field = (states: readonly State64[]) => readonly State64[] | Promise<readonly State64[]>;

/** state + h sum_j weights_j slopes_j. */
export const moved = (
  state: State64,
  h: number,
  weights: readonly number[],
  slopes: readonly State64[],
): State64 =>
  state.map((z, component) => {
    const out = z.slice();
    weights.forEach((weight, j) => {
      if (weight === 0) return;
      const slope = slopes[j]![component]!;
      for (let i = 0; i < out.length; i++) out[i]! += h * weight * slope[i]!;
    });
    return out;
  });

/** What a step leaves behind of each state. */
export interface Step64 {
  readonly next: readonly State64[];
  /** The derivative at `next` with a first-same-as-last tableau, else at the start. */
  readonly slope: readonly State64[];
  /** The embedded error divided by h; null without an embedded solution. */
  readonly error: readonly State64[] | null;
}

/** An explicit Runge-Kutta step of size h [states] from states whose derivatives are `first`. */
export async function rungeKuttaStep(
  field: Field,
  tableau: Tableau,
  states: readonly State64[],
  first: readonly State64[],
  h: readonly number[],
): Promise<Step64> {
  const { a, b, embedded } = tableau;
  const stages = [first];
  const slopesOf = (row: number) => stages.map((stage) => stage[row]!);
  let points = states;
  for (const weights of a.slice(1)) {
    points = states.map((state, row) => moved(state, h[row]!, weights, slopesOf(row)));
    stages.push(await field(points));
  }
  const errorWeights = embedded && b.map((weight, i) => weight - embedded.b[i]!);
  const sharesLast = firstSameAsLast(tableau);
  return {
    next: sharesLast ? points : states.map((state, row) => moved(state, h[row]!, b, slopesOf(row))),
    slope: sharesLast ? stages.at(-1)! : first,
    error: errorWeights
      ? states.map((state, row) => {
          const zero = state.map((z) => new Float64Array(z.length));
          return moved(zero, 1, errorWeights, slopesOf(row));
        })
      : null,
  };
}

/** A gradient-descent step with learning rate h [states] from states [B, A] (or [X, Y]). */
export async function gradientDescentStep(
  field: Field,
  order: UpdateOrder,
  states: readonly State64[],
  h: readonly number[],
): Promise<readonly State64[]> {
  /** The states with the given components moved along their own slopes. */
  const descend = async (from: readonly State64[], components: readonly number[]) => {
    const slopes = await field(from);
    return from.map((state, row) => {
      const all = moved(state, h[row]!, [1], [slopes[row]!]);
      return state.map((z, component) => (components.includes(component) ? all[component]! : z));
    });
  };
  switch (order) {
    case 'simultaneous':
      return descend(states, [0, 1]);
    case 'a-then-b':
      return descend(await descend(states, [1]), [0]);
    case 'b-then-a':
      return descend(await descend(states, [0]), [1]);
  }
}
