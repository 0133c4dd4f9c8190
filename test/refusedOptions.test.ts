/** What callers of the library can get wrong, beyond what types hold: each is an InputError, and nothing is computed. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { closeBackends } from '../src/backend/useBackend.js';
import { ensemble, type EnsembleOptions } from '../src/ensemble/ensemble.js';
import { memberAt } from '../src/ensemble/member.js';
import { customInitialization } from '../src/ensemble/initialization.js';
import { InputError } from '../src/host/inputError.js';
import { method } from '../src/method/methods.js';
import { chebyshev } from '../src/method/schemes/chebyshev.js';
import { gradientDescent } from '../src/method/schemes/gradientDescent.js';
import { rungeKutta } from '../src/method/schemes/rungeKutta.js';
import { tableau } from '../src/method/tableau.js';
import { tableaus } from '../src/method/tableaus.js';
import { dense } from '../src/numbers/dense.js';
import { frobeniusFromSpectrum } from '../src/problem/frobenius.js';
import { openDevice, type Device } from '../src/solver/device.js';
import { solve, type SolveOptions } from '../src/solver/solve.js';

let device: Device;
beforeAll(async () => void (device = await openDevice('cpu', { workers: 1 })));
afterAll(closeBackends);

const problem = frobeniusFromSpectrum(Float64Array.of(2, 1), 3, 2);
const one = ensemble({ problem, ranks: [1] });
const rk4 = rungeKutta(tableaus.rk4);
const dopri5 = rungeKutta(tableaus.dopri5);
const solved = (options: object) =>
  solve(one, {
    ...{ method: method('dopri5'), stop: { saveTimes: [1] }, device },
    ...options,
  } as SolveOptions).all();

describe('the solver', () => {
  it.each([
    ['chunk', { chunk: 0 }],
    ['chunk', { chunk: -1 }],
    ['chunk', { chunk: NaN }],
    ['kernel', { kernel: 'zzz' }],
    ['detail', { detail: 'zzz' }],
    ['precision', { precision: 'float16' }],
    ['steadyTolerance', { stop: { saveTimes: [1], steadyTolerance: NaN } }],
    ['steadyTolerance', { stop: { saveTimes: [1], steadyTolerance: -1 } }],
    ['maxSteps', { stop: { saveTimes: [1], maxSteps: 0 } }],
    ['step', { method: { scheme: rk4, control: { kind: 'fixed', step: NaN } } }],
    ['step', { method: { scheme: rk4, control: { kind: 'fixed', step: -1 } } }],
    ['rtol', { method: { scheme: dopri5, control: { kind: 'error', rtol: NaN, atol: 0 } } }],
    ['rtol', { method: { scheme: dopri5, control: { kind: 'error', rtol: 0, atol: 0 } } }],
    ['control', { method: { scheme: dopri5, control: { kind: 'errr' } } }],
    ['control', { method: { scheme: dopri5, control: {} } }],
  ])('refuses %s: %o', async (field, options) => {
    await expect(solved(options)).rejects.toThrow(`invalid ${field}:`);
    await expect(solved(options)).rejects.toThrow(InputError);
  });

  it('gives its trajectories once', async () => {
    const solution = solve(one, { method: method('dopri5'), stop: { saveTimes: [1] }, device });
    expect(await solution.all()).toHaveLength(1);
    await expect(solution.all()).rejects.toThrow('computed once');
    await expect(solution[Symbol.asyncIterator]().next()).rejects.toThrow('computed once');
  });

  it('computes nothing on a device that is closed', async () => {
    const closed = await openDevice('cpu', { workers: 1 });
    await closed.close();
    await expect(solved({ device: closed })).rejects.toThrow('closed');
  });
});

describe('methods', () => {
  it.each([1, 0, 2.5, 101, NaN])('have no Chebyshev steps of %d stages', (stages) => {
    expect(() => chebyshev(stages)).toThrow('invalid mostStages');
  });

  it('have no other order of update', () => {
    expect(() => gradientDescent('x' as 'simultaneous')).toThrow('invalid order: x');
  });

  it('have no pair without an error to estimate', () => {
    const { order, a, b } = tableaus.dopri5;
    expect(() => tableau({ order, a, b, embedded: { order, b } })).toThrow('invalid embedded');
  });
});

describe('an ensemble', () => {
  it.each([
    ['ranks', { ranks: [] }],
    ['scaling', { scaling: 'zzz' }],
    ['seed', { seed: NaN }],
    ['seed', { seed: 1.5 }],
    ['seed', { seed: -1 }],
    ['trials', { trials: 0 }],
  ])('refuses %s: %o', (field, options) => {
    expect(() => ensemble({ problem, ranks: [1], ...options } as EnsembleOptions)).toThrow(
      `invalid ${field}:`,
    );
  });

  it.each([
    ['[1, 3]', { loraA: dense(1, 3), loraB: dense(3, 1) }],
    ['[2, 2]', { loraA: dense(2, 2), loraB: dense(3, 2) }],
    ['nothing', { A: dense(1, 2), B: dense(3, 1) }],
  ])('refuses a draw of other shapes: %s', async (shape, adapter) => {
    const initialization = customInitialization('mine', () => adapter as never);
    const wrong = ensemble({ problem, ranks: [1], initialization });
    const solution = solve(wrong, { method: method('dopri5'), stop: { saveTimes: [1] }, device });
    await expect(solution.all()).rejects.toThrow(`invalid initialization mine: loraA ${shape}`);
  });
});

describe('a member', () => {
  it('refuses factors of other shapes', async () => {
    const plain = { scale: 1, lrRatioA: 1, lrRatioB: 1 };
    const options = { method: method('dopri5'), stop: { saveTimes: [1] }, device };
    for (const start of [
      { x: dense(2, 1), y: dense(2, 1) },
      { x: dense(3, 1), y: dense(2, 2) },
    ])
      await expect(solve({ problem, members: [memberAt(start, plain)] }, options).all()).rejects.toThrow(
        'must be X [3, 1], Y [2, 1]',
      );
  });
});

describe('a device', () => {
  it.each([0, 1.5, NaN])('has not %d workers', async (workers) => {
    await expect(openDevice('cpu', { workers })).rejects.toThrow('invalid workers');
  });

  it('may be opened, and used, while another one waits for what hears of its save times', async () => {
    const heard: number[] = [];
    const stop = { saveTimes: [0.5, 1] };
    const small = { method: method('dopri5'), stop, kernel: 'tensor-ops', device } as const;
    const [alone] = await solve(one, small).all();
    const watch = async () => {
      const wasm = await openDevice('wasm', { workers: 1 });
      const [inner] = await solve(one, { ...small, device: wasm }).all();
      heard.push(inner!.last.loss);
      await wasm.close();
    };
    const [outer] = await solve(one, { ...small, watch }).all();
    expect(heard).toHaveLength(2);
    expect(outer!.last).toEqual(alone!.last);
  });
});
