/** Muon (Jordan et al. 2024, https://kellerjordan.github.io/posts/muon/), as torch.optim.Muon has it. */
import { InputError } from '../../host/inputError.js';
import type { SchemeFacts } from './facts.js';

export interface Muon extends SchemeFacts {
  readonly kind: 'muon';
  readonly momentum: number;
}

export const DEFAULT_MUON_MOMENTUM = 0.95;

/** Newton-Schulz steps, and a, b, c of each: Z <- a Z + (b Z Z^T + c (Z Z^T)^2) Z. */
export const NEWTON_SCHULZ_STEPS = 5;
export const NEWTON_SCHULZ = [3.4445, -4.775, 2.0315] as const;
/** Least norm that a matrix is divided by before the first. */
export const NEWTON_SCHULZ_LEAST_NORM = 1e-7;

/**
 * torch.optim.Muon with Nesterov's momentum, both factors at once: b <- mu b + (1 - mu) g, u = NS((1 - mu) g + mu b),
 * p <- (1 - lr decay) p - lr sqrt(max(1, rows / cols)) u, where NS are five Newton-Schulz steps from the matrix over its
 * Frobenius norm. They are taken in the precision of the states, where PyTorch rounds to bfloat16. rows and cols are
 * those of lora_B [n, r] and lora_A [r, m].
 * @throws InputError if mu is not from 0 to below 1
 */
export function muon(mu = DEFAULT_MUON_MOMENTUM): Muon {
  if (!(mu >= 0 && mu < 1)) throw new InputError('momentum', mu, 'from 0 to below 1');
  return {
    ...{ kind: 'muon', momentum: mu },
    ...{ slopes: 1, memory: 1, evaluations: 1, mostEvaluations: 1, mostStages: null },
    ...{ globalOrder: 1, errorOrder: null, carries: [] },
  };
}

/** Factor of the learning rate of a matrix [rows, cols]: that of PyTorch's adjust_lr_fn 'original'. */
export const muonRate = (rows: number, cols: number): number => Math.sqrt(Math.max(1, rows / cols));
