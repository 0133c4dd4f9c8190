/** A method: a scheme, how a step is taken, under a control, how its size is chosen. */
import { gradientFlow, jumps, nameOf, type Flow } from '../flow/flow.js';
import { InputError } from '../host/inputError.js';
import type { Control } from './control.js';
import { minibatches as minibatchesBy, type Minibatches } from './minibatch.js';
import { isConstant, schedule } from './schedule.js';
import { isOptimizer, type Scheme } from './schemes.js';

export interface Method {
  readonly scheme: Scheme;
  readonly control: Control;
  /** Minibatches by which each step sees the gradient, of a loss over samples (default: all samples at each). */
  readonly minibatches?: Minibatches;
}

/**
 * Refuses a control of wrong numbers, and one that asks for what its scheme does not have.
 * @throws InputError if a step, a schedule or a tolerance is out of range, a control by error gets no estimate, a scheme
 *   that chooses its stages fixed steps, or one that is no descent a schedule
 */
export function assertMethod({ scheme, control, minibatches }: Method): void {
  if (minibatches) minibatchesBy(minibatches.size, minibatches.seed);
  if (minibatches && scheme.kind !== 'gradient-descent' && !isOptimizer(scheme))
    throw new InputError('batch', minibatches.size, `left out for the scheme ${scheme.kind}`);
  switch (control.kind) {
    case 'fixed':
      if (!(control.step > 0 && control.step < Infinity))
        throw new InputError('step', control.step, 'a positive number');
      if (control.schedule) schedule(control.schedule.name, control.schedule.warmup);
      if (control.schedule && scheme.kind !== 'gradient-descent' && !isOptimizer(scheme))
        throw new InputError('schedule', control.schedule.name, `left out for the scheme ${scheme.kind}`);
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

/** Whether a method takes the steps of a flow: without an optimizer, a schedule and minibatches. */
export const followsFlow = ({ scheme, control, minibatches }: Method): boolean =>
  !minibatches &&
  !isOptimizer(scheme) &&
  !(control.kind === 'fixed' && control.schedule && !isConstant(control.schedule));

/**
 * The flow (default: the gradient flow) as a method advances its factors: itself, but with factors that are held plainly
 * where the method does not follow it, so that neither closed forms of the flow nor its scaled time are taken for the
 * method's; of adamw without the symmetry of rotation. Time is the number of steps times the base of the learning rate.
 * @throws InputError if an optimizer, which has a rule of its own, is given another rule than the gradient's
 */
export function flowUnder(method: Method, flow: Flow = gradientFlow): Flow {
  if (followsFlow(method)) return flow;
  if (isOptimizer(method.scheme) && flow.rule !== 'gradient')
    throw new InputError('flow', flow.rule, `gradient: ${method.scheme.kind} has a rule of its own`);
  return { ...flow, factors: 'plain', ...(method.scheme.kind === 'adamw' && { byEntry: true }) };
}

/**
 * Refuses a flow that a method cannot advance: steps by their error where the flow jumps, since they would shrink for
 * ever; and for an optimizer one whose factors are not as flowUnder has them.
 * @throws InputError
 */
export function assertFollows(method: Method, flow: Flow): void {
  if (method.control.kind === 'error' && jumps(flow))
    throw new InputError(
      'flow',
      nameOf(flow),
      `${flow.rule}:WIDTH (as ${flow.rule}:1e-3), which is smooth, or a method of fixed steps (as rk4 with step): ` +
        'without a width it jumps where it arrives, in finite time, and steps by their error would shrink for ever',
    );
  const under = flowUnder(method, flow);
  if (isOptimizer(method.scheme) && (under.factors !== flow.factors || under.byEntry !== flow.byEntry))
    throw new InputError('flow', nameOf(flow), `that of flowUnder(method, flow), for ${method.scheme.kind}`);
}

/** A method that is no step along a flow, in words. */
export const methodInWords = ({ scheme, control, minibatches }: Method): string =>
  minibatches
    ? 'minibatches'
    : isOptimizer(scheme)
      ? scheme.kind
      : control.kind === 'fixed' && control.schedule
        ? `steps under a schedule (${control.schedule.name})`
        : scheme.kind;
