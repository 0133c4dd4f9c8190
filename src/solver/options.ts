/** Options of the solver, checked before anything is computed: what types cannot hold, or a caller without them gives. */
import { InputError } from '../host/inputError.js';
import { assertMethod, type Method } from '../method/method.js';
import type { StopRule } from '../method/track.js';
import { precisions } from '../numbers/precision.js';
import type { ChunkRule } from './device.js';
import { details, type Detail } from './observe.js';
import type { PathChoice } from './path.js';
import { paths } from './paths.js';

interface Options extends PathChoice {
  readonly method: Method;
  readonly stop: StopRule;
  readonly chunk?: number | ChunkRule | undefined;
  readonly detail?: Detail | undefined;
}

/** @throws InputError if an option is out of range */
export function assertOptions({ method, stop, chunk, kernel, precision, detail }: Options): void {
  assertMethod(method);
  assertStop(stop);
  if (typeof chunk === 'number' && !((Number.isInteger(chunk) || chunk === Infinity) && chunk >= 1))
    throw new InputError('chunk', chunk, 'a whole number from 1 on, or Infinity');
  assertOneOf('kernel', kernel, ['auto', ...paths]);
  assertOneOf('precision', precision, precisions);
  assertOneOf('detail', detail, details);
}

function assertOneOf(field: string, value: string | undefined, allowed: readonly string[]): void {
  if (value !== undefined && !allowed.includes(value))
    throw new InputError(field, value, `one of ${allowed.join(', ')}`);
}

function assertStop({ saveTimes, steadyTolerance, maxSteps }: StopRule): void {
  if (
    saveTimes.length === 0 ||
    !saveTimes.every((time, k) => time >= (saveTimes[k - 1] ?? 0) && time < Infinity)
  )
    throw new InputError('saveTimes', saveTimes, 'finite times, ascending from 0, at least one');
  if (steadyTolerance !== null && !(steadyTolerance > 0))
    throw new InputError('steadyTolerance', steadyTolerance, 'a positive number, or null');
  if (!(maxSteps >= 1)) throw new InputError('maxSteps', maxSteps, 'at least 1');
}
