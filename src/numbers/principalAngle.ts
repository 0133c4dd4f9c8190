/** The largest principal angle between the columns of two matrices. */
import { difference, leadingColumns, type Dense } from './dense.js';
import { multiply, multiplyTransposedLeft } from './products.js';
import { singularValues, svd } from './svd.js';

/**
 * The largest principal angle (Björck & Golub 1973), in radians from 0 to pi/2, between the column space of Z [n, k] and
 * that of an orthonormal basis U [n, r]. Of spaces of different dimension it is the largest of the min(dim Z, r) angles.
 * It is taken from its sine and its cosine, so that small ones keep their digits too.
 * @returns null where Z is zero, which spans nothing
 */
export function largestPrincipalAngle(z: Dense, basis: Dense): number | null {
  const { left, sigma } = svd(z);
  const floor = Math.max(z.rows, z.cols) * Number.EPSILON * sigma[0]!;
  const dimension = sigma.reduce((count, s) => count + Number(s > floor && s > 0), 0);
  if (dimension === 0) return null;
  const columns = leadingColumns(left, dimension);
  const [small, large] = dimension <= basis.cols ? [columns, basis] : [basis, columns];
  const onto = multiplyTransposedLeft(large, small);
  const [cosine, sine] = [
    singularValues(onto)[small.cols - 1]!,
    singularValues(difference(small, multiply(large, onto)))[0]!,
  ];
  return Math.atan2(sine, cosine);
}
