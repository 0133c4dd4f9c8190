/** The descent of f = 1/2N sum |R_k - X Y^T x_k|^2 over samples as tensor operations. */
import type { SamplesStructure } from '../../../src/problem/structure.js';
import { tensor2d } from '../tensor2d.js';
import { quadraticDescent } from './quadratic.js';
import type { DescentOf } from './structure.js';

export const samples: DescentOf<SamplesStructure> = ({ weighted, covariance }) =>
  quadraticDescent(tensor2d(weighted), tensor2d(covariance));
