/** `rankflow advise --stats`: what each rank makes of a planned training, before it is begun. */
import { forecast } from '../advise/forecast.js';
import type { ForecastConfig } from '../advise/forecast/config.js';
import { forecastRecord, writeForecast } from '../advise/forecast/folder.js';
import { forecastText } from '../advise/forecast/report.js';
import { provenance, type Provenance } from '../host/provenance.js';
import { progress, type Progress } from '../report/progress.js';
import { note, print, printJson } from './output.js';

/** Makes the forecast of a config, prints it as text or as JSON, and writes its folder. */
export async function adviseForecast(
  config: ForecastConfig,
  { out, json }: { readonly out: string; readonly json: boolean },
): Promise<void> {
  let origin: Provenance | undefined;
  let display: Progress | undefined;
  const made = await forecast(config, {
    start(backend, { weights }, adapters) {
      origin = provenance(backend, config.seed, config);
      note(
        `rankflow advise on ${backend.name} (${backend.device}): ${weights.map(({ name }) => name).join(', ')}`,
      );
      display = progress(adapters, 'adapters');
    },
    done: (adapters) => display?.update(adapters),
  }).finally(() => display?.stop());
  await writeForecast(out, made, origin!);
  if (json) return printJson(forecastRecord(made, origin!));
  print(forecastText(made));
  print(`\nResults: ${out} (open ${out}/report.html)`);
}
