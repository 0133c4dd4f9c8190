/** Output of commands: results on standard output (alone there with --json), everything else on standard error. */

import type { Way } from '../solver/path.js';
import type { Horizon } from '../input/horizon.js';

export const print = (text: string): void => void process.stdout.write(`${text}\n`);

export const note = (text: string): void => void process.stderr.write(`${text}\n`);

/** A path as it is typed in a command. */
export function shellWord(path: string): string {
  const word = path.startsWith('-') ? `./${path}` : path;
  return /^[\w.,:/+@-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`;
}

/** JSON has no NaN: numbers that are not finite become null. */
export const printJson = (value: unknown): void => print(JSON.stringify(value, null, 2));

const byPath = { fused: 'by the fused kernel', 'tensor-ops': 'by tensor operations' };

/** ", dopri5 by the fused kernel": the methods of ensembles and the ways in which they are computed. */
export const howOf = (horizons: readonly Pick<Horizon, 'methodName'>[], ways: readonly Way[]): string =>
  `, ${[...new Set(horizons.map(({ methodName }) => methodName))].join(' and ')} ${ways.map(({ path, reason }) => byPath[path] + (reason ? ` (${reason})` : '')).join(' and ')}`;

/** A reader that closes its end early, such as `head`, wants no more: that is not an error. A full disk is one. */
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  note(`rankflow: standard output cannot be written: ${error.message}`);
  process.exit(1);
});

/** Nobody reads what is said beside the results: they are computed all the same. */
process.stderr.on('error', () => undefined);
