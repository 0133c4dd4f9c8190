/** `rankflow advise --stats`: what each rank makes of a planned training, before it is begun. */
import { join } from 'node:path';
import { forecastIn, mergeForecast, openForecast } from '../advise/folderForecast.js';
import type { ForecastConfig } from '../advise/forecast/config.js';
import { forecastRecord } from '../advise/forecast/folder.js';
import { forecastText } from '../advise/forecast/report.js';
import { trainForecast } from '../advise/trainForecast.js';
import { progress, type Progress } from '../report/progress.js';
import type { AdviseOutput } from './advise.js';
import { filled, mergedFolders } from './inParts.js';
import { note, print, printJson } from './output.js';

/** Makes the forecast of a config in a folder, or goes on with it there, and prints it as text or as JSON. */
export async function adviseForecast(
  config: ForecastConfig,
  { out, shard, json, resume }: AdviseOutput,
): Promise<void> {
  const forecast = await openForecast(out, config, shard !== undefined);
  const { statistics, chunks } = forecast;
  const all = chunks.reduce((sum, { adapters }) => sum + adapters, 0);
  let display: Progress | undefined;
  const result = await filled({
    ...{ path: out, command: 'advise', resume, chunk: 'chunk', shard },
    compute: (stop) =>
      trainForecast(forecast, {
        ...{ shard, stop },
        watch: {
          start(backend, todo, faults) {
            for (const { file, reason } of faults) note(`rankflow: ${file} is set aside: ${reason}`);
            const names = statistics.weights.map(({ name }) => name).join(', ');
            note(`rankflow advise on ${backend.name} (${backend.device}): ${names}`);
            const before = todo < all ? ` of ${all}` : '';
            note(`rankflow advise: ${todo}${before} adapters are trained`);
            display = progress(todo, 'adapters');
          },
          done: (adapters, work) => display?.update(adapters, work),
        },
      }).finally(() => display?.stop()),
    merge: () => mergeForecast(forecast),
  });
  if (result) show(result, out, json);
}

/** Merges the forecast in folders, into `out` or else the one folder, and prints it. */
export async function mergeForecastFolders(
  folders: readonly string[],
  out: string | undefined,
  json: boolean,
): Promise<void> {
  const { folder, result } = await mergedFolders(folders, out, forecastIn, mergeForecast);
  show(result, folder.path, json);
}

function show(
  { made, provenance }: Awaited<ReturnType<typeof mergeForecast>>,
  out: string,
  json: boolean,
): void {
  if (json) return printJson(forecastRecord(made, provenance));
  print(forecastText(made));
  print(`\nResults: ${out} (open ${join(out, 'report.html')})`);
}
