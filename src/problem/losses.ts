/** The built-in losses, by the names that a user gives them. */
import { InputError } from '../host/inputError.js';
import { frobeniusLoss } from './frobenius.js';
import { kroneckerLoss } from './kronecker.js';
import { linearRegressionLoss } from './linearRegression.js';
import type { BuiltInLoss } from './loss.js';
import { curvatureKeys, type CurvatureSpecs } from './source.js';
import { traceSquaredLoss } from './traceSquared.js';

/** Losses that users can name, in the order in which they are read; the first is the default. */
export const losses: readonly BuiltInLoss[] = [
  frobeniusLoss,
  linearRegressionLoss,
  traceSquaredLoss,
  kroneckerLoss,
];

export const lossNames = losses.map(({ name }) => name);
export const defaultLoss = frobeniusLoss.name;

/** The loss of a name; undefined for a custom one, whose name is that of a file. */
export const builtInLoss = (name: string): BuiltInLoss | undefined =>
  losses.find((loss) => loss.name === name);

/** @throws InputError if noise is asked for, and one of the losses has no target that it could be on */
export function checkNoise(
  { noise }: { readonly noise?: number | undefined },
  names: readonly string[],
): void {
  const users = losses.filter(({ takesNoise }) => takesNoise).map(({ name }) => name);
  const other = names.find((name) => !users.includes(name));
  if (noise !== undefined && other !== undefined)
    throw new InputError('noise', noise, `left out of ${other}: it is for ${users.join(' and ')}`);
}

/** @throws InputError if a curvature matrix is named that none of the losses takes */
export function checkCurvatures(specs: CurvatureSpecs, names: readonly string[]): void {
  for (const key of curvatureKeys) {
    const users = losses.filter(({ curvatures }) => curvatures.includes(key)).map(({ name }) => name);
    if (specs[key] !== undefined && !names.some((name) => users.includes(name)))
      throw new InputError(key, specs[key], `left out: only ${users.join(' or ')} uses it`);
  }
}
