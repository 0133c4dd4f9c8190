/**
 * LoRA-One (Zhang, Liu & Chen 2025, arXiv 2502.01235), as its repository's run_exp.py has it: one step of gradient
 * descent, truncated to rank r, its largest singular value scaled to 1 / gamma; W0 stays, so that W starts off W0.
 */
import { InputError } from '../../host/inputError.js';
import { scaledColumns, transposed, type Dense } from '../../numbers/dense.js';
import type { ComputedForm } from '../computedStart.js';

export const loraOne: ComputedForm<'gradient'> = {
  about:
    'B = U_r sqrt(S_r/S_1)/sqrt(GAMMA), A = sqrt(S_r/S_1) V_r^T/sqrt(GAMMA) of -grad f(W0) (GAMMA default 128; LoRA-One)',
  needs: 'gradient',
  movesBase: false,
  freezesB: false,
  parameter: { name: 'gamma', default: () => 128 },
  adapter({ descent }, rank, _, gamma) {
    const { left, sigma, right } = descent(rank);
    if (!(sigma[0]! > 0)) throw new InputError('init', 'lora-one', 'used where grad f(W0) is not zero');
    const roots = sigma.map((s) => Math.sqrt(s / sigma[0]! / gamma));
    const along = (vectors: Dense) => scaledColumns(vectors, roots);
    return { loraA: transposed(along(right)), loraB: along(left) };
  },
};
