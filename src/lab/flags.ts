/** Flags of the lab: the config that they give, what is refused here, and the command line of the same sweep. */
import { readMatrix } from '../files/matrix.js';
import { InputError } from '../host/inputError.js';
import { checkConfig } from '../input/checkConfig.js';
import { configFromText, flagName } from '../input/fromText.js';
import { bareFlags } from '../input/horizon.js';
import { parseShape } from '../problem/source.js';
import { sweepSchema, type SweepConfig } from '../sweep/config.js';
import type { Flags } from './protocol.js';

/** Entries of matrices that are decomposed, or of Gram matrices of rows for closed forms, at most. */
export const MOST_ENTRIES = 2 ** 20;
/** Rows of adapters, of B and A^T together, at most. */
const MOST_ROWS = 2 ** 14;
/** Keys of sweeps that the lab refuses. */
const otherKeys = ['out', 'workers', 'chunk', 'tf32', 'targetCi', 'fusedKernel'];

/**
 * The config of a sweep from the lab's flags, ranks ascending.
 * @throws InputError also if a flag is unknown, or there is more than one loss, shape, initialization or scaling
 */
export function configOf(flags: Flags): SweepConfig {
  const allowed = Object.keys(sweepSchema.shape)
    .filter((key) => !otherKeys.includes(key))
    .map(flagName);
  const unknown = Object.keys(flags).find((name) => !allowed.includes(name));
  if (unknown !== undefined) throw new InputError('flag', unknown, `one of ${allowed.join(', ')}`);
  const config = checkConfig(sweepSchema, configFromText(sweepSchema, flags, bareFlags));
  for (const key of ['loss', 'shape', 'init', 'scaling'] as const)
    if ((config[key]?.length ?? 0) > 1) throw new InputError(key, config[key], 'a single one, here');
  checkSize(config);
  return { ...config, ranks: [...new Set(config.ranks)].sort((a, b) => a - b) };
}

/** @throws InputError for problems whose plans would keep the worker for minutes */
function checkSize({ target, base, vectors, shape }: SweepConfig): void {
  const refuse = (field: string, value: string) => {
    throw new InputError(field, value, `of at most ${MOST_ENTRIES} entries, here`);
  };
  for (const [field, location] of Object.entries({ target, base })) {
    if (location === undefined) continue;
    const { rows, cols } = readMatrix(location);
    if (rows * cols > MOST_ENTRIES) refuse(field, `${rows}x${cols}`);
  }
  const { n, m } = shape?.[0] === undefined ? { n: 0, m: 0 } : parseShape(shape[0]);
  if (vectors === 'random' && Math.max(n, m) ** 2 > MOST_ENTRIES)
    refuse('vectors', `random ones of ${n}x${m}`);
  if (n + m > MOST_ROWS) throw new InputError('shape', `${n}x${m}`, `of n + m at most ${MOST_ROWS}, here`);
}

/** A command line with flags. */
export const commandOf = (command: string, flags: Flags): string =>
  [
    `npx rankflow ${command}`,
    ...Object.entries(flags).map(([name, text]) => `--${name} ${quoted(text)}`),
  ].join(' ');

const quoted = (text: string) => (/^[\w.,:%/-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);
