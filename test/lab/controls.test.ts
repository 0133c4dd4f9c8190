/** Flags that the lab's form sets, against what the sweep itself takes: its plan refuses flags that a method does not use. */
import { describe, expect, it } from 'vitest';
import { ofFile, ofMethod, ofSpectrum } from '../../src/lab/controls.js';
import { LabEngine } from '../../src/lab/engine.js';
import type { Flags } from '../../src/lab/protocol.js';
import { flowMethodNames } from '../../src/method/methods.js';

const flags = { spectrum: 'power:1', shape: '8x6', ranks: '1', trials: '1', backend: 'wasm' };

/** Flags with changes, of which undefined takes one away, as the page has them. */
const changed = (before: Flags, changes: Readonly<Record<string, string | undefined>>): Flags =>
  Object.fromEntries(
    Object.entries({ ...before, ...changes }).filter(
      (entry): entry is [string, string] => entry[1] !== undefined,
    ),
  );

describe('flags of another method', () => {
  const pairs = flowMethodNames.flatMap((from) => flowMethodNames.map((to) => [from, to] as const));
  it.each(pairs)('from %s to %s can be planned', async (from, to) => {
    const before = changed(flags, ofMethod(from, flags));
    const typed = from.startsWith('gd')
      ? { step: '0.02' }
      : before['step'] === undefined
        ? { rtol: '1e-4' }
        : {};
    const after = changed({ ...before, ...typed }, ofMethod(to, { ...before, ...typed }));
    expect(after['method']).toBe(to);
    if (typed.step && after['step'] !== undefined) expect(after['step']).toBe('0.02');
    await expect(new LabEngine().prepare(after)).resolves.toMatchObject({ ranks: [{ rank: 1 }] });
  });

  it('that another method does not take are refused by the plan', async () => {
    const mixed = { ...flags, method: 'dopri5', step: '0.05' };
    await expect(new LabEngine().prepare(mixed)).rejects.toThrow('step');
  });
});

describe('flags of another target', () => {
  it('leave nothing of the one before', () => {
    const file = changed(flags, ofFile('w.npy', flags));
    expect(file).toMatchObject({ target: 'w.npy' });
    expect(Object.keys(file)).not.toContain('spectrum');
    expect(changed(file, ofSpectrum('exp:1', file))).toMatchObject({ spectrum: 'exp:1', shape: '64x64' });
  });

  it('are the base of a loss of the trace', () => {
    expect(ofFile('w.npy', { ...flags, loss: 'trace-squared' })).toMatchObject({
      base: 'w.npy',
      target: undefined,
    });
  });
});
