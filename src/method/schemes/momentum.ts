/** Gradient descent with momentum: torch.optim.SGD, in one of three orders of update. */
import { InputError } from '../../host/inputError.js';
import type { SchemeFacts } from './facts.js';
import { gradientDescent, type UpdateOrder } from './gradientDescent.js';

export interface Momentum extends SchemeFacts {
  readonly kind: 'momentum';
  readonly order: UpdateOrder;
  readonly momentum: number;
}

/**
 * torch.optim.SGD without dampening and Nesterov's variant: b <- mu b + g, b at first 0, and p <- p - lr b. Coupled
 * weight decay is in g, as PyTorch has it; decoupled takes lr decay p beside, as SGDW does (Loshchilov & Hutter 2019).
 * @throws InputError if there is no such order of update, or mu is not above 0 and below 1
 */
export function momentum(order: UpdateOrder, mu: number): Momentum {
  if (!(mu > 0 && mu < 1)) throw new InputError('momentum', mu, 'above 0 and below 1');
  return { ...gradientDescent(order), kind: 'momentum', momentum: mu, memory: 1 };
}
