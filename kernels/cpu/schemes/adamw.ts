/** A step of AdamW in float64. */
import type { AdamW } from '../../../src/method/schemes/adamw.js';
import type { Asking } from '../field.js';
import { simultaneous, type From } from './optimizer.js';
import type { Step64 } from './step.js';

export function adamw({ betas: [beta1, beta2], epsilon }: AdamW, from: From): Asking<Step64> {
  const [left1, left2] = [1 - beta1 ** (from.number + 1), 1 - beta2 ** (from.number + 1)];
  return simultaneous(from, (_, gradient, [mean, square]) => {
    const m = gradient.map((g, j) => beta1 * mean![j]! + (1 - beta1) * g);
    const v = gradient.map((g, j) => beta2 * square![j]! + (1 - beta2) * g * g);
    const update = m.map((value, j) => value / left1 / (Math.sqrt(v[j]! / left2) + epsilon));
    return { update, memory: [m, v] };
  });
}
