/** Problems of every loss at scales that float32 cannot follow are refused by name; those within take the same paths. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { norm } from '../src/numbers/norm.js';
import { sweep } from '../src/run/sweep.js';

const folder = mkdtempSync(join(tmpdir(), 'rankflow-scale-'));
afterAll(() => rmSync(folder, { recursive: true }));

const stored = (name: string, text: string) => {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
};
const diagonal = (name: string, k: number) => stored(name, `${k},0,0\n0,${k / 2},0\n0,0,${k / 4}\n`);
const common = { ranks: [1, 2], trials: 2, backend: 'wasm' as const, workers: 1 };

describe('a scale outside the range is refused, with what to do', () => {
  const regression = { ...common, loss: ['linear-regression'] };
  const trace = { ...common, loss: ['trace-squared'] };
  const gradient = (k: number) =>
    stored(`loss${k}.js`, `export default (w) => w.square().sum([1, 2]).add(w.sum([1, 2])).mul(${k});`);
  it.each([
    ['a spectrum that underflows', { ...common, spectrum: [1e-30], shape: ['4x4'] }, 'spectrum', '1e30'],
    ['subnormal singular values', { ...common, spectrum: [4e-320], shape: ['4x4'] }, 'spectrum', '1e319'],
    ['singular values in 1e15', { ...common, spectrum: [1e15, 1], shape: ['4x4'] }, 'spectrum', '1e-15'],
    ['a target in 1e15', { ...common, target: diagonal('large.csv', 1e15) }, 'target', '1e-15'],
    ['a target in 1e300', { ...common, target: diagonal('huge.csv', 1e300) }, 'target', '1e-300'],
    ['a target below float32', { ...common, target: diagonal('sub.csv', 1e-42) }, 'target', '1e42'],
    [
      'a difference of large matrices',
      { ...common, target: diagonal('t.csv', 1e14), base: diagonal('b.csv', 2e14) },
      'target',
      '1e-14',
    ],
    ['a large trace', { ...trace, base: diagonal('trace.csv', 1e14) }, 'base', '1e-14'],
    ['a small trace', { ...trace, spectrum: [1e-13], shape: ['4x4'] }, 'spectrum', '1e13'],
    [
      'a small covariance',
      { ...regression, target: diagonal('one.csv', 1), covariance: diagonal('h.csv', 1e-20) },
      'covariance',
      '1e20',
    ],
    [
      'a large covariance',
      { ...regression, target: diagonal('one.csv', 1), covariance: diagonal('h2.csv', 1e20) },
      'covariance',
      '1e-20',
    ],
    [
      'a product of the two that is too large',
      { ...regression, target: diagonal('e.csv', 1e8), covariance: diagonal('h3.csv', 1e8) },
      'covariance',
      '1e-16',
    ],
    ['gradients of 1e30', { ...common, loss: [gradient(1e30)], shape: ['3x3'] }, 'loss', '1e-30'],
    ['gradients of 1e-20', { ...common, loss: [gradient(1e-20)], shape: ['3x3'] }, 'loss', '1e20'],
  ])('%s', async (_, config, field, factor) => {
    await expect(sweep(config)).rejects.toMatchObject({
      name: 'InputError',
      field,
      message: expect.stringMatching(`must be from 1e-10 to 1e10, .*; multiply it by k = ${factor}:`),
    });
  });

  it.each([{ alpha: 1e20 }, { alpha: 1e-30 }, { lrRatioA: 1e-30 }, { lrRatioB: 1e30 }])(
    'the scale of the adapter, %o',
    async (over) => {
      await expect(sweep({ ...common, spectrum: [1], shape: ['4x4'], ...over })).rejects.toThrow(
        /invalid scale: s = .* such that s sqrt\(kA kB\) is from 1e-10 to 1e10/,
      );
    },
  );
});

describe('a scale within the range', () => {
  // Starts scaled as the flow's symmetry asks: the relative error is that of order 1, to the tolerance of the steps.
  it.each(['wasm', 'cpu'] as const)('has the relative errors of order one, on %s', async (backend) => {
    const errorsAt = async (k: number) => {
      const spectrum = [1, 0.7, 0.5, 0.3].map((sigma) => sigma * k);
      const init = [`small:${0.1 * Math.sqrt(k)}`];
      const cells = await sweep({ ...common, backend, spectrum, shape: ['4x4'], init });
      expect(cells.map(({ outcomes }) => outcomes.stationary)).toEqual([2, 2]);
      return cells.map(({ accuracy }) => accuracy.mean);
    };
    const one = await errorsAt(1);
    for (const k of [2e-10, 1e-4, 1e5, 5e9])
      (await errorsAt(k)).forEach((error, i) => expect(error / one[i]!).toBeCloseTo(1, 3));
  });

  it('may have singular values that underflow beside the first', async () => {
    const [one, two] = await sweep({ ...common, spectrum: [1, 1e-300], shape: ['4x4'] });
    expect(one!.accuracy.mean).toBeLessThan(1e-3);
    expect(two!.accuracy.mean).toBeLessThan(1e-3);
  });

  it('or a trace of zero', async () => {
    const cells = await sweep({ ...common, loss: ['trace-squared'], base: diagonal('zero.csv', 0) });
    expect(cells.map(({ outcomes }) => outcomes.stationary)).toEqual([2, 2]);
  });
});

it('the norm of entries neither overflows nor underflows before it has to', () => {
  expect(norm(Float64Array.of(3e200, -4e200)) / 5e200).toBeCloseTo(1, 12);
  expect(norm(Float64Array.of(3e-200, -4e-200)) / 5e-200).toBeCloseTo(1, 12);
  expect(norm(Float64Array.of(0, 0))).toBe(0);
});
