/** `rankflow theory`: its optima, distances and rates against formulas written out here. */
import { describe, expect, it } from 'vitest';
import { done, type Row, tailLoss, square } from './support.js';

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
