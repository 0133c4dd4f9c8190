/** Problems from what a user names: a loss, built in or of a module, and the matrices of a source. */
import { gradientFlow, symmetriesOf } from '../flow/flow.js';
import { nameFrom } from '../files/location.js';
import { InputError } from '../host/inputError.js';
import { inNode } from '../host/platform.js';
import { builtInLoss, lossNames } from '../problem/losses.js';
import type { Problem } from '../problem/problem.js';
import { checkScale } from '../problem/scale.js';
import { baseOf, checkShape, type Shape, type Source } from '../problem/source.js';
import { customProblem } from './customLoss.js';

/**
 * The problem of a loss on a source. `base`, if given, replaces W0 (PiSSA's residual); `symmetries` are those of how its
 * factors move (default: of the gradient flow), without which it stays in the coordinates of W.
 * @throws InputError if the loss lacks what it needs, or is of a scale at which its flow cannot be followed
 */
export async function makeProblem(
  loss: string,
  source: Source,
  shape: Shape,
  base = source.base,
  symmetries = symmetriesOf(gradientFlow),
): Promise<Problem> {
  checkShape(source, shape);
  const builtIn = builtInLoss(loss);
  if (builtIn) return builtIn.problem(source, shape, base, symmetries);
  if (!inNode()) throw new InputError('loss', loss, `one of ${lossNames.join(', ')}`);
  const { readLoss } = await import('./lossModule.js');
  const f = await readLoss(nameFrom(source.spec.folder, loss));
  if (source.target)
    throw new InputError('target', source.spec.target, 'left out: a custom loss holds its own target');
  const problem = customProblem(loss, base ?? baseOf(source, shape), f);
  checkScale('loss', `${loss}, whose gradient at W0 has norm`, problem.rate, 'speed');
  return problem;
}
