/** Singular values of a target that is given by its spectrum alone. */
import { InputError } from '../host/inputError.js';

const forms = 'power:P, exp:R or step:K with a positive number, or a list of non-negative numbers';

/** True for the name of a spectrum, as opposed to the name of a file. */
export const isNamedSpectrum = (text: string): boolean => /^(power|exp|step):/.test(text);

/**
 * The first `count` singular values of a named spectrum: `power:P` is i^-P, `exp:R` is e^(-R (i - 1)), `step:K` is
 * K ones and then zeros (i = 1, 2, ...).
 * @throws InputError if the name is not one of these
 */
export function namedSpectrum(spec: string, count: number): Float64Array {
  const [name, text, ...rest] = spec.split(':');
  const parameter = Number(text);
  if (!text || rest.length > 0 || !Number.isFinite(parameter) || parameter <= 0) {
    throw new InputError('spectrum', spec, forms);
  }
  switch (name) {
    case 'power':
      return Float64Array.from({ length: count }, (_, i) => (i + 1) ** -parameter);
    case 'exp':
      return Float64Array.from({ length: count }, (_, i) => Math.exp(-parameter * i));
    case 'step':
      if (!Number.isInteger(parameter))
        throw new InputError('spectrum', spec, 'step:K with a whole number K');
      return Float64Array.from({ length: count }, (_, i) => (i < parameter ? 1 : 0));
    default:
      throw new InputError('spectrum', spec, forms);
  }
}

/**
 * An explicit list of singular values, sorted and filled up with zeros to `count`.
 * @throws InputError if there are more than `count`, one is negative or not finite, or all are zero
 */
export function listedSpectrum(values: ArrayLike<number>, count: number): Float64Array {
  if (values.length > count) {
    throw new InputError('spectrum', `${values.length} values`, `at most min(n, m) = ${count} values`);
  }
  const sigma = new Float64Array(count);
  sigma.set(values);
  const wrong = sigma.find((value) => !(value >= 0 && Number.isFinite(value)));
  if (wrong !== undefined) throw new InputError('spectrum', wrong, 'finite and not negative');
  if (sigma.every((value) => value === 0)) throw new InputError('spectrum', 'zeros alone', 'not all zero');
  return sigma.sort().reverse();
}
