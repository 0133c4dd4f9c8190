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

/** What training sees in the place of the target, by the keys of a config. */
export interface DataSpec {
  readonly noise?: number | undefined;
  readonly samples?: number | undefined;
  readonly labelNoise?: number | undefined;
  readonly draws?: number | undefined;
}

/** @throws InputError if noise or samples are asked for that one of the losses does not take, or both, or draws of neither */
export function checkData(
  { noise, samples, labelNoise, draws = 1 }: DataSpec,
  names: readonly string[],
): void {
  const refuseOthers = (field: string, value: number | undefined, users: readonly string[]) => {
    const other = names.find((name) => !users.includes(name));
    if (value !== undefined && other !== undefined)
      throw new InputError(field, value, `left out of ${other}: it is for ${users.join(' and ')}`);
  };
  const namesOf = (key: 'takesNoise' | 'takesSamples') =>
    losses.filter((loss) => loss[key]).map(({ name }) => name);
  if (noise !== undefined && samples !== undefined)
    throw new InputError(
      'noise',
      noise,
      'left out with samples, whose labels have a noise of their own (labelNoise)',
    );
  refuseOthers('noise', noise, namesOf('takesNoise'));
  refuseOthers('samples', samples, namesOf('takesSamples'));
  if (labelNoise !== undefined && samples === undefined)
    throw new InputError('labelNoise', labelNoise, 'left out without samples, whose labels have it');
  if (draws > 1 && noise === undefined && samples === undefined)
    throw new InputError(
      'draws',
      draws,
      '1 without noise or samples: every draw of the target would be the same',
    );
}

/** @throws InputError if a curvature matrix is named that none of the losses takes */
export function checkCurvatures(specs: CurvatureSpecs, names: readonly string[]): void {
  for (const key of curvatureKeys) {
    const users = losses.filter(({ curvatures }) => curvatures.includes(key)).map(({ name }) => name);
    if (specs[key] !== undefined && !names.some((name) => users.includes(name)))
      throw new InputError(key, specs[key], `left out: only ${users.join(' or ')} uses it`);
  }
}
