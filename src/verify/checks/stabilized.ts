/** Checks of the stabilized method RKC2, in float64: its order, its stability interval, and its error control. */
import { answered, type HostField } from '../../../kernels/cpu/field.js';
import { chebyshev } from '../../../kernels/cpu/schemes/chebyshev.js';
import type { State64 } from '../../../kernels/cpu/state.js';
import { chebyshev as chebyshevOf, type ChebyshevStages } from '../../method/schemes/chebyshev.js';
import { around, Worst, type Check, type Curve } from '../check.js';
import { logSlope } from '../means/logSlope.js';
import { exactEnd, settings, SMALL } from './orders.js';
import { relativeError } from '../means/precision.js';

const RKC = 'Sommeijer, Shampine & Verwer 1998, RKC';

/** End of equal steps of so many stages. */
function steps(
  stages: ChebyshevStages,
  field: HostField,
  start: State64,
  time: number,
  count: number,
): State64 {
  let state = start;
  for (let k = 0; k < count; k++) {
    const [slope] = field([state]);
    state = answered(chebyshev(stages, state, slope!, time / count), field).next[0]!;
  }
  return state;
}

const STAGES = [2, 3, 7, 20];
const COUNTS = [24, 32, 48, 64, 96];

const order: Check = {
  id: 'stabilized/order',
  claim: 'RKC2 has order 2 with any number of stages: fitted order',
  source: RKC,
  on: 'host',
  async measure(context) {
    const worst = new Worst(2);
    for (const { at, field, start: full, time } of settings(context)) {
      const start = full.map((z) => z.map((value) => SMALL * value));
      const exact = await exactEnd(context, field, start, time);
      for (const count of STAGES) {
        const stages = context.subject.chebyshevStages(count);
        const errors = COUNTS.map((each) => relativeError(steps(stages, field, start, time, each), exact));
        const sizes = COUNTS.map((each) => time / each);
        worst.add(logSlope(sizes, errors).slope, `${count} stages, ${at.name}`);
      }
    }
    return { ...worst.result, allowed: around(2, 0.1, `a fit over ${COUNTS.length} step sizes`) };
  },
};

/** y' = -y. */
const decay: HostField = (states) => states.map(([y]) => [y!.map((value) => -value)]);

/** Length of the real axis on which steps of so many stages are stable, as they are taken: z = h for y' = -y. */
function interval(stages: ChebyshevStages, expected: number): number {
  const growth = (h: number) => {
    const { next } = answered(chebyshev(stages, [Float64Array.of(1)], [Float64Array.of(-1)], h), decay);
    return Math.abs(next[0]![0]![0]!);
  };
  const grid = expected / 2000;
  for (let k = 1; ; k++) if (growth(k * grid) > 1) return (k - 1) * grid;
}

const stability: Check = {
  id: 'stabilized/interval',
  claim:
    'RKC2 with s stages is stable on 2/3 (s^2 - 1)(1 - 2/15 epsilon), epsilon = 2/13: measured over that',
  source: RKC,
  on: 'host',
  measure({ subject }) {
    const worst = new Worst(1);
    for (const s of [10, 20, 50, 100]) {
      const expected = (2 / 3) * (s * s - 1) * (1 - ((2 / 15) * 2) / 13);
      worst.add(interval(subject.chebyshevStages(s), expected) / expected, `${s} stages`);
    }
    return Promise.resolve({
      ...worst.result,
      allowed: around(1, 0.02, 'the formula is asymptotic in s: 1 % off at 10 stages'),
    });
  },
};

const TOLERANCES = [1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8];

const tolerance: Check = {
  id: 'stabilized/tolerance',
  claim:
    'the error of RKC2 falls as its tolerance to the power 2/3: largest over smallest ratio, five decades',
  source: `${RKC}; the error of a step, which is controlled, is of order 3, that at the end of order 2`,
  on: 'host',
  async measure(context) {
    const all = settings(context);
    const logs = TOLERANCES.map(() => 0);
    for (const { field, start, time } of all) {
      const exact = await exactEnd(context, field, start, 3 * time);
      const stop = { saveTimes: [3 * time], steadyTolerance: null, maxSteps: 1_000_000 };
      for (const [i, rtol] of TOLERANCES.entries()) {
        const method = { scheme: chebyshevOf(50), control: { kind: 'error', rtol, atol: 0 } } as const;
        const { state } = answered(context.subject.twin(start, 1, method, stop), field);
        logs[i]! += Math.log(relativeError(state, exact)) / all.length;
      }
    }
    const errors = logs.map(Math.exp);
    const ratios = TOLERANCES.map((rtol, i) => errors[i]! / rtol ** (2 / 3));
    const curve: Curve = {
      name: 'rkc2',
      points: TOLERANCES.map((rtol, i) => [rtol, errors[i]!] as const),
    };
    return {
      measured: Math.max(...ratios) / Math.min(...ratios),
      where: 'geometric mean over the cases',
      allowed: { from: 1, to: 10, reason: 'step sizes are whole in number' },
      plot: {
        title: 'Error of the stabilized method',
        xTitle: 'relative tolerance',
        yTitle: 'relative error, geometric mean over the cases',
        curves: [curve],
      },
    };
  },
};

export const stabilizedChecks: readonly Check[] = [order, stability, tolerance];
