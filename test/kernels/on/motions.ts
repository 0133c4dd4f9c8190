/** Motions that fused kernels are tested under: weight decay of both kinds, and a frozen factor, with and without it. */
import { flow } from '../../../src/flow/flow.js';
import { motionOf, type Motion } from '../../../src/flow/motion.js';
import { coefficients } from '../../support.js';

const decays = { decay: 0.2, coupledDecay: 0.15 };

/** By name; s, kA and kB differ from 1, and the decays of the two factors from each other where one is coupled. */
export const motions: Readonly<Record<string, Motion>> = {
  'decoupled decay': motionOf(coefficients, flow('gradient', { decay: 0.3 })),
  'coupled decay': motionOf(coefficients, flow('gradient', { coupledDecay: 0.3 })),
  'frozen A': motionOf({ ...coefficients, lrRatioA: 0 }),
  'frozen B': motionOf({ ...coefficients, lrRatioB: 0 }),
  'frozen A and both decays': motionOf({ ...coefficients, lrRatioA: 0 }, flow('gradient', decays)),
  'frozen B and both decays': motionOf({ ...coefficients, lrRatioB: 0 }, flow('gradient', decays)),
};

/** Motions that are wrong in one thing: a decay left out or of the other factor, or the other factor frozen. */
export function wrongMotions(motion: Motion): Readonly<Record<string, Motion>> {
  const swapped = ([x, y]: readonly [number, number]) => [y, x] as const;
  const { decay, rates } = motion;
  return {
    ...(decay.some((mu) => mu > 0) && { 'the decay left out': { ...motion, decay: [0, 0] } }),
    ...(decay[0] !== decay[1] &&
      !rates.includes(0) && { 'the decay of the other factor': { ...motion, decay: swapped(decay) } }),
    ...(rates.includes(0) && {
      'the other factor frozen': { ...motion, rates: swapped(rates), decay: swapped(decay) },
      'no factor frozen': { ...motion, rates: [1, 1] },
    }),
  };
}

/** Range of the entries of a frozen factor in X and then Y [(n + m) rank], row-major; null if both factors move. */
export function frozenRange({ rates }: Motion, n: number, m: number, rank: number): [number, number] | null {
  if (rates[0] === 0) return [0, n * rank];
  return rates[1] === 0 ? [n * rank, (n + m) * rank] : null;
}
