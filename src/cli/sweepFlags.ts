/** The flags of a sweep, and the config that they and a file give. */
import { checkConfig } from '../input/checkConfig.js';
import { readConfig } from '../input/config.js';
import { sweepSchema } from '../sweep/config.js';
import { configFromText } from '../input/fromText.js';
import { bareFlags } from '../sweep/horizon.js';
import { flagsOf } from './flags.js';

export const sweepFlags = {
  ...flagsOf(sweepSchema),
  config: {
    type: 'string',
    requiresArg: true,
    global: false,
    describe: 'YAML or JSON file with these keys; flags win',
  },
} as const;

/** What a config of flags and a file says. @throws InputError */
export const configOf = (argv: Readonly<Record<string, unknown>>) =>
  checkConfig(sweepSchema, {
    ...(typeof argv['config'] === 'string' ? readConfig(argv['config']) : {}),
    ...configFromText(sweepSchema, argv, bareFlags),
  });
