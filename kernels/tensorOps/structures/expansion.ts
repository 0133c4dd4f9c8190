/** The descent of f = constant - <P, X Y^T> + 1/2 tr((X Y^T)^T S X Y^T H) as tensor operations. */
import type { ExpansionStructure } from '../../../src/problem/structure.js';
import { curvedDescent } from './curved.js';
import { bothProductsOf, productOf } from './products.js';
import type { DescentOf } from './structure.js';

export const expansion: DescentOf<ExpansionStructure> = ({ descent, outputCovariance, covariance }) =>
  curvedDescent(
    bothProductsOf(descent),
    outputCovariance && productOf(outputCovariance),
    productOf(covariance),
  );
