/**
 * Runge-Kutta tableaus: their order conditions against the list of Butcher's trees written out, their measured orders;
 * and tableaus of a user, which are refused where they are wrong and run on every side where they are right.
 */
import { beforeAll, describe, expect, it } from 'vitest';
import { evaluator } from '../kernels/cpu/evaluate.js';
import { answered, fieldOf } from '../kernels/cpu/field.js';
import { twin } from '../kernels/cpu/twin.js';
import { MOST_TABLEAU_STAGES } from '../kernels/wasm/layout.js';
import { methodTable } from '../kernels/wasm/schemes.js';
import { InputError } from '../src/host/inputError.js';
import type { Method } from '../src/method/method.js';
import { orderResiduals, rootedTrees } from '../src/method/orderConditions.js';
import { rungeKutta } from '../src/method/schemes/rungeKutta.js';
import { chebyshev } from '../src/method/schemes/chebyshev.js';
import { tableau as makeTableau, type TableauCoefficients, type Tableau } from '../src/method/tableau.js';
import { tableaus } from '../src/method/tableaus.js';
import { frobeniusFromSpectrum } from '../src/problem/frobenius.js';
import { wayOf } from '../src/solver/path.js';
import { openDevice, type Device } from '../src/solver/device.js';
import { solve } from '../src/solver/solve.js';
import { flow64, gaussian, integrate64, memberOf, norm, plain, relativeError, inOne } from './support.js';

const named = Object.entries(tableaus) as [string, Tableau][];

/** A nonlinear problem in two dimensions, autonomous as flows are. */
const field = ([y = 0, x = 0]: Float64Array) =>
  Float64Array.of(1 - y * y * x - Math.sin(y), y * x - x * x * x + 0.5 * Math.cos(y));
const start = Float64Array.of(1, 0.2);
/** Its end at time 3, by Kutta's method at steps far below all measured ones: to rounding. */
const kutta = { a: [[], [1 / 2], [0, 1 / 2], [0, 0, 1]], b: [1 / 6, 1 / 3, 1 / 3, 1 / 6] };
const reference = integrate64(kutta, field, start, 3, 20_000);

const worst = (values: readonly number[]) => Math.max(...values.map(Math.abs));

describe.each(named)('%s', (_name, tableau) => {
  // Sums of at most seven terms of size up to 15.
  const rounding = 1e-13;
  const { order, a, b, embedded } = tableau;

  it('fulfils the conditions of its order, and not those of the next', () => {
    expect(worst(orderResiduals(a, b, order))).toBeLessThan(rounding);
    // Those of the best of order 5 and 6 are small, which is why they are the best.
    if (order < 8) expect(worst(orderResiduals(a, b, order + 1))).toBeGreaterThan(order < 5 ? 1e-3 : 1e-4);
    expect(orderResiduals(a, b, order)).toHaveLength([0, 1, 2, 4, 8, 17, 37, 85, 200][order]!);
  });

  it.runIf(embedded)('has embedded solutions of lower orders, and no higher', () => {
    const solutions = [embedded!, ...(embedded!.low ? [embedded!.low] : [])];
    expect(solutions.map((each) => each.order)).toEqual(order === 8 ? [5, 3] : [order - 1]);
    for (const each of solutions) {
      expect(worst(orderResiduals(a, each.b, each.order))).toBeLessThan(rounding);
      expect(worst(orderResiduals(a, each.b, each.order + 1))).toBeGreaterThan(1e-4);
    }
  });

  it('is strictly lower triangular and consistent', () => {
    expect(a.map((row) => row.length)).toEqual(b.map((_, i) => i));
    expect(tableau.sharesLast).toBe(embedded !== undefined);
  });

  it('does not pass with one digit changed anywhere', () => {
    expect(() => makeTableau(tableau)).not.toThrow();
    // A later stage's coefficients matter only as far as its weight is not zero, which all are in one of the solutions
    // but for the last stage of dop853, whose row has to be b.
    const change = (row: readonly number[], at: number) =>
      row.map((value, j) => (j === at ? value + 1e-5 : value));
    a.forEach((row, i) =>
      row.forEach((_, j) => {
        const changed = { ...tableau, a: a.map((other, k) => (k === i ? change(other, j) : other)) };
        expect(() => makeTableau(changed), `a[${i}][${j}]`).toThrow(/order condition|first-same-as-last/);
      }),
    );
    b.forEach((_, j) => {
      expect(() => makeTableau({ ...tableau, b: change(b, j) }), `b[${j}]`).toThrow(/order condition/);
      if (!embedded) return;
      const changed = { ...tableau, embedded: { ...embedded, b: change(embedded.b, j) } };
      expect(() => makeTableau(changed), `embedded b[${j}]`).toThrow(/order condition/);
      const { low } = embedded;
      if (!low) return;
      const lowChanged = { ...tableau, embedded: { ...embedded, low: { ...low, b: change(low.b, j) } } };
      expect(() => makeTableau(lowChanged), `low b[${j}]`).toThrow(/order condition/);
    });
    if (order < 5) expect(() => makeTableau({ ...tableau, order: order + 1 })).toThrow();
  });

  /**
   * The slope of log error against log step on a nonlinear problem, where steps go to zero: it is off in proportion to
   * them, by the next order.
   */
  const measuredOrder = (weights: readonly number[], expected: number) => {
    const steps = expected < 5 ? 128 : order < 8 && expected < 6 ? 32 : 16;
    const error = (count: number) => {
      const end = integrate64({ a, b: weights }, field, start, 3, count);
      return norm(end.map((value, i) => value - reference[i]!));
    };
    const slope = (count: number) => Math.log2(error(count) / error(2 * count));
    // Of order 8 the errors of more steps are rounding.
    return expected < 8 ? 2 * slope(2 * steps) - slope(steps) : slope(8);
  };

  it('converges at its order in float64', () => {
    expect(Math.abs(measuredOrder(b, order) - order)).toBeLessThan(order < 8 ? 0.1 : 0.3);
    // With the weights of Euler's method for the same stages it is of order one.
    const euler = b.map((_, i) => (i === 0 ? 1 : 0));
    expect(Math.abs(measuredOrder(euler, 1) - 1)).toBeLessThan(0.1);
  });

  it.runIf(embedded)('converges at the lower order with the embedded weights', () => {
    expect(Math.abs(measuredOrder(embedded!.b, embedded!.order) - embedded!.order)).toBeLessThan(0.1);
  });
});

it('tsit5 errs less than dopri5 in equal steps', () => {
  const error = (tableau: Tableau) =>
    norm(integrate64(tableau, field, start, 3, 32).map((value, i) => value - reference[i]!));
  expect(error(tableaus.tsit5)).toBeLessThan(0.5 * error(tableaus.dopri5));
});

/** Residuals up to order 5 as they are written out in Hairer, Norsett, Wanner I, table II.2.2. */
function writtenOut({ a, b }: Pick<TableauCoefficients, 'a' | 'b'>): number[] {
  const apply = (v: readonly number[]) => a.map((row) => row.reduce((sum, aij, j) => sum + aij * v[j]!, 0));
  const times = (...vs: (readonly number[])[]) => b.map((_, i) => vs.reduce((all, v) => all * v[i]!, 1));
  const c = apply(b.map(() => 1));
  const ac = apply(c);
  const acc = apply(times(c, c));
  const aac = apply(ac);
  const trees: [readonly number[], number][] = [
    [times(), 1],
    [c, 1 / 2],
    [times(c, c), 1 / 3],
    [ac, 1 / 6],
    [times(c, c, c), 1 / 4],
    [times(c, ac), 1 / 8],
    [acc, 1 / 12],
    [aac, 1 / 24],
    [times(c, c, c, c), 1 / 5],
    [times(c, c, ac), 1 / 10],
    [times(ac, ac), 1 / 20],
    [times(c, acc), 1 / 15],
    [times(c, aac), 1 / 30],
    [apply(times(c, c, c)), 1 / 20],
    [apply(times(c, ac)), 1 / 40],
    [apply(acc), 1 / 60],
    [apply(aac), 1 / 120],
  ];
  return trees.map(([weight, expected]) => b.reduce((sum, bi, i) => sum + bi * weight[i]!, 0) - expected);
}

describe('order conditions', () => {
  it('are one for each rooted tree', () => {
    const counts = Array.from({ length: 8 }, (_, i) => rootedTrees(i + 1).length - rootedTrees(i).length);
    expect(counts).toEqual([1, 1, 2, 4, 9, 20, 48, 115]);
  });

  it('are those that are written out, of any coefficients', () => {
    for (let seed = 0; seed < 5; seed++) {
      const { data } = gaussian(6, 6, seed, 0.5);
      const a = Array.from({ length: 6 }, (_, i) => Array.from(data.subarray(6 * i, 7 * i)));
      const b = Array.from(data.subarray(30));
      const sorted = (values: readonly number[]) => [...values].sort((one, other) => one - other);
      const expected = sorted(writtenOut({ a, b }));
      sorted(orderResiduals(a, b, 5)).forEach((value, i) => expect(value).toBeCloseTo(expected[i]!, 14));
    }
  });
});

/** Heun's method, of order 2. */
const heun: TableauCoefficients = { order: 2, a: [[], [1]], b: [1 / 2, 1 / 2] };

describe('a tableau of a user', () => {
  const { order, a, b, embedded } = tableaus.bosh3;

  it.each<[string, TableauCoefficients, string]>([
    [
      'with a row too few',
      { order, a: a.slice(1), b },
      'invalid a: 3 rows; must be one row for each of the 4',
    ],
    ['without stages', { order: 1, a: [], b: [] }, 'invalid a: 0 rows'],
    ['with a row too long', { ...heun, a: [[], [1, 0]] }, 'invalid a[1]: [1, 0]; must be 1 finite numbers'],
    ['with a number that is none', { ...heun, a: [[], [NaN]] }, 'invalid a[1]: [NaN]'],
    ['of order 0', { ...heun, order: 0 }, 'invalid order: 0; must be a whole number from 1 to'],
    ['of a higher order than it has', { ...heun, order: 3 }, 'must be of the order 3 that it claims'],
    [
      'with as many embedded weights as it has not',
      { order, a, b, embedded: { order: 2, b: [1] } },
      'invalid embedded.b: [1]; must be 4 finite numbers',
    ],
    [
      'with an embedded solution of a higher order than it has',
      { order, a, b, embedded: { order: 3, b: embedded!.b } },
      'invalid embedded: ',
    ],
    [
      'that is a pair, but not first-same-as-last',
      { ...heun, embedded: { order: 1, b: [1, 0] } },
      'first-same-as-last',
    ],
    [
      'that is a pair whose last row is not b',
      { order: 1, a: [[], [1], [1 / 2, 0]], b: [0, 1, 0], embedded: { order: 1, b: [1, 0, 0] } },
      'first-same-as-last',
    ],
  ])('%s is refused when it is made', (_what, coefficients, message) => {
    expect(() => makeTableau(coefficients)).toThrow(InputError);
    expect(() => makeTableau(coefficients)).toThrow(message);
  });

  it('says what follows from its coefficients', () => {
    expect(makeTableau(heun)).toEqual({
      ...heun,
      ...{ sharesLast: false, errorWeights: null, lowErrorWeights: null },
    });
    const { errorWeights, sharesLast } = makeTableau({ order, a, b, embedded: embedded! });
    expect(sharesLast).toBe(true);
    expect(errorWeights).toEqual([2 / 9 - 7 / 24, 1 / 3 - 1 / 4, 4 / 9 - 1 / 3, -1 / 8]);
  });
});

const [n, m, r] = [5, 4, 2];
const problem = frobeniusFromSpectrum(Float64Array.of(1.3, 0.9, 0.4, 0.2), n, m);
const adapter = { loraA: gaussian(r, m, 3, 0.4), loraB: gaussian(n, r, 4, 0.4) };
const stop = { saveTimes: [0.5, 1], steadyTolerance: null, maxSteps: 1000 };
const structure = { kind: 'diagonal', sigma: Float64Array.of(1.3, 0.9, 0.4, 0.2) } as const;
let device: Device;
const solved = (method: Method, rest: object = {}) =>
  solve({ problem, members: [memberOf(adapter, plain)] }, { method, stop, device, ...rest }).all();

describe.each<[string, Method, string]>([
  [
    'control by error without an estimate',
    { scheme: rungeKutta(makeTableau(heun)), control: { kind: 'error', rtol: 1e-4, atol: 1e-9 } },
    'embedded weights',
  ],
  [
    'fixed steps of a scheme that chooses its stages',
    { scheme: chebyshev(10), control: { kind: 'fixed', step: 0.1 } },
    'by error',
  ],
])('%s', (_what, method, allowed) => {
  it('is refused by name on every path', async () => {
    device = await openDevice('cpu', { workers: 1 });
    for (const choice of [{}, { kernel: 'fused', precision: 'float64' }, { kernel: 'tensor-ops' }]) {
      const refused = solved(method, choice);
      await expect(refused).rejects.toThrow(InputError);
      await expect(refused).rejects.toThrow(allowed);
    }
    const state = [Float64Array.of(1), Float64Array.of(1)];
    expect(() => answered(twin(state, 1, method, stop), (states) => states)).toThrow(allowed);
    expect(() => methodTable(method)).toThrow(allowed);
  });
});

describe.each(['cpu', 'wasm'] as const)('fixed steps of a tableau of a user on %s', (backend) => {
  beforeAll(async () => void (device = await openDevice(backend, { workers: 1 })));
  const methodOf = (tableau: Tableau): Method => ({
    scheme: rungeKutta(tableau),
    control: { kind: 'fixed', step: 0.05 },
  });
  const start = { x: adapter.loraB, y: gaussian(m, r, 0) };
  for (let i = 0; i < m; i++)
    for (let j = 0; j < r; j++) start.y.data[i * r + j] = adapter.loraA.data[j * m + i]!;
  const bothPaths = [
    [{ kernel: 'tensor-ops' }, 1e-6],
    [{ kernel: 'fused', precision: 'float64' }, 1e-12],
  ] as const;

  it('whose last stage is not the next first is right', async () => {
    const tableau = makeTableau(heun);
    const expected = flow64(tableau, structure, start, 1, 20);
    for (const [choice, tolerance] of bothPaths) {
      const [ending] = await solved(methodOf(tableau), choice);
      expect(ending!.evaluations).toBe(40);
      expect(relativeError(ending!.factors.x.data, expected.x.data)).toBeLessThan(tolerance);
      expect(relativeError(ending!.factors.y.data, expected.y.data)).toBeLessThan(tolerance);
    }
    const field = fieldOf(evaluator(structure), r);
    const { state } = answered(twin([start.x.data, start.y.data], 1, methodOf(tableau), stop), field);
    expect(relativeError(state[0]!, expected.x.data)).toBeLessThan(1e-12);
  });

  it('of as many stages as a kernel holds is right', async () => {
    const tableau = inOne(3, tableaus.rk4);
    expect(tableau.b).toHaveLength(MOST_TABLEAU_STAGES - 1);
    const expected = flow64(tableaus.rk4, structure, start, 1, 60);
    for (const [choice, tolerance] of bothPaths) {
      const [ending] = await solved(methodOf(tableau), choice);
      expect(relativeError(ending!.factors.x.data, expected.x.data)).toBeLessThan(tolerance);
    }
  });

  it('of more stages than a kernel holds is right, and the obstacle is named', async () => {
    const tableau = inOne(4, tableaus.rk4);
    expect(tableau.b.length).toBeGreaterThan(MOST_TABLEAU_STAGES);
    const method = methodOf(tableau);
    const { path, reason } = wayOf(problem, r, { method, stop, precision: 'float32', device });
    expect(path).toBe('tensor-ops');
    if (backend === 'wasm') {
      expect(reason).toContain(`more than ${MOST_TABLEAU_STAGES} stages`);
      expect(() => wayOf(problem, r, { method, stop, kernel: 'fused', device })).toThrow(InputError);
    }
    const expected = flow64(tableaus.rk4, structure, start, 1, 80);
    const [ending] = await solved(method, { kernel: 'tensor-ops' });
    expect(relativeError(ending!.factors.x.data, expected.x.data)).toBeLessThan(1e-6);
  });
});
