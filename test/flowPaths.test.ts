/** Closed forms of other flows than the gradient's against the float64 twin, on rectangular problems, s, kA and kB not 1. */
import { describe, expect, it } from 'vitest';
import { evaluator } from '../kernels/cpu/evaluate.js';
import { answered, fieldOf } from '../kernels/cpu/field.js';
import { twin } from '../kernels/cpu/twin.js';
import { member } from '../src/ensemble/member.js';
import { initialization } from '../src/ensemble/initialization.js';
import { checkFlowStart } from '../src/ensemble/flowStart.js';
import type { Coefficients } from '../src/flow/coefficients.js';
import { flow } from '../src/flow/flow.js';
import { isGradientMotion, motionOf, wordsOf } from '../src/flow/motion.js';
import { clock } from '../src/flow/normalization.js';
import { method } from '../src/method/methods.js';
import { closedForm } from '../src/problem/closedForm.js';
import { frobeniusFromSpectrum } from '../src/problem/frobenius.js';
import { dense } from '../src/numbers/dense.js';
import { updateSingularValues } from '../src/numbers/updateSingularValues.js';

const sigma = Float64Array.from([2, 1.4, 0.9, 0.5, 0.3]);
const problem = frobeniusFromSpectrum(sigma, 7, 5);
const both: Coefficients = { scale: 1.7, lrRatioA: 0.6, lrRatioB: 2.1 };
const unit = { ...both, lrRatioA: 1, lrRatioB: 1 };

interface Case {
  readonly name: string;
  readonly flow: string;
  readonly start: string;
  readonly k: Coefficients;
  readonly decay?: number;
  readonly coupledDecay?: number;
}

const cases: Case[] = [
  { name: 'frozen A', flow: 'gradient', start: 'gaussian:0.4', k: { ...both, lrRatioA: 0 } },
  {
    name: 'frozen A from B0 that is not zero',
    flow: 'gradient',
    start: 'small:0.4',
    k: { ...both, lrRatioA: 0 },
  },
  { name: 'frozen A, decay', flow: 'gradient', start: 'small:0.4', k: { ...both, lrRatioA: 0 }, decay: 0.3 },
  { name: 'frozen B', flow: 'gradient', start: 'zero-a:0.4', k: { ...both, lrRatioB: 0 } },
  { name: 'decoupled decay', flow: 'gradient', start: 'aligned:0.3', k: both, decay: 1.5 },
  { name: 'coupled decay', flow: 'gradient', start: 'aligned:0.3', k: unit, coupledDecay: 1.2 },
  { name: 'scaled', flow: 'scaled', start: 'aligned:0.5', k: both },
  { name: 'scaled, decay', flow: 'scaled', start: 'aligned:0.5', k: both, decay: 0.4 },
  { name: 'scaled, frozen A, B0 = 0', flow: 'scaled', start: 'spectral', k: { ...both, lrRatioA: 0 } },
  {
    name: 'scaled, frozen A, decay',
    flow: 'scaled',
    start: 'spectral',
    k: { ...both, lrRatioA: 0 },
    decay: 0.4,
  },
  { name: 'projected', flow: 'projected', start: 'aligned:0.5', k: unit },
];

const times = [0.1, 0.4, 1];

const started = ({ flow: name, start, k, decay, coupledDecay }: Case) => {
  const by = flow(name, { decay, coupledDecay });
  const law = { problem, rank: 3, initialization: initialization(start), coefficients: k, flow: by };
  checkFlowStart(law);
  const motion = motionOf(k, by);
  const factors = member(law, 0, 4).initial();
  const solve = (to: number, how = method('dopri5', { rtol: 1e-12, precision: 'float64' })) => {
    const stop = { saveTimes: [to], steadyTolerance: null, maxSteps: 1e6 };
    const field = fieldOf(evaluator(problem.structure as never), 3, motion);
    const { state } = answered(twin([factors.x.data, factors.y.data], clock(k, by), how, stop), field);
    const [x, y] = [dense(7, 3, state[0]), dense(5, 3, state[1])];
    return { x, y, loss: evaluator(problem.structure as never)(x.data, y.data, 3).loss };
  };
  return { path: closedForm(problem, factors, motion)!, solve, clock: clock(k, by), factors, motion };
};

describe.each(cases)('$name', (at) => {
  it('follows its closed form', () => {
    const { path, solve, clock: c } = started(at);
    for (const t of times) {
      const end = solve(t);
      // The solver's tolerance is 1e-12 a step.
      expect(Math.abs(path.loss(c * t) / end.loss - 1)).toBeLessThan(1e-9);
      const values = updateSingularValues(end);
      path
        .singularValues(c * t)
        .forEach((value, i) => expect(Math.abs(value - values[i]!)).toBeLessThan(1e-9));
    }
  });

  it('settles at the rate that is said', () => {
    const { path } = started(at);
    const end = path.singularValues(Infinity);
    const left = (tau: number) => Math.hypot(...path.singularValues(tau).map((value, i) => value - end[i]!));
    const [from, to] = [12 / path.rate, 16 / path.rate];
    expect(Math.abs(Math.log(left(from) / left(to)) / (to - from) / path.rate - 1)).toBeLessThan(0.02);
  });
});

it('spectral follows its closed form until modes arrive, and stays within a step of it after', () => {
  const at: Case = { name: 'spectral', flow: 'spectral', start: 'aligned:0.2', k: both };
  const { path, solve } = started(at);
  const step = 1e-3;
  const rk4 = method('rk4', { step });
  // sqrt(s) entries: s (b0 + kB t)(a0 + kA t) = 0.9 at about t = 0.48.
  for (const t of [0.1, 0.3, 0.4]) expect(Math.abs(path.loss(t) / solve(t, rk4).loss - 1)).toBeLessThan(1e-9);
  const [late, end] = [solve(2, rk4), path.singularValues(2)];
  updateSingularValues(late).forEach((value, i) => expect(Math.abs(value - end[i]!)).toBeLessThan(10 * step));
  expect(end).toEqual([2, 1.4, 0.9]);
});

it('is null where no closed form is known', () => {
  const none: Case[] = [
    { name: '', flow: 'scaled:0.1', start: 'aligned:0.5', k: both },
    { name: '', flow: 'spectral:0.1', start: 'aligned:0.5', k: both },
    { name: '', flow: 'sign', start: 'aligned:0.5', k: both },
    { name: '', flow: 'scaled', start: 'small:0.5', k: both },
    { name: '', flow: 'gradient', start: 'aligned:0.5', k: both, coupledDecay: 1 },
    { name: '', flow: 'gradient', start: 'small:0.5', k: both, decay: 1 },
  ];
  for (const at of none) expect(started(at).path).toBeNull();
});

it('is null under a decay inside the gradient of plain factors', () => {
  const plain = { ...flow('gradient', { coupledDecay: 1 }), factors: 'plain' } as const;
  const motion = motionOf({ scale: 1, lrRatioA: 1, lrRatioB: 1 }, plain);
  expect(isGradientMotion(motion)).toBe(false);
  expect(wordsOf(motion)).toBe('the gradient flow with weight decay');
  const { factors } = started({ name: '', flow: 'gradient', start: 'aligned:0.5', k: unit });
  expect(closedForm(problem, factors, motion)).toBeNull();
});

it('refuses starts that a flow cannot leave, by what is wrong', () => {
  const check = (name: string, start: string, k: Coefficients) => () =>
    checkFlowStart({
      problem,
      rank: 2,
      initialization: initialization(start),
      coefficients: k,
      flow: flow(name),
    });
  expect(check('scaled', 'gaussian', both)).toThrow(/scaled:1e-2/);
  expect(check('projected', 'zero-a', unit)).toThrow(/projected:1e-2/);
  expect(check('projected', 'small', both)).toThrow(/lrRatioA/);
  expect(check('gradient', 'gaussian', { ...both, lrRatioB: 0 })).toThrow(/nothing would move/);
  for (const [name, start, k] of [
    ['scaled:0.01', 'gaussian', both],
    // B alone moves, by the squares of A.
    ['scaled', 'gaussian', { ...both, lrRatioA: 0 }],
    ['projected', 'small', unit],
    ['spectral', 'gaussian', both],
  ] as const)
    expect(check(name, start, k)).not.toThrow();
});
