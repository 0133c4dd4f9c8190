/** Configs from text: a name for each key of a schema, as flags and addresses have it, and its value. */
import type { z } from 'zod';
import { DEFAULT_STEADY } from './horizon.js';

/** `lrRatioA` -> `lr-ratio-a`. */
export const flagName = (key: string): string =>
  key.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

const numeric = (text: string): number | string =>
  text.trim() === '' || Number.isNaN(Number(text)) ? text : Number(text);

const isNumberList = (text: string) => text.split(',').every((item) => typeof numeric(item) === 'number');

type Kind = 'number' | 'string' | 'numbers' | 'strings' | 'spectrum' | 'boolean';

export function kindOf(schema: z.ZodType): Kind {
  const { def } = schema as unknown as { def: { type: string; innerType?: z.ZodType; element?: z.ZodType } };
  if (def.innerType) return kindOf(def.innerType);
  if (def.element) return kindOf(def.element) === 'number' ? 'numbers' : 'strings';
  if (def.type === 'union') return 'spectrum';
  return def.type === 'number' || def.type === 'boolean' ? def.type : 'string';
}

/** The config keys whose flags are among the texts; what is no text is taken as it is. */
export function configFromText(
  schema: z.ZodObject,
  given: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const config: Record<string, unknown> = {};
  for (const [key, type] of Object.entries(schema.shape)) {
    const text = given[flagName(key)];
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
