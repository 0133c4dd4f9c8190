/** The run as a whole: which checks on which backends, what fails, and losses that a module exports. */
import { writeFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as tf from '@tensorflow/tfjs';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { closeBackends } from '../../src/backend/useBackend.js';
import { InputError } from '../../src/host/inputError.js';
import { atMost, type Check, type Finding } from '../../src/verify/check.js';
import type { VerifyInput } from '../../src/verify/config.js';
import { checks, judge, verify } from '../../src/verify/verify.js';
import { contextOn } from './support.js';

afterEach(closeBackends);

const work = mkdtempSync(join(tmpdir(), 'rankflow-verify-'));
afterAll(() => rmSync(work, { recursive: true }));

const fixture = (name: string) => fileURLToPath(new URL(`../fixtures/losses/${name}.ts`, import.meta.url));

/** A module with that text, under a name of its own. */
function moduleOf(name: string, text: string): string {
  const file = join(work, `${name}.ts`);
  writeFileSync(file, text);
  return file;
}

const idsOf = (findings: readonly Finding[]) => findings.map(({ id }) => id);

describe('verify', () => {
  it('makes every check on one backend, the same for the same seed, and leaves no tensor', async () => {
    const tensors = tf.memory().numTensors;
    const seen: string[] = [];
    let total = 0;
    const once = await verify(
      { backend: 'cpu', only: ['flow'], seed: 3 },
      { start: (all) => (total = all), finding: ({ id }, done) => (seen[done - 1] = id) },
    );
    expect(idsOf(once.findings)).toEqual(checks.map(({ id }) => id).filter((id) => id.startsWith('flow/')));
    expect(seen).toEqual(idsOf(once.findings));
    expect(total).toBe(seen.length);
    expect(once.findings.filter(({ pass }) => !pass)).toEqual([]);
    expect(once.provenance).toMatchObject({ backend: 'cpu', seed: 3, config: { size: 'small' } });
    expect((await verify({ backend: 'cpu', only: ['flow'], seed: 3 })).findings).toEqual(once.findings);
    const other = await verify({ backend: 'cpu', only: ['flow'], seed: 4 });
    expect(other.findings.map(({ measured }) => measured)).not.toEqual(
      once.findings.map(({ measured }) => measured),
    );
    expect(tf.memory().numTensors).toBe(tensors);
  });

  it('takes groups and single checks, in their own order', async () => {
    const { findings } = await verify({ backend: 'cpu', only: ['flow/loss-float64', 'flow/autodiff'] });
    expect(idsOf(findings)).toEqual(['flow/autodiff', 'flow/loss-float64']);
  });

  it.each<[string, VerifyInput, RegExp]>([
    ['a group', { only: ['nope'] }, /invalid only: nope; must be one of flow, .*flow\/autodiff/],
    ['a part of a name', { only: ['flow', 'flow/auto'] }, /invalid only: flow\/auto;/],
    ['an empty name', { only: [''] }, /invalid only: "";/],
    ['a seed', { seed: -1 }, /invalid seed: -1; must be at least 0/],
    ['a fraction', { seed: 0.5 }, /invalid seed: 0.5; must be a whole number/],
    ['a seed of more than 53 bits', { seed: 2 ** 53 }, /invalid seed: 9007199254740992;/],
    ['a size', { size: 'huge' as 'small' }, /invalid size: huge; must be one of small, paper, large/],
    ['a backend', { backend: 'gpu' as 'cpu' }, /invalid backend: gpu; must be one of auto, all, /],
    [
      'a backend that is absent',
      { backend: 'webgl' },
      /invalid backend: webgl; must be a backend that works/,
    ],
    ['a shape without a loss', { shape: '3x2' }, /invalid shape: 3x2; must be left out/],
  ])('refuses %s', async (_, input, message) => {
    const attempt = verify(input);
    await expect(attempt).rejects.toThrow(InputError);
    await expect(attempt).rejects.toThrow(message);
  });
});

describe('judge', () => {
  const check = (measured: number, more: Partial<Check> = {}): Check => ({
    ...{ id: 'test/one', claim: 'a claim', source: 'here', on: 'backend' },
    measure: async () => ({ measured, allowed: atMost(1, 'so'), where: 'everywhere' }),
    ...more,
  });

  it('lets pass what is within its bounds', async () => {
    const context = await contextOn('cpu');
    const verdicts: boolean[] = [];
    for (const value of [0, 1, 1.001, -1e-9, NaN, Infinity])
      verdicts.push((await judge(check(value), context)).pass);
    expect(verdicts).toEqual([true, true, false, false, false, false]);
  });

  it('fails a check that throws, and clears away what it left', async () => {
    const context = await contextOn('cpu');
    const before = tf.memory().numTensors;
    const thrower = check(0, {
      measure() {
        tf.ones([3]);
        throw new Error('no luck');
      },
    });
    const found = await judge(thrower, context);
    expect(found).toMatchObject({ pass: false, measured: NaN, where: 'it failed: no luck' });
    expect(tf.memory().numTensors).toBe(before);
  });

  it('fails a check on a device that refused work, but not one on the host', async () => {
    const context = await contextOn('cpu');
    const backend = { ...context.backend, check: () => Promise.reject(new Error('lost')) };
    expect(await judge(check(0), { ...context, backend })).toMatchObject({
      ...{ pass: false, backend: 'cpu', where: 'it failed: lost' },
    });
    expect(await judge(check(0, { on: 'host' }), { ...context, backend })).toMatchObject({
      ...{ pass: true, backend: 'host' },
    });
  });

  it('fails a check whose loss throws', async () => {
    const context = await contextOn('cpu');
    const measure = () => Promise.reject(new InputError('loss', 'x', 'y'));
    expect(await judge(check(0, { measure }), context)).toMatchObject({ pass: false, measured: NaN });
  });
});

describe('a loss of the user', () => {
  const own = (loss: string, input: VerifyInput = {}) => verify({ backend: 'wasm', loss, ...input });
  const passing = (findings: readonly Finding[]) => findings.filter(({ pass }) => pass).map(({ id }) => id);

  it('fails, saying why, where it follows a loss whose gradient is zero at W0', async () => {
    const flat = moduleOf('flat', 'export default (w, tf) => tf.sum(tf.square(w), [1, 2]);');
    const { findings } = await own(flat, { only: ['flow/autodiff', 'invariants/conservation'] });
    expect(findings.map(({ pass }) => pass)).toEqual([true, false]);
    expect(findings[1]!.where).toContain('choose another base');
  });

  it('has a wrong gradient found out, and differences in float32 without a float64 form', async () => {
    const { findings } = await own(fixture('wrongGradient'), { only: ['flow'] });
    const wrong = findings.find(({ id }) => id === 'flow/own-gradient');
    expect(wrong).toMatchObject({ pass: false, measured: expect.closeTo(1e-3, 5) });
    expect(passing(findings)).toEqual(idsOf(findings).filter((id) => id !== 'flow/own-gradient'));
    const differences = findings.find(({ id }) => id === 'flow/differences')!;
    expect(differences.allowed.reason).toContain('exports no float64');
    expect(differences.allowed.to).toBeGreaterThan(1e-5);
    expect(differences.allowed.to).toBeLessThan(5e-3);
  });

  it('has a gradient that is not of the loss found out, by float64 or float32', async () => {
    const custom = (factor: number) =>
      `import type * as T from '@tensorflow/tfjs';
       export default (w: T.Tensor3D, tf: typeof T) =>
         tf.customGrad((x, save) => {
           (save as T.GradSaveFunc)([x as T.Tensor]);
           return {
             value: tf.sum(tf.square(x as T.Tensor3D), [1, 2]).mul(0.5),
             gradFunc: (dy, [z]) => tf.mul(tf.mul(z, ${factor}), (dy as T.Tensor).reshape([-1, 1, 1])),
           };
         })(w);`;
    const float64 = 'export const float64 = (w: Float64Array) => w.reduce((sum, x) => sum + x * x, 0) / 2;';
    for (const [name, more] of [
      ['float64', float64],
      ['float32', ''],
    ] as const)
      for (const factor of [1, 1.02]) {
        const file = moduleOf(`${name}-${String(factor).replace('.', '-')}`, custom(factor) + more);
        const { findings } = await own(file, { only: ['flow/autodiff-differences'] });
        expect(findings[0]?.pass, file).toBe(factor === 1);
      }
  });

  const plain = 'export default (w, tf) => tf.sum(tf.square(w), [1, 2]);';
  it.each<[string, string, RegExp]>([
    [
      'a gradient that is no function',
      `${plain} export const gradient = 3;`,
      /whose gradient export is a function/,
    ],
    [
      'a float64 that is no function',
      `${plain} export const float64 = 3;`,
      /whose float64 export is a function/,
    ],
    [
      'a gradient of another shape',
      `${plain} export const gradient = (w, tf) => tf.sum(w, 2);`,
      /\[2,6,5\] to \[2,6\]/,
    ],
    [
      'a gradient that throws',
      `${plain} export const gradient = () => { throw new Error('x') };`,
      /gradient does not throw/,
    ],
    ['a float64 that is not finite', `${plain} export const float64 = () => NaN;`, /float64 gives NaN at W0/],
    [
      'a float64Gradient without float64',
      `${plain} export const float64Gradient = (w) => w;`,
      /exports float64 beside float64Gradient/,
    ],
    [
      'a float64Gradient of another size',
      `${plain} export const float64 = () => 1; export const float64Gradient = (w) => w.slice(1);`,
      /float64Gradient has 29 entries; must be 30, row-major/,
    ],
    ['no default', 'export const gradient = () => 1;', /default export is a function/],
  ])('refuses %s', async (name, text, message) => {
    const attempt = own(moduleOf(name.replaceAll(' ', '-'), text));
    await expect(attempt).rejects.toThrow(InputError);
    await expect(attempt).rejects.toThrow(message);
  });

  it('refuses a file that is not there, a shape too large, and one that the base lacks', async () => {
    await expect(own('nope.ts')).rejects.toThrow('invalid loss: nope.ts; must be a .ts or .js file');
    await expect(own(fixture('logCosh'), { shape: '65x64' })).rejects.toThrow('n m at most 4096');
    const base = join(work, 'other.csv');
    writeFileSync(base, '1,2\n');
    await expect(own(fixture('logCosh'), { shape: '2x2', base })).rejects.toThrow('that of the matrix, 1x2');
  });
});
