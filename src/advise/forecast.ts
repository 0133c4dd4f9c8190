/** A whole forecast in one call: statistics and a planned training to what each rank makes of it. */
import type { BackendInfo } from '../backend/backend.js';
import { forecastSchema, type ForecastInput } from './forecast/config.js';
import { forecastOf, type Forecasted, type OnSurrogates } from './forecast/combined.js';
import { fittedTo, pilotTraining, readPilot } from './forecast/pilot.js';
import { readStatistics, type Statistics } from './forecast/statistics.js';
import { surrogates } from './forecast/surrogates.js';
import { train, training } from './forecast/train.js';
import { InputError } from '../host/inputError.js';
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
  const statistics = readStatistics(config.stats);
  if (statistics.weights.length > 1 && statistics.curvature === null)
    throw new InputError(
      config.stats,
      `${statistics.weights.length} weights without hvp (metadata)`,
      'of one weight, or with hvp, <G, Hess G> over all of them: apart, their curvatures understate it several times',
    );
  const plan = training(config, statistics);
  const pilot = readPilot(config, statistics);
  const begun = pilot && pilotTraining(pilot, config, statistics);
  return withDevice(config, async (device) => {
    const { weights } = statistics;
    watch.start?.(device.info, statistics, 2 * weights.length * config.ranks.length * plan.trials);
    const own = surrogates(statistics);
    const [kfac, identity] =
      pilot && begun
        ? [await fittedTo(pilot, begun, own[0], device), await fittedTo(pilot, begun, own[1], device)]
        : own;
    let count = 0;
    const done = () => watch.done?.(++count);
    const on: OnSurrogates = {
      kfac: await train(plan, kfac, device, done),
      identity: await train(plan, identity, device, done),
    };
    return {
      ...{ config, statistics },
      forecast: forecastOf(plan, statistics, on, pilot !== null),
      scales: { kfac: kfac.scale, identity: identity.scale },
      pilotSteps: pilot?.steps.at(-1) ?? null,
    };
  });
}
