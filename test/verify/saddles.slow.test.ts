/**
 * Checks of saddles hold on wasm, and catch noise, wrong spectra and wrong rates of escape; scenes are what they say.
 */
import { beforeAll, describe, expect, test } from 'vitest';
import { evaluator } from '../../kernels/cpu/evaluate.js';
import { rungeKuttaStep } from '../../kernels/cpu/schemes/rungeKutta.js';
import { fieldOf } from '../../kernels/cpu/field.js';
import type { State64 } from '../../kernels/cpu/state.js';
import { dense, type Dense } from '../../src/numbers/dense.js';
import { toFactors } from '../../src/ensemble/adapter.js';
import { tableaus } from '../../src/method/tableaus.js';
import type { Member } from '../../src/ensemble/member.js';
import { solve } from '../../src/solver/solve.js';
import { saddleEscapeRate } from '../../src/theory/frobenius.js';
import type { CheckContext } from '../../src/verify/check.js';
import { saddleChecks } from '../../src/verify/checks/saddles.js';
import type { VerificationSubject } from '../../src/verify/subject.js';
import { contextOn, holdAndCatch, noisyEnd } from './support.js';

let context: CheckContext;
beforeAll(async () => {
  context = await contextOn('wasm');
});

/** The simulator from factors that are not those it is given. */
const startingFrom =
  (alter: (entry: number) => number): VerificationSubject['solve'] =>
  ({ problem, members }, options) => {
    const altered = ({ rows, cols, data }: Dense) => dense(rows, cols, data.map(alter));
    const from = (member: Member): Member => ({
      ...member,
      initial() {
        const { x, y } = member.initial();
        return { x: altered(x), y: altered(y) };
      },
    });
    return solve({ problem, members: members.map(from) }, options);
  };

const dirty = startingFrom((entry) => entry + 1e-6);
const cleaned = startingFrom((entry) => (Math.abs(entry) < 1e-4 ? 0 : entry));
/** Singular values that are all 1 % too large. */
const wrongSpectrum: VerificationSubject['solve'] = ({ problem, members }, options) => {
  const { structure } = problem;
  if (structure.kind !== 'diagonal') return solve({ problem, members }, options);
  const sigma = structure.sigma.map((s) => 1.01 * s);
  return solve({ problem: { ...problem, structure: { ...structure, sigma } }, members }, options);
};
const withoutRatioA: VerificationSubject['toFactors'] = (adapter, k) =>
  toFactors(adapter, { ...k, lrRatioA: 1 });

holdAndCatch(saddleChecks, () => context, {
  'saddles/stays': { 'noise at the start': { solve: dirty }, 'a wrong spectrum': { solve: wrongSpectrum } },
  'saddles/aligned': { 'noise at the start': { solve: dirty }, 'noise at the end': { solve: noisyEnd } },
  'saddles/leaves': {
    'a wrong spectrum': { solve: wrongSpectrum },
    'a dropped kA': { toFactors: withoutRatioA },
  },
  'saddles/ends': {
    'a start without its noise': { solve: cleaned },
    'a wrong spectrum': { solve: wrongSpectrum },
  },
});

describe('saddleEscapeRate', () => {
  const sigma = Float64Array.of(1, 0.7, 0.4);
  const c = 1.3;

  /** Growth of row 0 of rank-1 factors [x, y] near the saddle on mode 1, in time t: float64, scaled by sqrt(c). */
  async function measured(ratio: number): Promise<number> {
    const field = fieldOf(evaluator({ kind: 'diagonal', sigma }), 1);
    const root = Math.sqrt(sigma[1]!);
    let state: State64 = [Float64Array.of(1e-9, root * ratio, 0), Float64Array.of(0, root / ratio, 0)];
    const advance = async (until: number) => {
      const h = 0.01;
      for (let k = 0; k < until / h; k++) {
        const slope = field([state]);
        state = (await rungeKuttaStep(field, tableaus.rk4, [state], slope, [h])).next[0]!;
      }
      return Math.hypot(state[0]![0]!, state[1]![0]!);
    };
    const first = await advance(12);
    const second = await advance(10);
    return (c * Math.log(second / first)) / 10;
  }

  test.each([1, 0.7, 1.6])('is the growth that a float64 flow has, at x / y = %d^2', async (ratio) => {
    const imbalance = (sigma[1]! * (ratio ** 2 - ratio ** -2)) / c;
    const rate = saddleEscapeRate({ outside: sigma[0]!, inside: sigma[1]!, c, imbalance });
    expect((await measured(ratio)) / rate).toBeCloseTo(1, 7);
  });

  test('is sigma_k - sigma_j when balanced, and less otherwise', () => {
    const rate = (imbalance: number) => saddleEscapeRate({ outside: 3, inside: 1, c: 2, imbalance });
    expect(rate(0)).toBe(4);
    expect(rate(1)).toBeLessThan(4);
    expect(rate(1)).toBe(rate(-1));
  });
});
