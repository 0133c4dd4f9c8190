/** Gradient descent: a step of a learning rate along the slopes of B and A, in one of three orders of update. */
import type { SchemeFacts } from './facts.js';

/** Factor that a step updates first; the second update then sees the new first factor. */
export type UpdateOrder = 'simultaneous' | 'a-then-b' | 'b-then-a';

export interface GradientDescent extends SchemeFacts {
  readonly kind: 'gradient-descent';
  readonly order: UpdateOrder;
}

/** Gradient descent, which is Euler's method where both factors are updated at once. It has no error estimate. */
export const gradientDescent = (order: UpdateOrder): GradientDescent => ({
  kind: 'gradient-descent',
  order,
  slopes: 1,
  evaluations: 1,
  mostEvaluations: 2,
  mostStages: null,
  globalOrder: 1,
  errorOrder: null,
  carries: [],
});
