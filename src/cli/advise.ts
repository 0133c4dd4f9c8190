/** `rankflow advise BASE TUNED`: which rank for which weight, from what training changed. */
import { processorName } from '../backend/processor.js';
import { advise, type AdviseProgress } from '../advise/advise.js';
import type { AdviseConfig } from '../advise/config.js';
import { writeAdvice } from '../advise/folder.js';
import { adviceRecord } from '../advise/records.js';
import { allocationRows, answers, evaluation, notes, weightedRows, weightRows } from '../advise/report.js';
import { provenance } from '../host/provenance.js';
import { progress, type Progress } from '../report/progress.js';
import { table, type TableRows } from '../report/table.js';
import { note, print, printJson } from './output.js';
import { onEndSignals } from './signals.js';

/** Advises on a pair, prints the answer and the tables, or all of it as JSON, and writes the folders. */
export async function adviseAfter(
  base: string,
  tuned: string,
  config: AdviseConfig,
  { out, json }: { readonly out: string; readonly json: boolean },
): Promise<void> {
  const processor = { name: 'cpu', device: await processorName(), precision: 'float64' };
  const origin = provenance(processor, 0, { base, tuned, ...config });
  let display: Progress | undefined;
  const told: AdviseProgress = {
    start(weights, work) {
      note(`rankflow advise: ${weights} weights are ${work}`);
      display?.stop();
      display = progress(weights, 'weights');
    },
    done: (weights) => display?.update(weights),
  };
  // What is half written is removed on exit.
  onEndSignals((name, exitCode) => {
    note(`rankflow: ${name}: ends; nothing is written`);
    process.exit(exitCode);
  });
  const written = { base, tuned, config, provenance: origin };
  const advice = await advise(base, tuned, config, told)
    .then((advised) => writeAdvice(out, advised, written, told))
    .finally(() => display?.stop());
  if (json) return printJson(adviceRecord(advice, written));
  const boxed = ({ head, rows, numeric }: TableRows) => table(head, rows, numeric);
  for (const line of answers(advice)) print(line);
  print(boxed(allocationRows(advice, config)));
  print(boxed(weightRows(advice)));
  const weighted = weightedRows(advice);
  if (weighted) print(boxed(weighted));
  for (const line of [...notes(advice, config), ...evaluation(base, advice, config)]) print(line);
  const adapters = config.write === undefined ? '' : `, adapters in ${config.write}`;
  print(`\nResults: ${out} (open ${out}/report.html)${adapters}`);
}
