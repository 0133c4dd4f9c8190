/** The two forms of `rankflow advise`, after training and before it: their flags, and which of these each takes. */
import type { Options } from 'yargs';
import type { z } from 'zod';
import { adviseSchema } from '../../advise/config.js';
import { forecastSchema } from '../../advise/forecast/config.js';
import { InputError } from '../../host/inputError.js';
import { checkConfig } from '../../input/checkConfig.js';
import { configFromText } from '../../input/fromText.js';
import { flagsOf } from '../flags.js';

type Arguments = Readonly<Record<string, unknown>>;

/** Flags of both forms, which stay with the rest. */
const shared = Object.keys(adviseSchema.shape).filter((key) => key in forecastSchema.shape);

/** Flags of a schema under a heading of the help. */
const grouped = (schema: z.ZodObject, group: string): Record<string, Options> =>
  Object.fromEntries(
    Object.entries(flagsOf(schema)).map(([name, options]) => [
      name,
      shared.includes(name) ? options : { ...options, group },
    ]),
  );

/** The flags of both forms, each under its heading. */
export const formFlags: Record<string, Options> = {
  ...grouped(adviseSchema, 'After training, with BASE and TUNED:'),
  ...grouped(forecastSchema, 'Before training, without them:'),
  stats: {
    ...flagsOf(forecastSchema)['stats'],
    describe: `${forecastSchema.shape.stats.description}; with BASE and TUNED: ${adviseSchema.shape.stats.description}`,
  },
};

/**
 * The config of advice after training, and its positionals; null where there are none of these.
 * @throws InputError for a flag of the other form, or a key that is missing or out of range
 */
export function afterTraining(argv: Arguments) {
  const { base, tuned } = argv as { base?: string; tuned?: string };
  if (base === undefined) return null;
  if (tuned === undefined) throw new InputError('tuned', tuned, 'given with BASE');
  refuseOthers(argv, forecastSchema, adviseSchema, 'with BASE and TUNED');
  return { base, tuned, config: checkConfig(adviseSchema, configFromText(adviseSchema, argv)) };
}

/**
 * The config of a forecast.
 * @throws InputError without --stats, for a flag of the other form, or a key that is missing or out of range
 */
export function beforeTraining(argv: Arguments) {
  if (argv['stats'] === undefined)
    throw new InputError('base', undefined, 'given with TUNED, or --stats in their place');
  refuseOthers(argv, adviseSchema, forecastSchema, 'without BASE and TUNED');
  return checkConfig(forecastSchema, configFromText(forecastSchema, argv));
}

/** @throws InputError for a flag of the other form */
function refuseOthers(argv: Arguments, other: z.ZodObject, own: z.ZodObject, when: string): void {
  const [[key, value] = []] = Object.entries(configFromText(other, argv)).filter(
    ([name]) => !(name in own.shape),
  );
  if (key !== undefined) throw new InputError(key, value, `left out ${when}`);
}
