/** Command-line flags made from a config schema, one flag per key, and the config that they and a config file give. */
import type { Options } from 'yargs';
import type { z } from 'zod';
import { initializationNames } from '../ensemble/initialization.js';
import { checkConfig } from '../input/checkConfig.js';
import { readConfig } from '../input/config.js';
import { configFromText, flagName, kindOf } from '../input/fromText.js';
import { bareFlags } from '../input/horizon.js';

/** Yargs options for every key of a schema. Defaults stay the schema's, so that a config file can
 * set them; subcommands of the command do not take them. */
export function flagsOf(schema: z.ZodObject): Record<string, Options> {
  return Object.fromEntries(
    Object.entries(schema.shape).map(([key, value]) => {
      const type = value as z.ZodType;
      const boolean = kindOf(type) === 'boolean';
      const takes: Options = boolean
        ? { type: 'boolean' }
        : { type: 'string', requiresArg: key !== 'steady' };
      return [flagName(key), { ...takes, global: false, describe: describe(type) }];
    }),
  );
}

/** The flag of a part of the work. */
export const shardFlag: Options = {
  type: 'string',
  requiresArg: true,
  global: false,
  describe: 'I/N: the I-th of N parts alone, to be merged; auto: as Slurm or Kubernetes says',
};

/** The flags of a schema that are given, but for the results folder, as words of a command line: those of lists once. */
export const givenFlags = (schema: z.ZodObject, argv: Readonly<Record<string, unknown>>): string[] =>
  Object.keys(schema.shape).flatMap((key) => {
    const [name, value] = [flagName(key), argv[flagName(key)]];
    if (value === undefined || key === 'out') return [];
    return typeof value === 'boolean' ? [`--${value ? '' : 'no-'}${name}`] : [`--${name}`, String(value)];
  });

/** Yargs options for every key of a schema, and --config for a file that has the same keys. */
export const configurableFlags = (schema: z.ZodObject): Record<string, Options> => ({
  ...flagsOf(schema),
  config: {
    type: 'string',
    requiresArg: true,
    global: false,
    describe: 'YAML or JSON file with these keys; flags win',
  },
});

/**
 * The config of `configurableFlags`: a key has the value of its flag, else of the file, else its default.
 * @throws InputError for a file that cannot be read, or the first key that is unknown, missing or out of range
 */
export const configOf = <S extends z.ZodObject>(
  schema: S,
  argv: Readonly<Record<string, unknown>>,
): z.output<S> =>
  checkConfig(schema, {
    ...(typeof argv['config'] === 'string' ? readConfig(argv['config']) : {}),
    ...configFromText(schema, argv, bareFlags),
  });

function describe(type: z.ZodType): string {
  const { def } = type as unknown as { def: { type: string; defaultValue?: unknown } };
  const text = type.description ?? '';
  return def.type === 'default' ? `${text} [default: ${String(def.defaultValue) || 'none'}]` : text;
}

const widest = Math.max(...Object.keys(initializationNames).map(({ length }) => length));

/** Text after the options in a command's help: the initializations, with what they draw. */
export const initializationHelp = [
  'Initializations:',
  ...Object.entries(initializationNames).map(([name, describe]) => `  ${name.padEnd(widest)} ${describe}`),
].join('\n');
