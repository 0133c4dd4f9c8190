/**
 * EVA (Paischer et al. 2024, arXiv 2410.07170; PEFT `eva`): A0 along the directions of largest variance of the inputs,
 * which are the leading eigenvectors of their covariance H. PEFT takes them of the inputs less their mean; and spreads
 * ranks over layers, of which there is one here.
 */
import { dense, leadingColumns, transposed, type Dense } from '../../numbers/dense.js';
import { memoized } from '../../numbers/memoized.js';
import { symmetricEigen } from '../../numbers/symmetric.js';
import type { ComputedForm } from '../computedStart.js';

export const eva: ComputedForm<'covariance'> = {
  about: 'rows of A are the leading eigenvectors of the covariance of the inputs, B = 0 (PEFT eva)',
  needs: 'covariance',
  movesBase: false,
  freezesB: false,
  adapter: ({ covariance, n }, rank) => ({
    loraA: transposed(leadingColumns(eigenvectors(covariance), rank)),
    loraB: dense(n, rank),
  }),
};

/** Eigenvectors of H, of the largest eigenvalue first, computed once for all ranks. */
const eigenvectors = memoized((covariance: Dense) => symmetricEigen(covariance).vectors);
