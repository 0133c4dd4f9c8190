/** OLoRA (Büyükakyüz 2024, arXiv 2406.01775; PEFT `olora`): W0 = Q R, its leading columns and rows train. */
import { leadingColumns, scaledColumns, transposed, type Dense } from '../../numbers/dense.js';
import { memoized } from '../../numbers/memoized.js';
import { qr } from '../../numbers/qr.js';
import type { ComputedForm } from '../computedStart.js';

export const olora: ComputedForm<'base'> = {
  about: 'B = Q_r and A = R_r of W0 = Q R, R_ii >= 0; W0 is frozen without s B A (PEFT olora)',
  needs: 'base',
  movesBase: true,
  freezesB: false,
  adapter({ base }, rank) {
    const { q, rTransposed } = orthogonalTriangular(base);
    return { loraA: transposed(leadingColumns(rTransposed, rank)), loraB: leadingColumns(q, rank) };
  },
};

/** Q [n, p] and R^T [m, p] of W0 [n, m], p = min(n, m). */
interface OrthogonalTriangular {
  readonly q: Dense;
  readonly rTransposed: Dense;
}

/** W0 = Q R with R_ii >= 0, computed once for all ranks: of the signs, which QR leaves open, that is the rule here. */
const orthogonalTriangular = memoized((base: Dense): OrthogonalTriangular => {
  const { q, r } = qr(base);
  const signs = Array.from({ length: r.rows }, (_, i) => (r.data[i * r.cols + i]! < 0 ? -1 : 1));
  return { q: scaledColumns(q, signs), rTransposed: scaledColumns(transposed(r), signs) };
});
