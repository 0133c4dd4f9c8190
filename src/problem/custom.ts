/** A problem whose loss is a TensorFlow.js function of W: its flow comes from automatic differentiation. */
import type { Dense } from '../numbers/dense.js';
import { singularValues } from '../numbers/svd.js';
import type { Problem } from './problem.js';
import type { TensorLoss } from './structure.js';
import { rightDirections } from './spectralDirections.js';

/**
 * @param name what results call it
 * @param base W0 [n, m]
 * @param gradient grad f(W0) [n, m], as the backend computes it
 */
export function custom(name: string, base: Dense, loss: TensorLoss, gradient: Dense): Problem {
  return {
    loss: name,
    n: base.rows,
    m: base.cols,
    structure: { kind: 'autodiff', base, loss },
    frame: null,
    initialLoss: null,
    optimum: () => null,
    fullFineTuningLoss: () => null,
    fullFineTuningRate: null,
    spectralDirections: rightDirections(gradient),
    rate: singularValues(gradient)[0] ?? 0,
    valueAndGradient: () => null,
  };
}
