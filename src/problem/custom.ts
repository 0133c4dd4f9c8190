/** A loss that is a TensorFlow.js function of W: its flow comes from automatic differentiation. */
import type { Dense } from '../numbers/dense.js';
import { singularValues } from '../numbers/svd.js';
import { updateSingularValues } from '../numbers/updateSingularValues.js';
import { unknownForms, type Loss } from './loss.js';
import { lossItself } from './metric.js';
import type { Problem } from './problem.js';
import { directionsOf } from './spectralDirections.js';
import type { AutodiffStructure, TensorLoss } from './structure.js';

/** A custom loss by its name: nothing is known of it in closed form. */
const customLoss = (name: string): Loss<AutodiffStructure> => ({
  ...unknownForms,
  name,
  metric: lossItself,
  isSpectral: true,
  law: () => null,
  saddles: () => [],
  weightedSingularValues: (_, factors) => updateSingularValues(factors),
});

/**
 * The problem of a custom loss.
 * @param name what results call it
 * @param base W0 [n, m]
 * @param gradient grad f(W0) [n, m], as the backend computes it
 */
export function custom(name: string, base: Dense, loss: TensorLoss, gradient: Dense): Problem {
  return {
    loss: customLoss(name),
    n: base.rows,
    m: base.cols,
    structure: { kind: 'autodiff', base, loss },
    frame: null,
    initialLoss: null,
    optimum: () => null,
    fullFineTuningLoss: () => null,
    fullFineTuningRate: null,
    ...directionsOf(gradient, -1),
    rate: singularValues(gradient)[0] ?? 0,
    valueAndGradient: () => null,
  };
}
