/** Gradient descent: a step of a learning rate along the slopes of B and A, in one of three orders of update. */
import { InputError } from '../../host/inputError.js';
import type { SchemeFacts } from './facts.js';

/** Factor that a step updates first; the second update then sees the new first factor. */
export const updateOrders = ['simultaneous', 'a-then-b', 'b-then-a'] as const;
export type UpdateOrder = (typeof updateOrders)[number];

export interface GradientDescent extends SchemeFacts {
  readonly kind: 'gradient-descent';
  readonly order: UpdateOrder;
}

/**
 * Gradient descent, which is Euler's method where both factors are updated at once. It has no error estimate.
 * @throws InputError if there is no such order of update
 */
export function gradientDescent(order: UpdateOrder): GradientDescent {
  if (!updateOrders.includes(order))
    throw new InputError('order', order, `one of ${updateOrders.join(', ')}`);
  return {
    kind: 'gradient-descent',
    order,
    slopes: 1,
    memory: 0,
    evaluations: 1,
    mostEvaluations: 2,
    mostStages: null,
    globalOrder: 1,
    errorOrder: null,
    carries: [],
  };
}
