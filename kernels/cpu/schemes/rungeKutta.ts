/** An explicit Runge-Kutta step in float64. */
import type { Tableau } from '../../../src/method/tableau.js';
import { awaited, type Asking, type Field } from '../field.js';
import { moved, zeros, type State64 } from '../state.js';
import type { Step64 } from './step.js';

/** A step of size h [states] from states whose derivatives are `first`. */
export function* rungeKutta(
  { a, b, sharesLast, errorWeights, lowErrorWeights }: Tableau,
  states: readonly State64[],
  first: readonly State64[],
  h: readonly number[],
): Asking<Step64> {
  const stages = [first];
  const slopesOf = (row: number) => stages.map((stage) => stage[row]!);
  let points = states;
  for (const weights of a.slice(1)) {
    points = states.map((state, row) => moved(state, h[row]!, weights, slopesOf(row)));
    stages.push(yield points);
  }
  const sums = (weights: readonly number[]) =>
    states.map((state, row) => moved(zeros(state), 1, weights, slopesOf(row)));
  return {
    next: sharesLast ? points : states.map((state, row) => moved(state, h[row]!, b, slopesOf(row))),
    slope: sharesLast ? stages.at(-1)! : first,
    error: errorWeights && sums(errorWeights),
    ...(lowErrorWeights && { lowError: sums(lowErrorWeights) }),
  };
}

/** A Runge-Kutta step of a field. */
export const rungeKuttaStep = (field: Field, ...step: Parameters<typeof rungeKutta>): Promise<Step64> =>
  awaited(rungeKutta(...step), field);
