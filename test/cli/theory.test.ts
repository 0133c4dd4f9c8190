/** `rankflow theory`: its optima, distances and rates against formulas written out here. */
import { describe, expect, it } from 'vitest';
import { doneServed as done, type Row, tailLoss, square } from './support.js';

describe.concurrent('theory', () => {
  it('prints what the formulas say', async () => {
    const [n, m] = [12, 10];
    const sigma = Array.from({ length: m }, (_, i) => Math.exp(-0.3 * i));
    const { stdout } = await done(
      `theory --spectrum exp:0.3 --shape ${n}x${m} --ranks 1,4,10 --init small --alpha 2 --lr-ratio-b 4 --json`,
    );
    const rows = JSON.parse(stdout);
    expect(rows.map(({ rank }: Row) => rank)).toEqual([1, 4, 10]);
    for (const row of rows) {
      const optimum = tailLoss(sigma, row.rank);
      expect(row.optimum).toBeCloseTo(optimum, 12);
      expect(row.relativeError).toBeCloseTo(Math.sqrt(optimum / tailLoss(sigma, 0)), 12);
      expect(row.distance).toBeCloseTo(Math.sqrt(2 * optimum), 12);
      // The gap; at rank 1 every start is balanced, and the exact rate differs by the square of the small factors.
      const gap = (sigma[row.rank - 1] as number) - (sigma[row.rank] ?? 0);
      expect(row.rate).toBeCloseTo(2 * 2 * gap, row.rank === 1 ? 5 : 12);
      expect(row.fullFineTuningRate).toBe(1);
    }
  });

  it('knows the rates of aligned and full-rank starts', async () => {
    const rates = async (flags: string) =>
      JSON.parse((await done(`theory --spectrum 3,2,1 --shape 3x3 ${flags} --json`)).stdout).map(
        ({ rate }: Row) => rate,
      );
    // At full rank the eigenvalue after sigma_3 is -sigma_3.
    expect(await rates('--ranks 2,3 --init small')).toEqual([1, 2]);
    // Per mode 2 D with D = sqrt(sigma^2 + 4 beta gamma), beta = gamma = 1/4 for rows of norm 1; the slowest counts.
    const [rate] = await rates('--ranks 2 --init spectral');
    expect(rate).toBeCloseTo(2 * Math.sqrt(2 ** 2 + 1 / 4), 12);
  });

  it('knows the best rank under noise, and says where there is no law of it', async () => {
    const line = 'theory --spectrum 2.5,1.5,1,0.6 --shape 600x900 --noise 0.8 --ranks 1,2,3,4';
    const { stdout } = await done(`${line} --json`);
    const rows = JSON.parse(stdout).map(({ noise }: { noise: Record<string, unknown> }) => noise);
    // sum sigma^2 + sum_{i <= q} (y_i^2 - 2 y_i sigma_i sqrt(left_i right_i)), theta = sigma / 0.8, beta = 2/3.
    [4.81, 3.99, 4.87, 6.96].forEach((risk, i) => expect(Math.abs(rows[i].risk - risk)).toBeLessThan(0.005));
    expect(rows.map(({ bestRank, isSeen }: Row) => [bestRank, isSeen])).toEqual(
      [true, true, true, false].map((isSeen) => [2, isSeen]),
    );
    const text = (await done(line)).stdout;
    expect(text).toMatch(/│ 600x900 │ 2 +│ 1\.500 +│ yes/);
    // (1 - a)^2 |M|^2 + a^2 tau^2 n with a = 1 - e^-t, at its least and at a = 1.
    const [squares, noise] = [2.5 ** 2 + 1.5 ** 2 + 1 + 0.6 ** 2, 0.8 ** 2 * 600];
    const best = (noise / (squares + noise)).toPrecision(4);
    expect(text).toContain(`relative risk ${best}, against ${(noise / squares).toPrecision(4)} at its end`);
    const without = line.replace('--noise 0.8', '');
    expect((await done(`${without} --noise 0`)).stdout).toBe((await done(without)).stdout);
    expect((await done(`${line} --decay 0.1`)).stdout).toContain(
      'No law of the risk where the flow is not the plain gradient flow',
    );
  });

  it('knows the distances of the trace-squared loss', async () => {
    const { stdout } = await done(
      'theory --loss trace-squared --base square.csv --ranks 2,8 --init spectral:0.5,gaussian,kaiming --json',
    );
    const p = Math.abs(square.trace());
    const rows: Row[] = JSON.parse(stdout);
    const spectral = (r: number) => p * Math.sqrt(1 / r - 1 / 16);
    const gaussian = (r: number) => p * Math.sqrt((17 + r) / (16 * r + 2) - 1 / 16);
    expect(rows.map(({ distance }) => distance)).toEqual([
      ...[spectral(2), spectral(8), gaussian(2), gaussian(8)].map((value) => expect.closeTo(value, 9)),
      null,
      null,
    ]);
    // U = V = |A0|^2 / 4 with r rows of norm 1/2; rate 2 sqrt(p^2 + 4 U V).
    expect(rows[1]?.['rate']).toBeCloseTo(2 * Math.sqrt(p ** 2 + 4 * ((8 * 0.25) / 4) ** 2), 9);
  });
});
