/** The fused path of the solver: float64 on the cpu backend is the twin itself; what cannot be had is refused. */
import { beforeAll, describe, expect, it } from 'vitest';
import { evaluator } from '../kernels/cpu/evaluate.js';
import { answered, fieldOf } from '../kernels/cpu/field.js';
import { twin } from '../kernels/cpu/twin.js';
import { dense } from '../src/numbers/dense.js';
import { toFactors } from '../src/ensemble/adapter.js';
import { clock } from '../src/flow/normalization.js';
import { InputError } from '../src/host/inputError.js';
import { customProblem } from '../src/input/customLoss.js';
import { isAdaptive, method, flowMethodNames } from '../src/method/methods.js';
import { linearRegression } from '../src/problem/linearRegression.js';
import { traceSquared } from '../src/problem/traceSquared.js';
import { wayOf } from '../src/solver/path.js';
import { openDevice, type Device } from '../src/solver/device.js';
import { solve } from '../src/solver/solve.js';
import { coefficients, covariance, gaussian, memberOf } from './support.js';

let device: Device;

const problems = [traceSquared(6, 1.5), linearRegression(gaussian(7, 5, 1, 0.4), covariance(5, 2))];

describe('on the cpu backend in float64', () => {
  beforeAll(async () => void (device = await openDevice('cpu', { workers: 1 })));

  it.each(flowMethodNames)('%s is that of the twin, bit by bit', async (name) => {
    for (const problem of problems) {
      const { n, m, structure } = problem;
      if (structure.kind === 'autodiff') throw new Error('built-in');
      const adapters = [1, 2, 3].map((rank) => ({
        loraA: gaussian(rank, m, 10 + rank, 0.5),
        loraB: gaussian(n, rank, 20 + rank, 0.3),
      }));
      const how = method(name, isAdaptive(name) ? { rtol: 1e-5 } : { step: 0.05 });
      const stop = { saveTimes: [0, 0.5, 2], steadyTolerance: 1e-3, maxSteps: 10_000 };
      const members = adapters.map((adapter) => memberOf(adapter, coefficients));
      const found = await solve(
        { problem, members },
        { method: how, stop, chunk: 2, precision: 'float64', device },
      ).all();
      for (const [i, adapter] of adapters.entries()) {
        const { x, y } = toFactors(adapter, coefficients);
        const evaluate = evaluator(structure);
        const field = fieldOf(evaluate, x.cols);
        const expected = answered(twin([x.data, y.data], clock(coefficients), how, stop), field);
        const { outcome, acceptedSteps, rejectedSteps, evaluations, time, saved, factors, last } = found[i]!;
        expect([factors.x.data, factors.y.data]).toEqual(expected.state);
        expect({ outcome, acceptedSteps, rejectedSteps, evaluations }).toEqual({
          outcome: expected.outcome,
          acceptedSteps: expected.acceptedSteps,
          rejectedSteps: expected.rejectedSteps,
          evaluations: expected.evaluations,
        });
        expect(time).toBeCloseTo(expected.time, 8);
        expect(last.time).toBe(time);
        expected.saved.forEach(([a, b], k) => expect(saved[k]!.loss).toBe(evaluate(a!, b!, x.cols).loss));
        expect(saved.slice(expected.saved.length)).toEqual(
          [0, 0.5, 2].slice(expected.saved.length).map(() => (outcome === 'stationary' ? last : null)),
        );
      }
    }
  });

  it('is refused where there is none', async () => {
    const [problem] = problems;
    const custom = customProblem('own', dense(2, 2, Float64Array.of(1, 2, 3, 4)), (w) =>
      w.square().sum([1, 2]),
    );
    const told = {
      method: method('dopri5'),
      stop: { saveTimes: [1], steadyTolerance: null, maxSteps: 9 },
      device,
    };
    expect(wayOf(problem!, 2, told)).toEqual({
      path: 'tensor-ops',
      reason: 'cpu has no fused kernel in float32',
    });
    expect(wayOf(problem!, 2, { ...told, kernel: 'tensor-ops' }).reason).toBe(null);
    expect(wayOf(problem!, 2, { ...told, precision: 'float64' })).toEqual({ path: 'fused', reason: null });
    expect(wayOf(custom, 2, told).reason).toBe('cpu has no fused kernel for own');
    for (const [of, choice] of [
      [problem!, { kernel: 'fused' }],
      [problem!, { kernel: 'tensor-ops', precision: 'float64' }],
      [custom, { kernel: 'fused' }],
      [custom, { precision: 'float64' }],
    ] as const)
      expect(() => wayOf(of, 2, { ...told, ...choice })).toThrow(InputError);
  });
});
