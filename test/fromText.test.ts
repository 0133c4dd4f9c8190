/** Lists on the command line: given more than once, with repeats, and with commas in names of files. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { useBackend } from '../src/backend/useBackend.js';
import { checkConfig } from '../src/input/checkConfig.js';
import { simulationSchema } from '../src/simulation/config.js';
import { sweepSchema, type SweepInput } from '../src/sweep/config.js';
import { configFromText, listFlags } from '../src/input/fromText.js';
import { makePlan } from '../src/sweep/plan.js';

const folder = mkdtempSync(join(tmpdir(), 'rankflow-lists-'));
afterAll(() => rmSync(folder, { recursive: true }));

const told = (given: Record<string, unknown>) => configFromText(sweepSchema, given);

describe('a list', () => {
  it('may be given more than once', () => {
    expect(listFlags(sweepSchema)).toEqual([
      'loss',
      'spectrum',
      'shape',
      'ranks',
      'init',
      'scaling',
      'flow',
      'observe',
      'save-times',
    ]);
    expect(
      told({
        ranks: ['1,2', '4'],
        init: ['kaiming', 'gaussian:0.1,small'],
        spectrum: ['3,2', '1'],
        'save-times': ['1', '2'],
      }),
    ).toEqual({
      ranks: [1, 2, 4],
      init: ['kaiming', 'gaussian:0.1', 'small'],
      spectrum: [3, 2, 1],
      saveTimes: [1, 2],
    });
  });

  it('is what may be given more than once, and nothing else', () => {
    expect(() => told({ target: ['a.npy', 'b.npy'] })).toThrow(
      'invalid target: [a.npy, b.npy]; must be given once',
    );
    expect(() => told({ spectrum: ['power:1', 'exp:2'] })).toThrow('must be given once');
    expect(() => told({ steady: ['', ''] })).toThrow('must be given once');
    expect(() => configFromText(simulationSchema, { init: ['kaiming', 'gaussian'] })).toThrow(
      'must be given once',
    );
  });

  it('holds a file whole whose name has commas', () => {
    const at = join(folder, 'a,b');
    mkdirSync(at);
    for (const name of ['loss.ts', 'x,y.safetensors', 'x']) writeFileSync(join(at, name), '');
    const [loss, adapter] = [join(at, 'loss.ts'), join(at, 'x,y.safetensors')];
    expect(told({ loss: `frobenius,${loss},trace-squared` })).toEqual({
      loss: ['frobenius', loss, 'trace-squared'],
    });
    expect(told({ init: `kaiming,${adapter},gaussian` })).toEqual({ init: ['kaiming', adapter, 'gaussian'] });
    expect(told({ init: `${adapter}#layer.0,${adapter}` })).toEqual({
      init: [`${adapter}#layer.0`, adapter],
    });
    expect(told({ init: 'no,such.safetensors' })).toEqual({ init: ['no', 'such.safetensors'] });
  });

  it('holds a folder whole whose name has commas', () => {
    const at = join(folder, 'c,d,');
    mkdirSync(at);
    expect(told({ init: `kaiming,${at},${at}#layer.0,gaussian` })).toEqual({
      init: ['kaiming', at, `${at}#layer.0`, 'gaussian'],
    });
  });

  it('counts what it repeats once', async () => {
    await useBackend('cpu');
    const plan = (input: Partial<SweepInput>) =>
      makePlan(checkConfig(sweepSchema, { spectrum: 'power:1', shape: ['6x5'], ranks: [2], ...input }));
    const once = await plan({ scaling: ['none'] });
    const twice = await plan({
      ...{
        loss: ['frobenius', 'frobenius'],
        shape: ['6x5', '6x5'],
        ranks: [2, 2],
        init: ['kaiming', 'kaiming'],
      },
      scaling: ['none', 'none'],
    });
    expect(twice.cells).toHaveLength(1);
    expect(twice.config).toEqual(once.config);
    expect((await plan({ spectrum: [1, 1], ranks: [1] })).config.spectrum).toEqual([1, 1]);
  });
});

it.each(['A', 'B'])('a learning rate of 0 for %s freezes it, and one below 0 is refused', (factor) => {
  const field = `lrRatio${factor}`;
  expect(checkConfig(sweepSchema, { ranks: [1], [field]: 0 })).toMatchObject({ [field]: 0 });
  expect(() => checkConfig(sweepSchema, { ranks: [1], [field]: -1 })).toThrow(`invalid ${field}: -1;`);
});
