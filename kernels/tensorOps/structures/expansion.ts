/** The descent of f = constant - <P, X Y^T> + 1/2 tr((X Y^T)^T S X Y^T H) as tensor operations. */
import type { ExpansionStructure } from '../../../src/problem/structure.js';
import { tensor2d } from '../tensor2d.js';
import { kroneckerDescent } from './kronecker.js';
import { quadraticDescent } from './quadratic.js';
import type { DescentOf } from './structure.js';

export const expansion: DescentOf<ExpansionStructure> = ({ descent, outputCovariance, covariance }) => {
  const [p, h] = [tensor2d(descent), tensor2d(covariance)];
  return outputCovariance ? kroneckerDescent(p, tensor2d(outputCovariance), h) : quadraticDescent(p, h);
};
