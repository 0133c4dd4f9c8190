/** Output of commands: results on standard output (alone there with --json), everything else on standard error. */

import { forgetsSize, type Flow } from '../flow/flow.js';
import type { Way } from '../solver/path.js';
import type { Horizon } from '../input/horizon.js';

export const print = (text: string): void => void process.stdout.write(`${text}\n`);

export const note = (text: string): void => void process.stderr.write(`${text}\n`);

/** JSON has no NaN: numbers that are not finite become null. */
export const printJson = (value: unknown): void => print(JSON.stringify(value, null, 2));

const byPath = {
  fused: 'by the fused kernel',
  'tensor-ops': 'by tensor operations',
  krylov: 'in Krylov spaces',
};

type Followed = Pick<Horizon, 'methodName' | 'method'> & { readonly flow: Flow };

/**
 * ", dopri5 by the fused kernel": the methods of ensembles and the ways in which they are computed; and of flows that jump
 * what is made of that.
 */
export function howOf(followed: readonly Followed[], ways: readonly Way[]): string {
  const once = (texts: readonly string[]) => [...new Set(texts)].filter(Boolean);
  const methods = once(followed.map(({ methodName }) => methodName)).join(' and ');
  const by = ways.map(({ path, reason }) => byPath[path] + (reason ? ` (${reason})` : '')).join(' and ');
  return [`, ${methods} ${by}`, ...once(followed.map(jumpsOf))].join('; ');
}

/** What becomes of the jumps of a flow: smoothed over a width, or met in fixed steps; nothing where it has none. */
function jumpsOf({ flow, method: { control } }: Followed): string {
  if (!forgetsSize(flow)) return '';
  if (flow.damping > 0) return `the ${flow.rule} flow is smoothed over a width of ${flow.damping}`;
  const step = control.kind === 'fixed' ? ` of ${control.step}` : '';
  return `the ${flow.rule} flow is not smoothed: once arrived it stays within a step${step} and is not called stationary`;
}

/** A reader that closes its end early, such as `head`, wants no more: that is not an error. A full disk is one. */
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  note(`rankflow: standard output cannot be written: ${error.message}`);
  process.exit(1);
});

/** Nobody reads what is said beside the results: they are computed all the same. */
process.stderr.on('error', () => undefined);
