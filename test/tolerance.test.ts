/** Relative tolerances down to 1e-12 in float64, against a closed form. */
import { beforeAll, describe, expect, it } from 'vitest';
import { InputError } from '../src/host/inputError.js';
import { method } from '../src/method/methods.js';
import { dense } from '../src/numbers/dense.js';
import { frobeniusFromSpectrum } from '../src/problem/frobenius.js';
import { openDevice, type Device } from '../src/solver/device.js';
import { solve } from '../src/solver/solve.js';
import { memberOf, plain } from './support.js';

let device: Device;

const sigma = 1.3;
const problem = frobeniusFromSpectrum(Float64Array.of(sigma), 1, 1);
const start = 0.2;
const member = memberOf(
  { loraA: dense(1, 1, Float64Array.of(start)), loraB: dense(1, 1, Float64Array.of(start)) },
  plain,
);
/** x = y and w = x^2: w' = 2 w (sigma - w), the logistic equation. */
const exact = (t: number) => sigma / (1 + (sigma / start ** 2 - 1) * Math.exp(-2 * sigma * t));

describe.each(['cpu', 'wasm'] as const)('float64 on %s', (backend) => {
  beforeAll(async () => void (device = await openDevice(backend, { workers: 1 })));

  it.each([
    ['dopri5', 1e-12],
    ['tsit5', 1e-12],
    ['rkc2', 1e-9],
  ] as const)('%s follows the logistic equation the closer, down to rtol %d', async (name, least) => {
    const errors: number[] = [];
    for (const rtol of [1e-6, 1e-3 * Math.sqrt(least), least]) {
      const how = method(name, { rtol, precision: 'float64' });
      const stop = { saveTimes: [2], steadyTolerance: null, maxSteps: 1_000_000 };
      const options = { method: how, stop, chunk: 1, precision: 'float64' } as const;
      const [ended] = await solve({ problem, members: [member] }, { ...options, device }).all();
      expect(ended!.outcome).toBe('end-time');
      const { x, y } = ended!.factors;
      errors.push(Math.abs((x.data[0]! * y.data[0]!) / exact(2) - 1));
    }
    expect(errors[1]).toBeLessThan(errors[0]!);
    expect(errors[2]).toBeLessThan(errors[1]!);
    // Errors of a few dozen steps (rkc2: thousands, of order 2) add up.
    expect(errors[2]).toBeLessThan(name === 'rkc2' ? 1e-6 : 1e-11);
  });
});

describe('a relative tolerance', () => {
  it.each([
    ['float32', 1e-8, 'between 1e-7 and 0.1 in float32 (from 1e-12 with precision float64)'],
    ['float32', 1e-13, 'between 1e-7 and 0.1 in float32'],
    ['float64', 1e-13, 'between 1e-12 and 0.1 in float64'],
    ['float64', 0.2, 'between 1e-12 and 0.1 in float64'],
  ] as const)('in %s of %d is refused', (precision, rtol, allowed) => {
    expect(() => method('dopri5', { rtol, precision })).toThrow(new InputError('rtol', rtol, allowed));
  });

  it('has an absolute one below it', () => {
    expect(method('dopri5', { rtol: 1e-12, precision: 'float64' })).toMatchObject({
      control: { atol: 1e-16 },
    });
    expect(method('dopri5', { rtol: 1e-6, precision: 'float64' })).toMatchObject({ control: { atol: 1e-9 } });
    expect(method('rkc2', { rtol: 1e-12, atol: 0, precision: 'float64' })).toMatchObject({
      control: { atol: 0 },
    });
  });
});
