/** Configurations: read from YAML or JSON, and checked against a schema. */
import { readFileSync } from 'node:fs';
import { dirname, isAbsolute, join } from 'node:path';
import { parse } from 'yaml';
import type { z } from 'zod';
import { InputError } from '../inputError.js';

/**
 * Checks a config and fills in defaults.
 * @throws InputError for the first key that is unknown, missing or out of range
 */
export function checkConfig<S extends z.ZodObject>(schema: S, input: unknown): z.output<S> {
  const result = schema.safeParse(input);
  if (result.success) return result.data;
  const issue = result.error.issues[0] as z.core.$ZodIssue;
  if (issue.code === 'unrecognized_keys') {
    throw new InputError('key', issue.keys[0], `one of ${Object.keys(schema.shape).join(', ')}`);
  }
  const value = issue.path.reduce<unknown>(
    (at, key) => (at as Record<PropertyKey, unknown> | undefined)?.[key],
    input,
  );
  throw new InputError(issue.path.join('.') || 'config', value, allowedBy(issue));
}

/** What an issue's value should have been, as it reads after "must be". */
function allowedBy(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'too_small':
      if (issue.origin === 'array') return 'a list that is not empty';
      if (issue.origin === 'string') return 'text that is not empty';
      return `${issue.inclusive ? 'at least' : 'more than'} ${issue.minimum}`;
    case 'too_big':
      return `${issue.inclusive ? 'at most' : 'less than'} ${issue.maximum}`;
    case 'invalid_value':
      return `one of ${issue.values.join(', ')}`;
    case 'invalid_type':
      return (
        { int: 'a whole number', number: 'a finite number', string: 'text', array: 'a list' }[
          issue.expected as string
        ] ?? issue.expected
      );
    default:
      return issue.message;
  }
}

/**
 * Reads a YAML or JSON config; file names in it are relative to it.
 * @throws InputError if the file cannot be read or parsed, or is not a mapping
 */
export function readConfig(file: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new InputError(
      'config',
      file,
      `a readable YAML or JSON file (${(error as Error).message.split('\n')[0]})`,
    );
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new InputError('config', file, 'a YAML or JSON mapping of keys to values');
  }
  const config = { ...value } as Record<string, unknown>;
  const beside = (named: unknown) =>
    typeof named === 'string' && FILE.test(named) && !isAbsolute(named) ? join(dirname(file), named) : named;
  for (const key of ['loss', 'target', 'base', 'covariance', 'spectrum', 'init']) {
    const named = config[key];
    if (named !== undefined) config[key] = Array.isArray(named) ? named.map(beside) : beside(named);
  }
  return config;
}

/** Names of the files that a config can name: matrices, adapters and losses. */
const FILE = /\.(safetensors(#.*)?|npy|csv|[cm]?[jt]s)$/i;
