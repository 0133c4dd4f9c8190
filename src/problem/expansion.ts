/**
 * A loss near W0 as the quadratic f(W0) + <G, D> + 1/2 tr(D^T S D H), D = W - W0: of its gradient G there and a
 * curvature on both sides, by which it goes on. No matrix is inverted and no target is known; the curvatures need not
 * be positive definite, so that the quadratic may have no least value.
 */
import { inner, scaled, type Dense } from '../numbers/dense.js';
import { multiply } from '../numbers/products.js';
import { singularValues } from '../numbers/svd.js';
import { updateSingularValues } from '../numbers/updateSingularValues.js';
import { unknownForms, type Loss } from './loss.js';
import { lossItself } from './metric.js';
import type { Problem } from './problem.js';
import { directionsOf } from './spectralDirections.js';
import type { ExpansionStructure } from './structure.js';

export interface Expansion {
  /** f(W0) */
  readonly loss: number;
  /** G = grad f(W0) [n, m] */
  readonly gradient: Dense;
  /** S [n, n]; null: the identity */
  readonly outputCovariance: Dense | null;
  /** H [m, m] */
  readonly covariance: Dense;
}

const expansionLoss: Loss<ExpansionStructure> = {
  ...unknownForms,
  name: 'expansion',
  metric: lossItself,
  isSpectral: true,
  law: () => null,
  saddles: () => [],
  weightedSingularValues: (_, factors) => updateSingularValues(factors),
};

/** The problem of an expansion, in the coordinates of W. @throws Error if the shapes do not fit */
export function expansion({ loss, gradient, outputCovariance, covariance }: Expansion): Problem {
  const { rows: n, cols: m } = gradient;
  for (const [side, size] of [
    [outputCovariance, n],
    [covariance, m],
  ] as const)
    if (side && (side.rows !== size || side.cols !== size))
      throw new Error(`a curvature [${side.rows}, ${side.cols}] does not fit a gradient [${n}, ${m}]`);
  const descent = scaled(gradient, -1);
  let rate: number | undefined;
  return {
    loss: expansionLoss,
    ...{ n, m },
    structure: { kind: 'expansion', constant: loss, descent, outputCovariance, covariance },
    frame: null,
    initialLoss: loss,
    optimum: () => null,
    fullFineTuningLoss: () => null,
    fullFineTuningRate: null,
    ...directionsOf(descent),
    get rate() {
      return (rate ??= singularValues(gradient)[0] ?? 0);
    },
    valueAndGradient(update) {
      const byInput = multiply(update, covariance);
      const curved = outputCovariance ? multiply(outputCovariance, byInput) : byInput;
      return {
        value: loss + inner(gradient, update) + inner(update, curved) / 2,
        gradient: { ...curved, data: curved.data.map((value, i) => value + gradient.data[i]!) },
      };
    },
  };
}
