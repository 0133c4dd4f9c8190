/** `rankflow advise BASE TUNED`: which rank for which weight, from what training changed. */
import { join, resolve } from 'node:path';
import type { Advice, AdviseProgress } from '../advise/advise.js';
import {
  adviceIn,
  decomposeWeights,
  mergeAdvice,
  openAdvice,
  type AdviceRequest,
} from '../advise/folderAdvice.js';
import { adviceRecord, type Written } from '../advise/records.js';
import { allocationRows, answers, evaluation, notes, weightedRows, weightRows } from '../advise/report.js';
import { processorName } from '../backend/processor.js';
import { origin } from '../host/provenance.js';
import type { Shard } from '../input/shard.js';
import { progress, type Progress } from '../report/progress.js';
import { table, type TableRows } from '../report/table.js';
import { readRecord } from '../results/partsFolder.js';
import { filled, mergedFolders } from './inParts.js';
import { note, print, printJson } from './output.js';

/** Where the results of `rankflow advise` go, of which part of the work, and how they are printed. */
export interface AdviseOutput {
  readonly out: string;
  readonly shard: Shard | undefined;
  readonly json: boolean;
  /** Command line after `rankflow advise` that goes on with this. */
  readonly resume: string;
}

/** Bytes that take some seconds to read. */
const LONG = 2 ** 31;

/** Where this runs. */
export const here = async () => origin({ name: 'cpu', device: await processorName(), precision: 'float64' });

/** Advises on a pair in a folder, or goes on with it there, and prints the answer, or all of it as JSON. */
export async function adviseAfter(
  request: AdviceRequest,
  { out, shard, json, resume }: AdviseOutput,
): Promise<void> {
  const advice = await openAdvice(out, request, {
    isShard: shard !== undefined,
    reads(bytes) {
      if (bytes > LONG) note('rankflow advise: both checkpoints are read through, to know them again');
    },
  });
  const started = await here();
  let display: Progress | undefined;
  const results = await filled({
    ...{ path: out, command: 'advise', resume, chunk: 'weight', shard },
    compute: (stop) =>
      decomposeWeights(advice, started, {
        ...{ shard, stop },
        watch: {
          start(todo, faults) {
            for (const { file, reason } of faults) note(`rankflow: ${file} is set aside: ${reason}`);
            const before = todo < advice.chunks.length ? ` of ${advice.chunks.length}` : '';
            note(`rankflow advise: ${todo}${before} weights are decomposed`);
            display = progress(todo, 'weights');
          },
          done: (weights, work) => display?.update(weights, work),
        },
      }).finally(() => display?.stop()),
    merge: () => withProgress((told) => mergeAdvice(advice, [], told)),
  });
  if (results) show(results, out, json);
}

/** Merges advice, or a forecast, in folders, into `out` or else the one folder, and prints it. */
export async function mergeAdvised(
  folders: readonly string[],
  out: string | undefined,
  json: boolean,
): Promise<void> {
  if (readRecord(resolve(folders[0]!), 'advice', 'forecast').kind === 'forecast') {
    const { mergeForecastFolders } = await import('./adviseForecast.js');
    return mergeForecastFolders(folders, out, json);
  }
  const { folder, result } = await mergedFolders(folders, out, adviceIn, (advice, shards) =>
    withProgress((told) => mergeAdvice(advice, shards, told)),
  );
  show(result, folder.path, json);
}

/** Shows how adapters are written while work goes on. */
async function withProgress<T>(work: (told: AdviseProgress) => Promise<T>): Promise<T> {
  let display: Progress | undefined;
  const told: AdviseProgress = {
    start(weights, doing) {
      note(`rankflow advise: ${weights} weights are ${doing}`);
      display = progress(weights, 'weights');
    },
    done: (weights) => display?.update(weights),
  };
  return work(told).finally(() => display?.stop());
}

function show(
  { advice, written }: { readonly advice: Advice; readonly written: Written },
  out: string,
  json: boolean,
): void {
  if (json) return printJson(adviceRecord(advice, written));
  const { base, config } = written;
  const boxed = ({ head, rows, numeric }: TableRows) => table(head, rows, numeric);
  for (const line of answers(advice)) print(line);
  print(boxed(allocationRows(advice, config)));
  print(boxed(weightRows(advice)));
  const weighted = weightedRows(advice);
  if (weighted) print(boxed(weighted));
  for (const line of [...notes(advice, config), ...evaluation(base, advice, config)]) print(line);
  const adapters = config.write === undefined ? '' : `, adapters in ${config.write}`;
  print(`\nResults: ${out} (open ${join(out, 'report.html')})${adapters}`);
}
