/** The parameter of an initialization, `NAME:PARAMETER`. */
import { InputError } from '../host/inputError.js';

export interface Parameter {
  readonly name: string;
  readonly default: (rank: number) => number;
}

/**
 * The parameter that a spec gives, else the default, by rank; NaN for a name that takes none.
 * @throws InputError if the name takes none and one is given, or it is not from 1e-12 to 1e12
 */
export function parameterOf(spec: string, parameter: Parameter | undefined): (rank: number) => number {
  const [name = '', text, ...rest] = spec.split(':');
  const given = text === undefined ? undefined : Number(text);
  if ((given !== undefined && !parameter) || rest.length > 0)
    throw new InputError('init', spec, parameter ? `${name}:NUMBER` : `${name} without a parameter`);
  // Squares of what lies outside would leave the range of float32.
  if (given !== undefined && !(given >= 1e-12 && given <= 1e12))
    throw new InputError('init', spec, `${name}:NUMBER with a ${parameter?.name} from 1e-12 to 1e12`);
  return (rank) => given ?? parameter?.default(rank) ?? NaN;
}
