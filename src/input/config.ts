/** Configurations read from YAML or JSON. Node.js only. */
import { readFileSync } from 'node:fs';
import { dirname, isAbsolute, join } from 'node:path';
import { parse } from 'yaml';
import { InputError } from '../inputError.js';

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
    typeof named === 'string' && isFileName(named) && !isAbsolute(named) ? join(dirname(file), named) : named;
  for (const key of ['loss', 'target', 'base', 'covariance', 'spectrum', 'init']) {
    const named = config[key];
    if (named !== undefined) config[key] = Array.isArray(named) ? named.map(beside) : beside(named);
  }
  return config;
}

/** Whether a value is the name of a file that a config can name: of a matrix, adapters or a loss. */
export const isFileName = (value: string): boolean =>
  /\.(safetensors(#.*)?|npy|csv|[cm]?[jt]s)$/i.test(value);
