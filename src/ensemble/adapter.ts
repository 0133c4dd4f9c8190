/**
 * LoRA adapters, in PEFT's names and shapes, and the factors that flows are computed in (src/flow/normalization.ts):
 * s B A = X Y^T.
 */
import { gradientFlow, type Flow } from '../flow/flow.js';
import type { Coefficients } from '../flow/coefficients.js';
import { normalizationOf } from '../flow/normalization.js';
import { difference, scaled, transposed, type Dense } from '../numbers/dense.js';
import { multiply } from '../numbers/products.js';
import type { Factors } from '../problem/factors.js';

export interface Adapter {
  /** [r, m] (r, in features) */
  readonly loraA: Dense;
  /** [n, r] (out features, r) */
  readonly loraB: Dense;
}

/** W0 - s B A [n, m], what is left of W0 (null: zero) without an adapter at the scale s. */
export function residualOf(base: Dense | null, { loraA, loraB }: Adapter, scale: number): Dense {
  const update = scaled(multiply(loraB, loraA), scale);
  return base ? difference(base, update) : scaled(update, -1);
}

/** The factors X [n, r] and Y [m, r] of an adapter, as a flow has them (default: the gradient flow). */
export function toFactors({ loraA, loraB }: Adapter, k: Coefficients, flow: Flow = gradientFlow): Factors {
  const { x, y } = normalizationOf(k, flow);
  return { x: scaled(loraB, x), y: scaled(transposed(loraA), y) };
}

/** The adapter of factors X [n, r] and Y [m, r], as a flow has them (default: the gradient flow). */
export function fromFactors({ x, y }: Factors, k: Coefficients, flow: Flow = gradientFlow): Adapter {
  const { b, a } = normalizationOf(k, flow);
  return { loraA: scaled(transposed(y), a), loraB: scaled(x, b) };
}
