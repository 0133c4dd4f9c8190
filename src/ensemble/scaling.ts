/** The factor s of W = W0 + s B A, by rank. */
export const scalings = ['none', 'lora', 'rslora'] as const;

export type Scaling = (typeof scalings)[number];

/**
 * `none`: alpha, at every rank. `lora`: alpha / r (Hu et al. 2021). `rslora`: alpha / sqrt(r) (Kalajdzievski 2023).
 */
export function scaleOf(scaling: Scaling, alpha: number, rank: number): number {
  switch (scaling) {
    case 'none':
      return alpha;
    case 'lora':
      return alpha / rank;
    case 'rslora':
      return alpha / Math.sqrt(rank);
  }
}
