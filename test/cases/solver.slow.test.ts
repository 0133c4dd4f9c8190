/** Cases of the solver, as a user meets them: outcomes, signals, times, memory. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import { describe, expect, it } from 'vitest';
import { run, slow } from './run.js';

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

describe('signals', () => {
  const sweep =
    'node dist/src/cli/main.js sweep --loss $CASE/loss.ts --shape 6x5 --ranks 1,2 --trials 9000 --time 1 --out out';

  it.each(['INT', 'TERM'])(
    'SIG%s is answered by a line during a custom loss, and the second ends the sweep',
    { timeout: 120_000 },
    async (name) => {
      const { stdout, stderr } = await run(
        `${sweep} --backend wasm & P=$!
         for i in $(seq 100); do test -d out && break; sleep 0.2; done; sleep 2
         kill -${name} $P; sleep 3; kill -${name} $P; wait $P; echo "ended with $?"`,
        { inputs: 'signals-ignored-custom-loss', seconds: 100 },
      );
      expect(stderr).toContain(`SIG${name}: ends after the chunk in hand`);
      expect(stdout).toContain(`ended with ${name === 'INT' ? 130 : 143}`);
    },
  );

  it('during a fused kernel in the only thread', { timeout: 120_000 }, async () => {
    const { stdout, stderr } = await run(
      `node dist/src/cli/main.js sweep --workers 1 --backend wasm --spectrum power:1 --shape 256x256 --ranks 32 \
         --trials 200 --time 500 --method dopri5 --out out & P=$!
       for i in $(seq 100); do test -d out && break; sleep 0.2; done; sleep 2
       kill -TERM $P; sleep 1; kill -TERM $P; wait $P; echo "ended with $?"`,
      { seconds: 100 },
    );
    expect(stderr).toContain('SIGTERM: ends after the chunk in hand');
    expect(stdout).toContain('ended with 143');
  });

  it('are answered by a line in a simulation of a custom loss', { timeout: 120_000 }, async () => {
    const { stdout, stderr } = await run(
      `node dist/src/cli/main.js simulate --loss $CASE/loss.ts --shape 6x5 --rank 2 --trials 500 --time 1000 \
         --backend wasm --out out 2>said & P=$!
       for i in $(seq 100); do grep -q 'simulate on' said && break; sleep 0.2; done; sleep 1
       kill -TERM $P; wait $P; echo "ended with $?"; cat said >&2; ls`,
      { inputs: 'signals-ignored-custom-loss', seconds: 100 },
    );
    expect(stderr).toContain('SIGTERM: ends; nothing is written');
    expect(stdout).toContain('ended with 143');
    expect(stdout).not.toContain('out');
  });

  it.each([0, 2, 4, 6, 8])(
    'end a simulation at once, after %d tenths of its time, and leave nothing or all of it',
    { timeout: 120_000 },
    async (tenths) => {
      const command = 'simulate --backend wasm --spectrum power:1 --shape 8x8 --rank 2 --trials 4 --time 4';
      const { folder } = await run(
        `T=$(date +%s%N); node dist/src/cli/main.js ${command} --out timed; T=$(( $(date +%s%N) - T ))
         node dist/src/cli/main.js ${command} --out out & P=$!
         sleep $(awk "BEGIN { print ${tenths} * $T / 1e10 }"); kill -INT $P; wait $P`,
      );
      const left = readdirSync(folder).filter((name) => name.startsWith('out'));
      expect(['', 'out']).toContain(left.join());
      if (left.length > 0)
        expect(readdirSync(join(folder, 'out')).sort()).toEqual(readdirSync(join(folder, 'timed')).sort());
    },
  );
});

describe('the time reached', () => {
  it('is not 0 before a save time that is far', { timeout: 120_000 }, async () => {
    const { code, stdout } = await run(
      'rankflow simulate --backend wasm --spectrum power:1 --shape 8x8 --rank 2 --trials 1 --time 1e30 --max-steps 20000 --out out',
    );
    expect(code).toBe(0);
    const row = stdout.split('\n').find((line) => line.includes('step-budget'))!;
    const [, , , , , time] = row.split('│').map((text) => Number(text.trim()));
    expect(time).toBeGreaterThan(1e3);
  });
});

describe('full fine-tuning of a custom loss that leaves its domain', () => {
  it.skipIf(!slow)('says what it does, and how it ended', { timeout: 300_000 }, async () => {
    const { code, stdout, stderr } = await run(
      'rankflow simulate --backend wasm --loss $CASE/loss.ts --shape 6x5 --rank 2 --time 20 --out out',
      { inputs: 'nan-gradient-after-100-percent', seconds: 290 },
    );
    expect(code).toBe(0);
    expect(stderr).toContain('full fine-tuning of the custom loss');
    expect(stdout).toMatch(/Full fine-tuning: (step-budget|diverged|step-too-small) at time 0\.1/);
  });
});
