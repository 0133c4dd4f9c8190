/** Configs from text: a name for each key of a schema, as flags and addresses have it, and its value. */
import type { z } from 'zod';
import { isThere } from '../files/disk.js';
import { parseLocation } from '../files/location.js';
import { InputError } from '../host/inputError.js';

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

/** Flags of the keys of a schema that take a list, and so may be given more than once. */
export const listFlags = (schema: z.ZodObject): string[] =>
  Object.entries(schema.shape)
    .filter(([, type]) => ['numbers', 'strings', 'spectrum'].includes(kindOf(type as z.ZodType)))
    .map(([key]) => flagName(key));

/**
 * The config keys whose flags are among the texts; of lists that are given more than once, all items. What is no text
 * is taken as it is.
 * @param bare values of the keys whose flag may be given without one
 * @throws InputError if something that is no list is given more than once
 */
export function configFromText(
  schema: z.ZodObject,
  given: Readonly<Record<string, unknown>>,
  bare: Readonly<Record<string, unknown>> = {},
): Record<string, unknown> {
  const config: Record<string, unknown> = {};
  for (const [key, type] of Object.entries(schema.shape)) {
    const text = given[flagName(key)];
    if (text === undefined) continue;
    const kind = kindOf(type as z.ZodType);
    if (text === '' && key in bare) config[key] = bare[key];
    else if (typeof text === 'string') config[key] = valueOf(kind, text);
    else if (Array.isArray(text)) config[key] = joined(key, kind, text as string[]);
    else config[key] = text;
  }
  return config;
}

function joined(key: string, kind: Kind, texts: readonly string[]): unknown[] {
  const values = texts.map((text) => valueOf(kind, text));
  if (values.every(Array.isArray)) return values.flat();
  throw new InputError(key, texts, 'given once');
}

function valueOf(kind: Kind, text: string): unknown {
  switch (kind) {
    case 'number':
      return numeric(text);
    case 'numbers':
      return text.split(',').map(numeric);
    case 'strings':
      return itemsOf(text);
    case 'spectrum':
      return isNumberList(text) ? text.split(',').map(Number) : text;
    case 'string':
    case 'boolean':
      return text;
  }
}

/**
 * Items of a list, parted by commas, but for those in the name of a file or folder that exists: the longest such name
 * is taken.
 */
function itemsOf(text: string): string[] {
  const pieces = text.split(',');
  const items: string[] = [];
  for (let from = 0, to = 0; from < pieces.length; from = to) {
    const upTo = (end: number) => pieces.slice(from, end).join(',');
    for (to = pieces.length; to > from + 1 && !isOne(upTo(to));) to--;
    items.push(upTo(to));
  }
  return items;
}

/** Whether a file or folder of that name is there, or one that has the part after `#`, whose name has no commas. */
function isOne(name: string): boolean {
  const { path, tensor } = parseLocation(name);
  return isThere(path) && !tensor?.includes(',');
}
