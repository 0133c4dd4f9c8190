/** A trial is the same, to the last bit, whatever other cells are in its sweep. */
import { expect, it } from 'vitest';
import { openDevice } from '../src/solver/device.js';
import { checkConfig } from '../src/input/checkConfig.js';
import { sweepSchema, type SweepInput } from '../src/sweep/config.js';
import { makePlan } from '../src/sweep/plan.js';
import type { Trial } from '../src/sweep/row.js';
import { runTrials } from '../src/run/trials.js';

async function trialsOf(input: Partial<SweepInput>): Promise<Trial[]> {
  const device = await openDevice('wasm', { workers: 1 });
  const plan = await makePlan(
    checkConfig(sweepSchema, { spectrum: 'power:1', shape: ['6x5'], ranks: [2], trials: 3, ...input }),
  );
  const spans = plan.cells.map(({ index, trials }) => ({ cell: index, from: 0, to: trials }));
  const found: Trial[] = [];
  for await (const some of runTrials(plan, spans, device))
    for (const { row, curve } of some) found.push({ row: { ...row, cell: 0 }, curve });
  return found;
}

const isFirst = ({ row }: Trial) =>
  row.n === 6 && row.rank === 2 && row.scale === 1 && row.loss_function === 'frobenius';

it.each<[string, Partial<SweepInput>]>([
  ['a slower loss', { loss: ['frobenius', 'linear-regression'], covariance: 'power:4' }],
  ['a faster and a slower shape', { loss: ['trace-squared', 'frobenius'], shape: ['6x6', '40x40'] }],
  ['other ranks, whose scales differ', { scaling: ['lora', 'rslora', 'none'], ranks: [1, 2, 4] }],
  ['other starts', { init: ['gaussian', 'kaiming', 'spectral'] }],
])('of a sweep with %s too', async (_, others) => {
  const among = await trialsOf(others);
  const alone = await trialsOf({ shape: [others.shape?.[0] ?? '6x5'] });
  expect(alone).toHaveLength(3);
  expect(among.length).toBeGreaterThan(3);
  const same = among.filter(
    (each) => isFirst(each) && each.row.initialization === 'kaiming' && each.row.scaling === 'none',
  );
  expect(same).toEqual(alone);
});

it('is stopped and saved by the rate of its own problem, and by what is told', async () => {
  const plan = (input: Partial<SweepInput>) =>
    makePlan(
      checkConfig(sweepSchema, {
        spectrum: 'power:1',
        shape: ['6x5'],
        scaling: ['none', 'lora'],
        ranks: [4],
        alpha: 8,
        ...input,
      }),
    );
  const own = await plan({});
  expect(own.cells.map(({ stop }) => stop.saveTimes.at(-1))).toEqual([400 / 8, 400 / 2]);
  expect(own.config.time).toBeUndefined();
  const told = await plan({ time: 70 });
  expect(told.cells.map(({ stop }) => stop.saveTimes.at(-1))).toEqual([70, 70]);
  expect(told.cells.map(({ methodName }) => methodName)).toEqual(['rkc2', 'dopri5']);
  expect(told.config).toMatchObject({ time: 70, method: 'auto' });
});
