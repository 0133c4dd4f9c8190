/** A forecast as it is planned: everything that can be refused has been checked, and nothing is trained. */
import { nameFrom } from '../../files/location.js';
import { InputError } from '../../host/inputError.js';
import { forecastOf, type Forecasted, type OnSurrogates } from './combined.js';
import type { ForecastConfig } from './config.js';
import { pilotTraining, readPilot, type Pilot } from './pilot.js';
import { readStatistics, type Statistics } from './statistics.js';
import type { Surrogate, SurrogateName } from './surrogates.js';
import { training, type Training } from './train.js';

/** Keys of a config that name files. */
export const fileKeys = ['stats', 'starts', 'pilot'] as const;
export type FileKey = (typeof fileKeys)[number];

export interface PlannedForecast {
  readonly config: ForecastConfig;
  readonly statistics: Statistics;
  readonly plan: Training;
  /** The pilot that fixes the curvature, and its training; null without one. */
  readonly begun: { readonly pilot: Pilot; readonly plan: Training } | null;
}

/**
 * @param folder from which names of files are relative (default: the working folder)
 * @throws InputError if the statistics are missing or do not suffice, or what is asked for cannot be had of them
 */
export function planForecast(config: ForecastConfig, folder?: string): PlannedForecast {
  const from = (name: string | undefined) => (name === undefined ? undefined : nameFrom(folder, name));
  const found: ForecastConfig = {
    ...{ ...config, stats: nameFrom(folder, config.stats) },
    ...{ starts: from(config.starts), pilot: from(config.pilot) },
  };
  const statistics = readStatistics(found.stats);
  if (statistics.weights.length > 1 && statistics.curvature === null)
    throw new InputError(
      found.stats,
      `${statistics.weights.length} weights without hvp (metadata)`,
      'of one weight, or with hvp, <G, Hess G> over all of them: apart, their curvatures understate it several times',
    );
  const plan = training(found, statistics);
  const pilot = readPilot(found, statistics);
  const begun = pilot && { pilot, plan: pilotTraining(pilot, found, statistics) };
  return { config, statistics, plan, begun };
}

/** The forecast of a plan, from its trainings on surrogates, as a pilot has fitted these if there is one. */
export const forecastedBy = (
  { config, statistics, plan, begun }: PlannedForecast,
  { kfac, identity }: Readonly<Record<SurrogateName, Surrogate>>,
  on: OnSurrogates,
): Forecasted => ({
  ...{ config, statistics },
  forecast: forecastOf(plan, statistics, on, begun !== null),
  scales: { kfac: kfac.scale, identity: identity.scale },
  pilotSteps: begun?.pilot.steps.at(-1) ?? null,
});
