/** A step of gradient descent with momentum in float64. */
import type { Momentum } from '../../../src/method/schemes/momentum.js';
import type { Asking } from '../field.js';
import { sequential, simultaneous, type From, type UpdateOf } from './optimizer.js';
import type { Step64 } from './step.js';

export function momentum({ order, momentum: mu }: Momentum, from: From): Asking<Step64> {
  const by: UpdateOf = (_, gradient, [buffer]) => {
    const update = gradient.map((g, j) => mu * buffer![j]! + g);
    return { update, memory: [update] };
  };
  switch (order) {
    case 'simultaneous':
      return simultaneous(from, by);
    case 'a-then-b':
      return sequential(1, from, by);
    case 'b-then-a':
      return sequential(0, from, by);
  }
}
