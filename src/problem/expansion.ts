/**
 * A loss near W0 as the quadratic f(W0) + <G, D> + 1/2 tr(D^T S D H), D = W - W0: of its gradient G there and a
 * curvature on both sides, by which it goes on. No matrix is inverted and no target is known; the curvatures need not
 * be positive definite, so that the quadratic may have no least value.
 */
import { inner, sum, transposed, type Dense } from '../numbers/dense.js';
import { apply, entriesOf, scaledOperator, type Operator } from '../numbers/operator.js';
import { updateSingularValues } from '../numbers/updateSingularValues.js';
import { unknownForms, type Loss } from './loss.js';
import { lossItself } from './metric.js';
import type { Problem } from './problem.js';
import { directionsOf } from './spectralDirections.js';
import type { ExpansionStructure } from './structure.js';

export interface Expansion {
  /** f(W0) */
  readonly loss: number;
  /** G = grad f(W0) [n, m], dense or low-rank */
  readonly gradient: Operator;
  /** S [n, n], symmetric; null: the identity */
  readonly outputCovariance: Operator | null;
  /** H [m, m], symmetric */
  readonly covariance: Operator;
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
  const descent = scaledOperator(gradient, -1);
  const directions = directionsOf(descent);
  let atStart: Dense | undefined;
  return {
    loss: expansionLoss,
    ...{ n, m },
    structure: { kind: 'expansion', constant: loss, descent, outputCovariance, covariance },
    frame: null,
    initialLoss: loss,
    optimum: () => null,
    fullFineTuningLoss: () => null,
    fullFineTuningRate: null,
    ...directions,
    get rate() {
      return directions.descentTriples(1).sigma[0] ?? 0;
    },
    valueAndGradient(update) {
      const byInput = transposed(apply(covariance, transposed(update)));
      const curved = outputCovariance ? apply(outputCovariance, byInput) : byInput;
      atStart ??= entriesOf(gradient);
      return {
        value: loss + inner(atStart, update) + inner(update, curved) / 2,
        gradient: sum(curved, atStart),
      };
    },
  };
}
