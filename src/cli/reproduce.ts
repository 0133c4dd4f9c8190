/** `rankflow reproduce`: every claim as a row of one table and a figure of a page; exit code 1 if one could not be shown. */
import { progress, type Progress } from '../report/progress.js';
import { wrappedTable } from '../report/table.js';
import type { ReproductionConfig } from '../reproduce/config.js';
import { writeReproduction } from '../reproduce/folder.js';
import { claimRows, summaryOf } from '../reproduce/report.js';
import { reproduce } from '../reproduce/reproduce.js';
import { note, print } from './output.js';

/** Demonstrates the claims of a config, prints the verdicts, and writes the folder. */
export async function reproduction(config: ReproductionConfig, out: string): Promise<void> {
  let display: Progress | undefined;
  const result = await reproduce(config, {
    start(total, { name, device }) {
      note(`rankflow reproduce on ${name} (${device})`);
      display = progress(total, 'claims');
    },
    reproduced: (_, done) => display?.update(done),
  }).finally(() => display?.stop());
  print(
    wrappedTable(claimRows(result.reproduced), Math.max(80, Math.min(160, process.stdout.columns ?? 130))),
  );
  print(summaryOf(result.reproduced));
  await writeReproduction(out, result);
  print(`\nResults: ${out} (open ${out}/report.html)`);
  if (result.reproduced.some(({ failure }) => failure !== null)) process.exitCode = 1;
}
