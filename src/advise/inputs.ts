/** Second moments of the inputs of weights, H [m, m], from a file of statistics beside a pair of checkpoints. */
import { readSafetensors, someOf } from '../files/safetensors.js';
import { InputError } from '../host/inputError.js';
import type { Operator } from '../numbers/operator.js';
import { momentIn, sizeOfMoment, STATISTICS_FORMAT, weightsWith } from './moments.js';
import { matchNames } from './names.js';
import type { Pair } from './pairs.js';

export interface Inputs {
  /** H of a weight, read anew at each call; null if the file has none. @throws InputError if it is none */
  momentOf(pair: Pair): Operator | null;
  /** Names in the file that are those of no weight. */
  readonly unknown: readonly string[];
}

const LIKE = 'as many as the weight has columns';

/** @throws InputError if the file cannot be read, has no H of these weights, or one of another size */
export function openInputs(path: string, pairs: readonly Pair[]): Inputs {
  const file = { path, ...readSafetensors(path) };
  const { format } = file.metadata;
  if (format !== STATISTICS_FORMAT)
    throw new InputError(path, `format ${format ?? 'missing'} (metadata)`, STATISTICS_FORMAT);
  const named = weightsWith(file, 'H');
  const { matches } = matchNames(
    pairs.map(({ name }) => name),
    named.map((name) => `${name}.weight`),
  );
  const tensorOf = ({ name }: Pair) => matches.get(name)?.replace(/\.weight$/, '.H');
  if (matches.size === 0)
    throw new InputError(
      path,
      named.length === 0 ? 'no tensor NAME.H' : `H of ${someOf(named)}`,
      `H of weights such as ${pairs[0]!.name.replace(/\.weight$/, '')}`,
    );
  for (const pair of pairs) {
    const tensor = tensorOf(pair);
    const size = tensor === undefined ? null : sizeOfMoment(file, tensor);
    if (size !== null && size !== pair.cols)
      throw new InputError(`${path}#${tensor}`, `${size} rows`, `${pair.cols}, ${LIKE}`);
  }
  const found = new Set(matches.values());
  return {
    momentOf(pair) {
      const tensor = tensorOf(pair);
      return tensor === undefined ? null : momentIn(file, tensor, pair.cols, LIKE);
    },
    unknown: named.filter((name) => !found.has(`${name}.weight`)),
  };
}
