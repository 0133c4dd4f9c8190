/**
 * LoRA adapters and their normalized factors. An adapter is in PEFT's names and shapes; its normalized factors
 * X = sqrt(c / kB) B, Y = sqrt(c / kA) A^T with c = s sqrt(kA kB) (s B A = X Y^T) are what flows are computed in.
 */
import { scaled, transposed, type Dense } from '../numbers/dense.js';
import type { Factors } from '../problem/factors.js';

export interface Adapter {
  /** [r, m] (r, in features) */
  readonly loraA: Dense;
  /** [n, r] (out features, r) */
  readonly loraB: Dense;
}

/** The scale s of W = W0 + s B A and the learning-rate ratios of A and B (LoRA+: kB / kA > 1). */
export interface Coefficients {
  readonly scale: number;
  readonly lrRatioA: number;
  readonly lrRatioB: number;
}

/** c = s sqrt(kA kB): normalized time per unit of time. */
export const clock = ({ scale, lrRatioA, lrRatioB }: Coefficients): number =>
  scale * Math.sqrt(lrRatioA * lrRatioB);

export function toFactors({ loraA, loraB }: Adapter, k: Coefficients): Factors {
  const c = clock(k);
  return {
    x: scaled(loraB, Math.sqrt(c / k.lrRatioB)),
    y: scaled(transposed(loraA), Math.sqrt(c / k.lrRatioA)),
  };
}

export function fromFactors({ x, y }: Factors, k: Coefficients): Adapter {
  const c = clock(k);
  return {
    loraA: scaled(transposed(y), Math.sqrt(k.lrRatioA / c)),
    loraB: scaled(x, Math.sqrt(k.lrRatioB / c)),
  };
}
