/** Cases of the solver, as a user meets them: outcomes, signals, times, memory. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import { describe, expect, it } from 'vitest';
import { run } from './run.js';

describe('a custom loss that is NaN while its gradient is finite', () => {
  it('has an outcome of its own in the rows and counts', { timeout: 120_000 }, async () => {
    const { code, folder } = await run(
      'rankflow sweep --backend wasm --loss $CASE/loss.ts --shape 6x5 --ranks 2 --trials 12 --time 0.1 --out out',
      { inputs: 'nan-loss-counts-as-success' },
    );
    expect(code).toBe(0);
    const [cell] = parse(readFileSync(join(folder, 'out', 'summary.csv')), { columns: true }) as Record<
      string,
      string
    >[];
    const { trials, accuracy_count, outcome_end_time, outcome_loss_not_finite } = cell!;
    expect({ trials, accuracy_count, outcome_end_time, outcome_loss_not_finite }).toEqual({
      trials: '12',
      accuracy_count: '9',
      outcome_end_time: '9',
      outcome_loss_not_finite: '3',
    });
  });
});
