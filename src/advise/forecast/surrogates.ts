/**
 * Two surrogates of a loss near W0, quadratics f(W0) + <G, D> + 1/2 tr(D^T S~ D H): with the curvature of outputs that
 * the statistics have, S~ = k S (K-FAC), and with none of its shape, S~ = c I. Where <G, Hess G> over all weights is
 * known, k and c give it; else k = 1, and c gives the curvature along G that S does. Of several weights the curvature
 * is in blocks: they share k and c alone.
 */
import { largestEigenvalue } from '../../numbers/largestEigenvalue.js';
import { dense } from '../../numbers/dense.js';
import { apply, scaledOperator, weightedSquares, type Operator } from '../../numbers/operator.js';
import { expansion } from '../../problem/expansion.js';
import type { Problem } from '../../problem/problem.js';
import type { Statistics } from './statistics.js';

export const surrogateNames = ['kfac', 'identity'] as const;
export type SurrogateName = (typeof surrogateNames)[number];

export interface Surrogate {
  readonly name: SurrogateName;
  /** k or c. */
  readonly scale: number;
  /** A problem for each weight. */
  readonly problems: readonly Problem[];
  /** Largest eigenvalue of the curvature of each weight in D: of S~ times that of H. */
  readonly sharpness: readonly number[];
  /** The surrogate with so many times its curvature. */
  times(factor: number): Surrogate;
}

export function surrogates({ weights, loss, curvature }: Statistics): [kfac: Surrogate, identity: Surrogate] {
  let [byBoth, byInputs] = [0, 0];
  for (const { gradient, outputCovariance, covariance } of weights) {
    byBoth += weightedSquares(gradient, outputCovariance, covariance);
    byInputs += weightedSquares(gradient, null, covariance);
  }
  const along = curvature ?? byBoth;
  const sizes = weights.map(({ outputCovariance, covariance }) => ({
    output: largest(outputCovariance),
    input: largest(covariance),
  }));
  const make = (name: SurrogateName, scale: number): Surrogate => ({
    ...{ name, scale },
    problems: weights.map(({ gradient, outputCovariance, covariance }) =>
      expansion({
        ...{ loss, gradient, covariance: scaledOperator(covariance, scale) },
        outputCovariance: name === 'kfac' ? outputCovariance : null,
      }),
    ),
    sharpness: sizes.map(({ output, input }) => scale * input * (name === 'kfac' ? output : 1)),
    times: (factor) => make(name, factor * scale),
  });
  return [make('kfac', along / byBoth), make('identity', along / byInputs)];
}

/** The largest eigenvalue of a second moment. */
function largest(moment: Operator): number {
  const value = largestEigenvalue(moment.rows, (v) => apply(moment, dense(moment.rows, 1, v)).data);
  if (value === null) throw new Error('the largest eigenvalue of a second moment was not found');
  return value;
}
