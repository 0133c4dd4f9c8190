/** A method: a scheme, how a step is taken, under a control, how its size is chosen. */
import { InputError } from '../host/inputError.js';
import type { Control } from './control.js';
import type { Scheme } from './schemes.js';

export interface Method {
  readonly scheme: Scheme;
  readonly control: Control;
}

/**
 * Refuses a control of wrong numbers, and one that asks for what its scheme does not have.
 * @throws InputError if a step or a tolerance is out of range, a control by error gets no estimate, or a scheme that chooses its stages fixed steps
 */
export function assertMethod({ scheme, control }: Method): void {
  switch (control.kind) {
    case 'fixed':
      if (!(control.step > 0 && control.step < Infinity))
        throw new InputError('step', control.step, 'a positive number');
      break;
    case 'error':
      for (const field of ['rtol', 'atol'] as const)
        if (!(control[field] >= 0 && control[field] < Infinity))
          throw new InputError(field, control[field], 'a finite number, not negative');
      if (control.rtol + control.atol === 0)
        throw new InputError('rtol', control.rtol, 'more than 0, or atol more than 0');
      break;
    default:
      throw new InputError('control', (control as Method['control']).kind, "'fixed' or 'error'");
  }
  if (control.kind === 'error' && scheme.errorOrder === null)
    throw new InputError(
      'scheme',
      scheme.kind,
      'one with an error estimate (embedded weights) under control by error',
    );
  if (control.kind === 'fixed' && scheme.mostStages !== null)
    throw new InputError('control', control.kind, `by error for the scheme ${scheme.kind}`);
}

/** What goes from step to step beside the state: nothing with steps of a fixed size. */
export const carried = ({ scheme, control }: Method): Scheme['carries'] =>
  control.kind === 'fixed' ? [] : scheme.carries;

/**
 * Evaluations of the flow in a step of a method.
 * @param stages of the step, where the scheme chooses their number; else 0
 * @param iterates whether a power iteration follows
 */
export const evaluationsOf = (method: Method, stages: number, iterates: boolean): number =>
  method.scheme.evaluations - (carried(method).includes('slope') ? 1 : 0) + stages + (iterates ? 1 : 0);
