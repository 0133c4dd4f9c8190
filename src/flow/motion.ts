/**
 * What a kernel needs to move factors, the same for all trajectories that it advances together:
 *
 *     dZ_i/dtau = rates_i rule(descent_i - coupled_i Z_i) - decay_i Z_i,    (Z_0, Z_1) = (X, Y),
 *
 * where a structure gives the descent, -G Y of X and -G^T X of Y (G the gradient of the loss, on each side in its
 * structures/). Motions are plain data, and a flow's in the factors and the time of its normalization.
 */
import type { Coefficients } from './coefficients.js';
import { InputError } from '../host/inputError.js';
import { gradientFlow, type Flow } from './flow.js';
import { normalizationOf } from './normalization.js';
import { factsOf, type FlowRule } from './rules.js';

/** Numbers of X and of Y. */
export type OfBoth = readonly [x: number, y: number];

export interface Motion {
  readonly rule: FlowRule;
  /** Damping of the rule, in the units of the factors. */
  readonly damping: number;
  /** By how much the factors move by the rule; 0 of a frozen one. */
  readonly rates: OfBoth;
  /** Weight decay inside what the rule is given; 0 of normalized factors, which have it in `decay`. */
  readonly coupled: OfBoth;
  /** Weight decay beside the rule; 0 of a frozen factor. */
  readonly decay: OfBoth;
  /** Weights of the squared descent in -df/dt over the clock along the gradient flow: kB and kA of the factors. */
  readonly weights: OfBoth;
  /** The scale s where factors are plain; 1 where it has scaled out. */
  readonly scale: number;
}

/**
 * The motion of a flow for these coefficients.
 * @throws InputError if both factors are frozen, or the projected flow is given learning-rate ratios
 */
export function motionOf(k: Coefficients, flow: Flow = gradientFlow): Motion {
  const { clock } = normalizationOf(k, flow);
  const { speed, dampingUnit } = factsOf(flow.rule);
  if (flow.rule === 'projected')
    for (const field of ['lrRatioA', 'lrRatioB'] as const)
      if (k[field] !== 1)
        throw new InputError(field, k[field], '1 under the projected flow, which moves W as a whole');
  const ratios: OfBoth = [k.lrRatioB, k.lrRatioA];
  const both = (value: (ratio: number) => number): OfBoth => [
    ratios[0] === 0 ? 0 : value(ratios[0]),
    ratios[1] === 0 ? 0 : value(ratios[1]),
  ];
  const isPlain = flow.factors === 'plain';
  return {
    rule: flow.rule,
    damping: flow.damping * (isPlain ? dampingUnit(k.scale) : 1),
    rates: both((ratio) => (isPlain ? speed(k.scale) * ratio : 1)),
    coupled: isPlain ? both(() => flow.coupledDecay / k.scale) : [0, 0],
    decay: both((ratio) => (isPlain ? flow.decay : (flow.decay + ratio * flow.coupledDecay) / clock)),
    weights: both((ratio) => (isPlain ? k.scale * ratio : 1)),
    scale: isPlain ? k.scale : 1,
  };
}

/** The motion of the gradient flow where both factors move and none decays. */
export const gradientMotion: Motion = motionOf({ scale: 1, lrRatioA: 1, lrRatioB: 1 });

/** Whether a motion is the gradient flow alone: both factors, no decay. */
export const isGradientMotion = (motion: Motion): boolean =>
  motion.rule === 'gradient' && motion.rates.every((rate) => rate === 1) && !decays(motion);

/**
 * Whether a motion is the descent less a decay, of the factors that are not frozen: the gradient flow of normalized
 * factors, and all that fused kernels have.
 */
export const isDescentAndDecay = ({ rule, rates, coupled }: Motion): boolean =>
  rule === 'gradient' &&
  rates.every((rate) => rate === 0 || rate === 1) &&
  coupled.every((value) => value === 0);

/** Whether a factor decays beside the rule. */
export const isDecaying = ({ decay }: Motion): boolean => decay.some((value) => value > 0);

/** Whether a factor decays, beside the rule or inside it. */
export const decays = ({ decay, coupled }: Motion): boolean =>
  [...decay, ...coupled].some((value) => value > 0);

/** Whether a motion that comes to rest may do so at stationary points of the loss alone: both factors, no decay. */
export const restsAtOptimum = (motion: Motion): boolean =>
  motion.rates.every((rate) => rate > 0) && !decays(motion);

/** A motion in words: what its trajectories are under. */
export function wordsOf(motion: Motion): string {
  const { rule, rates } = motion;
  const frozen = rates[0] === 0 ? 'frozen B' : rates[1] === 0 ? 'frozen A' : '';
  const beside = [frozen, decays(motion) ? 'weight decay' : ''].filter(Boolean).join(' and ');
  return `the ${rule} flow${beside && ` with ${beside}`}`;
}
