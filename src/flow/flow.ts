/**
 * How the factors of an adapter move by a loss: the rule by which each moves along its gradient, and weight decay.
 * Flows are plain data, which goes to other threads; what kernels compute by them is a Motion (motion.ts).
 */
import { InputError } from '../host/inputError.js';

/** What is said of a rule. */
interface Rule {
  readonly about: string;
  readonly symmetries: Symmetries;
}

/** Changes of variables that take trajectories of a flow to trajectories of it. */
export interface Symmetries {
  /** (B, A) -> (U B R, R^T A V^T), U, V, R orthogonal: a loss may be rotated to its spectral frame, and draws with it. */
  readonly rotation: boolean;
}

const rules = {
  /** Rushka & Klabjan 2026. */
  gradient: { about: 'dB = -kB gB, dA = -kA gA', symmetries: { rotation: true } },
} as const satisfies Record<string, Rule>;

/** How a factor moves by its gradient. */
export type FlowRule = keyof typeof rules;

export const flowRules = Object.keys(rules) as readonly FlowRule[];

/** What the rule of that name is, in a few words. */
export const aboutFlow = (rule: FlowRule): string => rules[rule].about;

export const symmetriesOf = ({ rule }: Flow): Symmetries => rules[rule].symmetries;

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
 * The flow of a `NAME` with weight decay.
 * @throws InputError if there is no such flow, or a decay is not a finite number from 0 on
 */
export function flow(name: string, { decay = 0, coupledDecay = 0 }: Decay = {}): Flow {
  if (!Object.hasOwn(rules, name)) throw new InputError('flow', name, `one of ${flowRules.join(', ')}`);
  for (const [field, value] of Object.entries({ decay, coupledDecay }))
    if (!(value >= 0 && value < Infinity)) throw new InputError(field, value, 'a finite number from 0 on');
  return { ...gradientFlow, rule: name as FlowRule, decay, coupledDecay };
}

/** A flow by its rule and damping, `NAME` or `NAME:DAMPING`. */
export const nameOf = ({ rule, damping }: Flow): string => (damping > 0 ? `${rule}:${damping}` : rule);
