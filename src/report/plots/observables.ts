/** Plots of what a simulation is asked to observe beside its loss: each trial a line for each of a pair of quantities. */
import type { SimulationReport, SimulationTrial } from '../../simulation/report.js';
import type { ObservableName, Observables } from '../../solver/observables.js';
import { trialOpacity, trialWidth, type Kind, type LinePlot } from './linePlot.js';
import { orderedColors, solid } from './theme.js';

interface ObservablePlot extends Pick<
  LinePlot,
  'id' | 'heading' | 'title' | 'quantity' | 'choice' | 'reading'
> {
  /** Names of the lines of each trial, and what they show. */
  readonly lines: readonly (readonly [name: string, of: keyof Observables])[];
}

const plots: Readonly<Record<ObservableName, ObservablePlot>> = {
  ranks: {
    id: 'ranks',
    heading: 'Directions of the update',
    title: 'Stable and effective rank of the update s B A',
    quantity: 'rank',
    choice: 'linear',
    reading:
      'Stable rank: |D|²(Frobenius) / |D|²(spectral). Effective rank: exponential of the entropy of the singular values.',
    lines: [
      ['stable rank', 'stableRank'],
      ['effective rank', 'effectiveRank'],
    ],
  },
  angles: {
    id: 'angles',
    heading: 'Angles with the leading directions',
    title: 'Largest principal angles with the leading directions of M − W0',
    quantity: 'angle (radians)',
    choice: 'auto',
    reading:
      'Zero: the update lies along the best directions of its rank; π/2: it misses one of them wholly.',
    lines: [
      ['column space of B', 'angleLeft'],
      ['row space of A', 'angleRight'],
    ],
  },
  sharpness: {
    id: 'largest-step',
    heading: 'Largest stable step',
    title: 'Largest stable step of gradient descent',
    quantity: 'step 2 / λ',
    choice: 'auto',
    reading:
      'Gradient descent with a larger step leaves this state along the sharpest direction; λ is the largest eigenvalue of the Hessian in B and A.',
    lines: [['2 / largest Hessian eigenvalue', 'largestStep']],
  },
  intruders: {
    id: 'intruders',
    heading: 'Intruder directions',
    title: 'Intruder directions of W against W0',
    quantity: 'number of the ten leading',
    choice: 'linear',
    reading:
      'Leading left singular vectors of W whose cosine with every one of W0 is below 1/2 (Shuttleworth et al. 2024).',
    lines: [['intruders', 'intruders']],
  },
};

/** The plots of what was asked for and has a value. */
export function observablePlots(
  { observed }: Pick<SimulationReport, 'observed'>,
  trials: readonly SimulationTrial[],
): LinePlot[] {
  return observed
    .map((name) => plots[name])
    .filter(({ lines }) =>
      trials.some(({ observables }) => observables.some((at) => lines.some(([, of]) => at[of] !== null))),
    )
    .map(({ lines, ...plot }) => {
      const colors = orderedColors(lines.length);
      const kinds = lines.map(([name], index): Kind => ({
        name,
        color: colors[index]!,
        dash: solid,
        width: trialWidth(trials.length),
        opacity: trialOpacity(trials.length),
      }));
      return {
        ...plot,
        kinds,
        lines: lines.flatMap(([kind, of]) =>
          trials.map(({ observables }) => ({ kind, values: observables.map((at) => at[of] ?? NaN) })),
        ),
      };
    });
}
