/** AdamW (Loshchilov & Hutter 2019), as torch.optim.AdamW has it. */
import { InputError } from '../../host/inputError.js';
import type { SchemeFacts } from './facts.js';

export interface AdamWOptions {
  /** Decay rates of the means of gradients and of their squares (default: 0.9, 0.999). */
  readonly betas?: readonly [number, number];
  /** Added to the root of the mean square (default: 1e-8). */
  readonly epsilon?: number;
}

export interface AdamW extends SchemeFacts, Required<AdamWOptions> {
  readonly kind: 'adamw';
}

/**
 * torch.optim.AdamW, both factors at once: p <- (1 - lr decay) p, m <- beta1 m + (1 - beta1) g,
 * v <- beta2 v + (1 - beta2) g^2, p <- p - lr / (1 - beta1^k) m / (sqrt(v / (1 - beta2^k)) + epsilon) at step k from 1.
 * It works entry by entry, so that rotated factors move otherwise. Coupled weight decay is in g, as in torch.optim.Adam.
 * Decoupled decay is by the step of both factors: of a factor with the ratio k, PyTorch's weight_decay is decay / k.
 * @throws InputError if a beta is not from 0 to below 1, or epsilon is not above 0
 */
export function adamw({ betas = [0.9, 0.999], epsilon = 1e-8 }: AdamWOptions = {}): AdamW {
  if (!betas.every((beta) => beta >= 0 && beta < 1))
    throw new InputError('betas', betas, 'from 0 to below 1 each');
  if (!(epsilon > 0 && epsilon < Infinity)) throw new InputError('epsilon', epsilon, 'a positive number');
  return {
    ...{ kind: 'adamw', betas, epsilon },
    ...{ slopes: 1, memory: 2, evaluations: 1, mostEvaluations: 1, mostStages: null },
    ...{ globalOrder: 1, errorOrder: null, carries: [] },
  };
}
