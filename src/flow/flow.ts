/**
 * How the factors of an adapter move by a loss: the rule by which each moves along its gradient (rules.ts), and weight
 * decay. Flows are plain data, which goes to other threads; what kernels compute by them is a Motion (motion.ts).
 */
import { InputError } from '../host/inputError.js';
import { factsOf, flowRules, rules, type FlowRule, type Symmetries } from './rules.js';

export interface Flow {
  readonly rule: FlowRule;
  /** Damping of the rule, in the units of B and A; 0 of those without. */
  readonly damping: number;
  /** Decoupled weight decay mu, per unit of time: dB = ... - mu B, dA = ... - mu A, as AdamW has it. */
  readonly decay: number;
  /** Weight decay inside the gradient: that of f + mu/2 (|B|^2 + |A|^2). */
  readonly coupledDecay: number;
  /**
   * How factors are held: normalized, so that s, kA and kB scale out of the gradient, or plainly X = sqrt(s) B and
   * Y = sqrt(s) A^T in the time t itself.
   */
  readonly factors: 'normalized' | 'plain';
  /** Whether a method moves factors entry by entry, so that rotated ones move otherwise (default: no). */
  readonly byEntry?: true;
}

/** The gradient flow without decay (Rushka & Klabjan 2026). */
export const gradientFlow: Flow = {
  rule: 'gradient',
  damping: 0,
  decay: 0,
  coupledDecay: 0,
  factors: 'normalized',
};

/** Weight decays mu of a flow, per unit of time (default: 0). */
export interface Decay {
  readonly decay?: number | undefined;
  readonly coupledDecay?: number | undefined;
}

/**
 * The flow of a `NAME` or `NAME:DAMPING`, with weight decay: gradient, scaled, projected, spectral or sign. DAMPING is
 * d of scaled and projected, and of spectral and sign the width w of a smoothing, in the units of B, A and their
 * gradients.
 * @throws InputError if there is no such flow, it takes no damping, or a number is not finite and from 0 on
 */
export function flow(spec: string, { decay = 0, coupledDecay = 0 }: Decay = {}): Flow {
  const [name = '', text, ...rest] = spec.split(':');
  if (!Object.hasOwn(rules, name) || rest.length > 0)
    throw new InputError('flow', spec, `one of ${flowRules.join(', ')}`);
  const rule = name as FlowRule;
  const { factors, damping: kind } = factsOf(rule);
  const damping = text === undefined ? 0 : text === '' ? NaN : Number(text);
  if (text !== undefined && kind === 'none') throw new InputError('flow', spec, `${rule} without a number`);
  // Squares of what lies outside would leave the range of float32.
  if (text !== undefined && !(damping >= 1e-12 && damping <= 1e12))
    throw new InputError(
      'flow',
      spec,
      `${rule}:NUMBER with a ${kind === 'width' ? 'width' : 'damping'} from 1e-12 to 1e12`,
    );
  for (const [field, value] of Object.entries({ decay, coupledDecay }))
    if (!(value >= 0 && value < Infinity)) throw new InputError(field, value, 'a finite number from 0 on');
  return { rule, damping, decay, coupledDecay, factors };
}

/** A flow by its rule and damping, `NAME` or `NAME:DAMPING`. */
export const nameOf = ({ rule, damping }: Pick<Flow, 'rule' | 'damping'>): string =>
  damping > 0 ? `${rule}:${damping}` : rule;

export const symmetriesOf = ({ rule, byEntry }: Pick<Flow, 'rule' | 'byEntry'>): Symmetries =>
  byEntry ? { rotation: false } : factsOf(rule).symmetries;

/** Whether factors move no slower where their gradients are smaller: by polar factors, or signs. */
export const forgetsSize = ({ rule }: Pick<Flow, 'rule'>): boolean => factsOf(rule).damping === 'width';

/** Whether the right-hand side of a flow jumps, where a singular value or an entry of a gradient changes its sign. */
export const jumps = (flow: Pick<Flow, 'rule' | 'damping'>): boolean =>
  forgetsSize(flow) && flow.damping === 0;
