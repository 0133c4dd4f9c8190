/** Broken and odd checkpoints are refused in a line, and nothing is written of what cannot be. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { InputError } from '../../src/host/inputError.js';
import { broken } from './broken.js';
import { advised, checkpoint, random, tensor, work, writtenAdvice } from './support.js';

it.each(broken)('%s', async (_, make, reason) => {
  const error = await advised(...make()).then(
    () => null,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(InputError);
  expect((error as Error).message).toMatch(reason);
  expect((error as Error).message).not.toContain('\n');
});

it('an adapter is refused in a type that does not hold it, and written in another from what was decomposed', async () => {
  const shape = [5, 4];
  const save = (name: string, seed: number) =>
    checkpoint(name, { 'a.fc.weight': tensor(shape, random(shape, seed, 1e12)) });
  const pair = [save('vast', 1), save('vaster', 2)] as const;
  const budget = ['100%'];
  await expect(writtenAdvice('vast', ...pair, { dtype: 'float16', budget })).rejects.toThrow(
    /invalid dtype: float16; must be a type that holds the factors/,
  );
  expect(readdirSync(work).filter((name) => /^vast-/.test(name))).toEqual(['vast-out']);
  expect(readdirSync(join(work, 'vast-out'))).not.toContain('advice.json');
  const { budgets } = await writtenAdvice('vast', ...pair, { dtype: 'float32', budget });
  expect(budgets[0]!.writtenError).toBeCloseTo(budgets[0]!.error, 6);
});
