/** PiSSA (Meng et al. 2024, arXiv 2404.02948; PEFT `pissa`): the leading singular triples of W0 train. */
import { leadingColumns, scaledColumns, transposed, type Dense } from '../../numbers/dense.js';
import { memoized } from '../../numbers/memoized.js';
import { svd } from '../../numbers/svd.js';
import { residualOf, type Adapter } from '../adapter.js';
import type { ComputedForm } from '../computedStart.js';

export const pissa: ComputedForm<'base'> = {
  about: 'the leading singular triples of W0, which is frozen without them (PEFT pissa)',
  needs: 'base',
  movesBase: true,
  freezesB: false,
  adapter: ({ base }, rank, scale) => adapterOf(base, rank, scale),
};

/**
 * PiSSA (Meng et al. 2024): B0 = U_r sqrt(S_r / s), A0 = sqrt(S_r / s) V_r^T from the leading singular triples of
 * W0 [n, m], and the residual W0 - s B0 A0 that is frozen in its place.
 */
export function pissaStart(base: Dense, rank: number, scale: number): { adapter: Adapter; residual: Dense } {
  const adapter = adapterOf(base, rank, scale);
  return { adapter, residual: residualOf(base, adapter, scale) };
}

function adapterOf(base: Dense, rank: number, scale: number): Adapter {
  const { left, sigma, right } = singularTriples(base);
  const roots = sigma.slice(0, rank).map((s) => Math.sqrt(s / scale));
  const leading = (vectors: Dense) => scaledColumns(leadingColumns(vectors, rank), roots);
  return { loraA: transposed(leading(right)), loraB: leading(left) };
}

/** The decomposition of W0, computed once for all ranks, scales and starts. */
export const singularTriples = memoized((base: Dense) => svd(base));
