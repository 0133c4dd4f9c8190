/** Command-line flags made from a config schema: one flag per key. */
import type { Options } from 'yargs';
import type { z } from 'zod';
import { initializationNames } from '../ensemble/initialization.js';
import { flagName, kindOf } from '../input/fromText.js';

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

function describe(type: z.ZodType): string {
  const { def } = type as unknown as { def: { type: string; defaultValue?: unknown } };
  const text = type.description ?? '';
  return def.type === 'default' ? `${text} [default: ${String(def.defaultValue)}]` : text;
}

/** What follows the options in a command's help: the initializations, with what they draw. */
export const initializationHelp = [
  'Initializations:',
  ...Object.entries(initializationNames).map(([name, describe]) => `  ${name.padEnd(11)} ${describe}`),
].join('\n');
