/** The results folder of a forecast: report.html, forecast.json, and the shares as tables. */
import { join } from 'node:path';
import { writeWhole } from '../../files/writeWhole.js';
import type { Provenance } from '../../host/provenance.js';
import { csv, parquet, type Rows } from '../../results/tables.js';
import type { Forecasted } from './combined.js';
import { forecastAnswer, forecastCautions, forecastChart, forecastNotes, forecastRows } from './report.js';

/** A row for each step and rank; losses are null where they are not told. */
export const shareRecords = ({ forecast: { steps, ranks } }: Forecasted): Rows =>
  steps.flatMap((step, i) =>
    ranks.map(({ rank, shares, losses }) => {
      const [share, loss] = [shares[i]!, losses[i]];
      return {
        ...{ step, rank, share_low: share.low, share: share.middle, share_high: share.high },
        ...{ loss_low: loss?.low ?? null, loss: loss?.middle ?? null, loss_high: loss?.high ?? null },
      };
    }),
  );

/** A forecast as JSON has it. */
export function forecastRecord(forecasted: Forecasted, provenance: Provenance) {
  const { forecast, scales, statistics, pilotSteps } = forecasted;
  const { weights, ...rest } = statistics;
  return {
    provenance,
    answer: forecastAnswer(forecasted),
    cautions: forecastCautions(forecasted),
    statistics: { ...rest, weights: weights.map(({ name }) => name) },
    ...{ scales, pilotSteps },
    ...forecast,
  };
}

/** Writes the results into their folder. */
export async function writeForecast(
  out: string,
  forecasted: Forecasted,
  provenance: Provenance,
): Promise<void> {
  // What draws is loaded here: who reads a folder, or computes a part of it, draws nothing.
  const [{ page }, { chartFigure }] = await Promise.all([
    import('../../report/html.js'),
    import('../../report/plots/chart.js'),
  ]);
  const caption =
    'Points: the middle of two surrogates; lines: the least and the most over these and the starts.';
  const words = { id: 'shares', heading: 'Shares of the progress', caption };
  const html = await page(
    'Which rank is worth it, before training',
    provenance,
    forecasted.forecast.steps.length > 0 ? [chartFigure(forecastChart(forecasted), words)] : [],
    [
      {
        heading: 'Ranks',
        ...forecastRows(forecasted),
        notes: [...forecastCautions(forecasted), ...forecastNotes(forecasted)],
      },
    ],
    forecastAnswer(forecasted),
  );
  const shares = shareRecords(forecasted);
  const files = {
    'shares.csv': csv(shares),
    'shares.parquet': parquet(shares, { integers: ['step', 'rank'], texts: [] }),
    'report.html': html,
    'forecast.json': `${JSON.stringify(forecastRecord(forecasted, provenance), null, 2)}\n`,
  };
  for (const [name, content] of Object.entries(files)) writeWhole(join(out, name), content);
}
