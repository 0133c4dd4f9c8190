/** What the trajectories of an ensemble are under beside its problem, start, flow and scale, in words for labels. */
import { followsFlow } from '../method/method.js';
import type { Horizon } from '../input/horizon.js';
import type { Start } from '../input/start.js';
import type { SweepConfig } from './config.js';
import type { CellSummary } from './summary.js';

/** What is not the same for all ensembles, as summaries have it. */
export type Conditions = Pick<
  CellSummary,
  'decay' | 'coupledDecay' | 'optimizer' | 'lrRatioA' | 'lrRatioB' | 'noise' | 'samples' | 'labelNoise'
>;

export const conditionsOf = (
  { flow, method, methodName, coefficients }: Pick<Start, 'flow' | 'coefficients'> & Horizon,
  { noise, samples, labelNoise }: Pick<SweepConfig, 'noise' | 'samples' | 'labelNoise'>,
): Conditions => ({
  decay: flow.decay,
  coupledDecay: flow.coupledDecay,
  optimizer: followsFlow(method) ? null : methodName,
  lrRatioA: coefficients.lrRatioA,
  lrRatioB: coefficients.lrRatioB,
  noise: noise ?? null,
  samples: samples ?? null,
  labelNoise: samples === undefined ? null : (labelNoise ?? 0),
});

/** "adamw", "frozen A", "decay 0.1", "noise 0.5": what differs from the plain gradient flow of the target itself. */
export function conditionWords(conditions: Conditions): string[] {
  const { decay, coupledDecay, optimizer, lrRatioA, lrRatioB, noise, samples, labelNoise } = conditions;
  const ratio = (factor: string, value: number) => (value === 0 ? `frozen ${factor}` : `k${factor} ${value}`);
  return [
    ...(optimizer === null ? [] : [optimizer]),
    ...(lrRatioA === 1 ? [] : [ratio('A', lrRatioA)]),
    ...(lrRatioB === 1 ? [] : [ratio('B', lrRatioB)]),
    ...(decay === 0 ? [] : [`decay ${decay}`]),
    ...(coupledDecay === 0 ? [] : [`coupled decay ${coupledDecay}`]),
    ...(noise === null ? [] : [`noise ${noise}`]),
    ...(samples === null ? [] : [`${samples} samples`, `label noise ${labelNoise}`]),
  ];
}
