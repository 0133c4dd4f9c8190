/** Every statistic says how many values it is not of, wherever it is shown. */
import { describe, expect, it } from 'vitest';
import { parquetReadObjects } from 'hyparquet';
import { checkConfig } from '../src/input/checkConfig.js';
import { Tally } from '../src/lab/tally.js';
import { sweepHtml } from '../src/report/html.js';
import { sweepTable } from '../src/report/table.js';
import type { Provenance } from '../src/host/provenance.js';
import { summaryRow } from '../src/results/sweepFolder.js';
import { trialTexts } from '../src/sweep/row.js';
import { csv, parquet } from '../src/results/tables.js';
import { sweepSchema, type SweepInput } from '../src/sweep/config.js';
import { makePlan } from '../src/sweep/plan.js';
import type { TrialRow } from '../src/sweep/row.js';
import { statistic } from '../src/numbers/statistics.js';
import { columnsOf, summarize } from '../src/sweep/summarize.js';

const input: SweepInput = {
  spectrum: 'power:1',
  shape: ['6x5'],
  ranks: [2],
  trials: 5,
  time: 2,
  saveTimes: [1, 2],
};

/** Two trials that are well, one of them without a second point, one whose loss is none, two that failed. */
const rows = (
  [
    ['end-time', 1, 3],
    ['end-time', 2, null],
    ['loss-not-finite', NaN, null],
    ['diverged', 4, null],
    ['step-budget', 5, null],
  ] as const
).map(([outcome, accuracy, by], trial) => ({
  ...{ cell: 0, trial, outcome, accuracy, loss: accuracy, stationarity: 'moving', accuracy_bias: null },
  ...{ time_to_optimum_after: 1, time_to_optimum_by: by, accepted_steps: 10, rejected_steps: 1 },
})) as unknown as TrialRow[];
const curves = [
  [1, 1],
  [2, null],
  [3, null],
  [4, null],
  [null, null],
];
const trials = rows.map((row, i) => ({ row, curve: curves[i]! }));

async function summary() {
  const plan = await makePlan(checkConfig(sweepSchema, input));
  return (await summarize(plan, columnsOf(trials)))[0]!;
}

describe('statistics', () => {
  it('count values that are not finite, and are of the others', () => {
    expect(statistic([1, NaN, 3, Infinity])).toMatchObject({ count: 2, leftOut: 2, mean: 2 });
    expect(statistic([NaN])).toMatchObject({ count: 0, leftOut: 1 });
    expect(statistic([])).toMatchObject({ count: 0, leftOut: 0 });
  });

  it('of a cell leave out trials that failed, and say so', async () => {
    const cell = await summary();
    expect(cell.accuracy).toMatchObject({ count: 2, leftOut: 3, mean: 1.5 });
    expect(cell.steps).toMatchObject({ count: 2, leftOut: 3, mean: 11 });
    expect(cell.timeToOptimumBy).toMatchObject({ count: 1, leftOut: 4, mean: 3 });
    expect(cell.timeToOptimumAfter).toMatchObject({ count: 1, leftOut: 4, mean: 1 });
    expect(cell.curve.map(({ loss }) => [loss.count, loss.leftOut])).toEqual([
      [2, 3],
      [1, 4],
    ]);
  });

  it('show it in the table, on the page, in CSV and in Parquet', async () => {
    const cell = await summary();
    const note = 'left out: the statistics are over 2 of 5 trajectories; 3 failed or have no finite value.';
    expect(sweepTable([cell])).toContain(note);
    expect(sweepTable([cell])).toContain('2 of 5');
    const provenance = { config: {} } as Provenance;
    expect(
      await sweepHtml({
        title: 'a sweep',
        provenance: { ...provenance, rankflow: '', backend: '', device: '', startedAt: '' },
        cells: [cell],
      }),
    ).toContain(note);
    const row = summaryRow(cell);
    expect(row).toMatchObject({ accuracy_count: 2, accuracy_left_out: 3, time_to_optimum_by_left_out: 4 });
    expect(csv([row])).toContain('accuracy_left_out');
    const bytes = parquet([row], {
      integers: ['accuracy_left_out'],
      texts: [...trialTexts, 'metric', 'law_name'],
    });
    const [read] = await parquetReadObjects({ file: bytes.buffer });
    expect(read).toMatchObject({ accuracy_left_out: 3 });
  });

  it('of the lab count them too', async () => {
    const plan = await makePlan(checkConfig(sweepSchema, input));
    const tally = new Tally(plan);
    trials.forEach((trial) => tally.addTrial(trial));
    const [rank] = tally.account(0, 0, 0).ranks;
    expect(rank).toMatchObject({ accuracy: { count: 2, leftOut: 3 }, stationarity: { moving: 5 } });
  });

  it('of a sweep without failures leave out nothing, and say nothing', async () => {
    const plan = await makePlan(checkConfig(sweepSchema, input));
    const [cell] = await summarize(plan, columnsOf(trials.slice(0, 1)));
    expect(cell?.accuracy.leftOut).toBe(0);
    expect(sweepTable([cell!])).not.toContain('left out');
  });
});
