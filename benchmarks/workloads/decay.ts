/**
 * What weight decay and a frozen factor cost in the fused kernel of wasm: trajectories as those of W1, and smaller ones,
 * under each motion in turn. Seconds are of the processor, whatever else it works on.
 */
import { flow, gradientFlow } from '../../src/flow/flow.js';
import { memberAt, type Member } from '../../src/ensemble/member.js';
import { precisions, type Precision } from '../../src/numbers/precision.js';
import type { Device } from '../../src/solver/device.js';
import { solve } from '../../src/solver/solve.js';
import { openFused } from '../backends.js';
import { plain, problemOf, rk4, startOf, stopAfter, type Size } from '../flow.js';
import { interleaved, pairedRatio, quantile, samples, type Variant } from '../measure.js';
import { atMost, type Measured, type Workload } from '../workload.js';
import { W1 } from './w1.js';

const sizes: readonly { readonly name: string; readonly size: Size; readonly trajectories: number }[] = [
  { name: 'w1', size: W1, trajectories: 16 },
  { name: 'small', size: { n: 16, m: 16, rank: 4 }, trajectories: 128 },
];
const STEPS = 500;
const ROUNDS = 41;

const decaying = flow('gradient', { decay: 0.1, coupledDecay: 0.1 });
const frozen = { ...plain, lrRatioA: 0 };

type Moved = Pick<Member, 'coefficients' | 'flow'>;

const motions = {
  gradient: { coefficients: plain, flow: gradientFlow },
  decay: { coefficients: plain, flow: decaying },
  'frozen A': { coefficients: frozen, flow: gradientFlow },
  'frozen A and decay': { coefficients: frozen, flow: decaying },
} as const satisfies Record<string, Moved>;
type Name = keyof typeof motions;

/** Seconds of the processor that a whole solution takes. */
function solution(
  device: Device,
  precision: Precision,
  size: Size,
  trajectories: number,
  { coefficients, flow: by }: Moved,
): Variant {
  const problem = problemOf(size);
  const members = Array.from({ length: trajectories }, (_, trial) =>
    memberAt(startOf(size, trial), coefficients, trial, by),
  );
  const options = { method: rk4, stop: stopAfter(STEPS), kernel: 'fused', precision, device } as const;
  return async () => {
    const begun = process.cpuUsage();
    await solve({ problem, members }, options).all();
    const { user, system } = process.cpuUsage(begun);
    return (user + system) / 1e6;
  };
}

export const decay: Workload = {
  id: 'decay',
  claim:
    'time under weight decay, with a frozen factor and with both, over that of the gradient flow, on wasm',
  unit: 'x',
  bar: atMost(1.05),
  async run() {
    const device = await openFused('wasm');
    const results: Measured[] = [];
    for (const { name, size, trajectories } of sizes)
      for (const precision of precisions) {
        const variants = Object.fromEntries(
          Object.entries(motions).map(([key, moved]) => [
            key,
            solution(device, precision, size, trajectories, moved),
          ]),
        ) as Record<Name, Variant>;
        const times = await interleaved(variants, ROUNDS);
        for (const key of ['decay', 'frozen A', 'frozen A and decay'] as const) {
          const ratios = times[key].map((value, i) => value / times.gradient[i]!);
          results.push({
            id: `decay-${name}-${precision}-${key.replaceAll(' ', '-')}`,
            unit: this.unit,
            bar: this.bar!,
            value: pairedRatio(times[key], times.gradient),
            times: samples({ gradient: times.gradient, [key]: times[key] }),
            note:
              `n = m = ${size.n}, r = ${size.rank}, ${trajectories} trajectories, ${STEPS} steps; seconds of the processor; ` +
              `quartiles of the ratio ${quantile(ratios, 0.25).toFixed(3)} to ${quantile(ratios, 0.75).toFixed(3)}, ${ROUNDS} rounds`,
          });
        }
      }
    return results;
  },
};
