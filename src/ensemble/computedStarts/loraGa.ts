/**
 * LoRA-GA (Wang, Yu & Li 2024, arXiv 2407.05000): A0 along the leading right singular vectors of grad f(W0), B0 along
 * the left ones that follow. What PEFT does and what its authors do differ: PEFT scales B0 alone, and by the singular
 * values too; the paper and its repository scale both factors, without them.
 */
import { columns, leadingColumns, scaled, scaledColumns, transposed } from '../../numbers/dense.js';
import type { ComputedForm } from '../computedStart.js';

const shared = {
  needs: 'gradient',
  movesBase: true,
  freezesB: false,
  parameter: { name: 'gamma', default: () => 16 },
  mostRank: (n, m) => Math.floor(Math.min(n, m) / 2),
} satisfies Partial<ComputedForm<'gradient'>>;

/** U_{r+1..2r} [n, r], their singular values [r] and V_r [m, r] of -grad f(W0), and n^(1/4) / sqrt(gamma). */
function partsOf(
  { descent, n }: Parameters<ComputedForm<'gradient'>['adapter']>[0],
  rank: number,
  gamma: number,
) {
  const { left, sigma, right } = descent(2 * rank);
  return {
    left: columns(
      left,
      Array.from({ length: rank }, (_, i) => rank + i),
    ),
    sigma: sigma.subarray(rank),
    right: leadingColumns(right, rank),
    stable: n ** (1 / 4) / Math.sqrt(gamma),
  };
}

export const loraGa: ComputedForm<'gradient'> = {
  ...shared,
  about:
    'A = V_r^T, B = n^(1/4)/sqrt(GAMMA) U_r+1..2r S_r+1..2r of grad f(W0) (GAMMA default 16); W0 is frozen without s B A (PEFT lora_ga)',
  adapter(matrices, rank, _, gamma) {
    const { left, sigma, right, stable } = partsOf(matrices, rank, gamma);
    return { loraA: transposed(right), loraB: scaled(scaledColumns(left, sigma), stable) };
  },
};

export const loraGaPaper: ComputedForm<'gradient'> = {
  ...shared,
  about:
    'A = n^(1/4)/sqrt(GAMMA) V_r^T, B = n^(1/4)/sqrt(GAMMA) U_r+1..2r of grad f(W0) (GAMMA default 16); W0 is frozen without s B A (LoRA-GA as published)',
  adapter(matrices, rank, _, gamma) {
    const { left, right, stable } = partsOf(matrices, rank, gamma);
    return { loraA: scaled(transposed(right), stable), loraB: scaled(left, stable) };
  },
};
