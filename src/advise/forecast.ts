/** A whole forecast in one call: statistics and a planned training to what each rank makes of it. */
import type { BackendInfo } from '../backend/backend.js';
import { forecastSchema, type ForecastInput } from './forecast/config.js';
import type { Forecasted } from './forecast/combined.js';
import { fittedTo } from './forecast/pilot.js';
import { forecastedBy, planForecast } from './forecast/planned.js';
import type { Statistics } from './forecast/statistics.js';
import { surrogates, type Surrogate } from './forecast/surrogates.js';
import { train } from './forecast/train.js';
import { checkConfig } from '../input/checkConfig.js';
import { withDevice } from '../run/device.js';

/** Hears of a forecast while it is computed. */
export interface ForecastWatch {
  /** Called once, after everything that can be refused has been checked, with the number of adapters to train. */
  start?(backend: BackendInfo, statistics: Statistics, adapters: number): void;
  /** Called with the number of adapters that are trained. */
  done?(adapters: number): void;
}

/** @throws InputError if the config is wrong, the statistics are missing or do not suffice, or the backend is absent */
export async function forecast(input: ForecastInput, watch: ForecastWatch = {}): Promise<Forecasted> {
  const config = checkConfig(forecastSchema, input);
  const planned = planForecast(config);
  const { statistics, plan, begun } = planned;
  return withDevice(config, async (device) => {
    const { weights } = statistics;
    watch.start?.(device.info, statistics, 2 * weights.length * config.ranks.length * plan.trials);
    const fitted = async (own: Surrogate) =>
      begun ? fittedTo(begun.pilot, own, (surrogate) => train(begun.plan, surrogate, device)) : own;
    const own = surrogates(statistics);
    const [kfac, identity] = [await fitted(own[0]), await fitted(own[1])];
    let count = 0;
    const done = () => watch.done?.(++count);
    return forecastedBy(
      planned,
      { kfac, identity },
      {
        kfac: await train(plan, kfac, device, done),
        identity: await train(plan, identity, device, done),
      },
    );
  });
}
