/** Command-line flags made from a config schema: one flag per key, its text turned into the key's type. */
import type { Options } from 'yargs';
import type { z } from 'zod';
import { initializationNames } from '../ensemble/initialization.js';
import { DEFAULT_STEADY } from '../sweep/plan.js';

/** `lrRatioA` -> `lr-ratio-a`. */
export const flagName = (key: string): string =>
  key.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

const numeric = (text: string): number | string =>
  text.trim() === '' || Number.isNaN(Number(text)) ? text : Number(text);

const isNumberList = (text: string) => text.split(',').every((item) => typeof numeric(item) === 'number');

type Kind = 'number' | 'string' | 'numbers' | 'strings' | 'spectrum' | 'boolean';

function kindOf(schema: z.ZodType): Kind {
  const { def } = schema as unknown as { def: { type: string; innerType?: z.ZodType; element?: z.ZodType } };
  if (def.innerType) return kindOf(def.innerType);
  if (def.element) return kindOf(def.element) === 'number' ? 'numbers' : 'strings';
  if (def.type === 'union') return 'spectrum';
  return def.type === 'number' || def.type === 'boolean' ? def.type : 'string';
}

/** Yargs options for every key of a schema. Defaults stay the schema's, so that a config file can set them. */
export function flagsOf(schema: z.ZodObject): Record<string, Options> {
  return Object.fromEntries(
    Object.entries(schema.shape).map(([key, value]) => {
      const type = value as z.ZodType;
      const boolean = kindOf(type) === 'boolean';
      const takes: Options = boolean
        ? { type: 'boolean' }
        : { type: 'string', requiresArg: key !== 'steady' };
      return [flagName(key), { ...takes, describe: describe(type) }];
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

/** The config keys that were given as flags. */
export function configFromFlags(
  schema: z.ZodObject,
  argv: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const config: Record<string, unknown> = {};
  for (const [key, type] of Object.entries(schema.shape)) {
    const text = argv[flagName(key)];
    if (text === undefined) continue;
    config[key] = typeof text === 'string' ? valueOf(key, kindOf(type as z.ZodType), text) : text;
  }
  return config;
}

function valueOf(key: string, kind: Kind, text: string): unknown {
  if (key === 'steady' && text === '') return DEFAULT_STEADY;
  switch (kind) {
    case 'number':
      return numeric(text);
    case 'numbers':
      return text.split(',').map(numeric);
    case 'strings':
      return text.split(',');
    case 'spectrum':
      return isNumberList(text) ? text.split(',').map(Number) : text;
    case 'string':
    case 'boolean':
      return text;
  }
}
