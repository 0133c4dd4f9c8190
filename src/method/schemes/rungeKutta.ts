/** Explicit Runge-Kutta methods, by their tableau. */
import type { Tableau } from '../tableau.js';
import type { SchemeFacts } from './facts.js';

export interface RungeKutta extends SchemeFacts {
  readonly kind: 'runge-kutta';
  readonly tableau: Tableau;
}

/** Of two estimates the first is divided by the second over itself (errorOfTwo). */
const errorOrderOf = (order: number, { order: first, low }: NonNullable<Tableau['embedded']>): number =>
  low ? 2 * (first + 1) - (low.order + 1) : Math.min(order, first) + 1;

/**
 * The scheme of a tableau. An embedded pair estimates the errors of its steps, and goes on from the better solution.
 */
export function rungeKutta(tableau: Tableau): RungeKutta {
  const { order, b, embedded } = tableau;
  return {
    kind: 'runge-kutta',
    tableau,
    slopes: b.length,
    memory: 0,
    evaluations: b.length,
    mostEvaluations: b.length,
    mostStages: null,
    globalOrder: order,
    errorOrder: embedded ? errorOrderOf(order, embedded) : null,
    carries: embedded ? ['slope'] : [],
  };
}
