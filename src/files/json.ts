/** JSON files that hold one object, such as the configs and the index of a checkpoint. */
import { InputError } from '../host/inputError.js';
import { readBytes } from './disk.js';
import { textOf } from './foreign.js';

/** @throws InputError if a file cannot be read, or is no JSON object */
export function readJson(path: string): Readonly<Record<string, unknown>> {
  const text = textOf(path, readBytes(path));
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new InputError(
      path,
      (error as Error).message,
      'a JSON object, without comments or trailing commas',
    );
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value };
  throw new InputError(path, 'JSON that is no object', 'a JSON object');
}
