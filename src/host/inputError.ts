/**
 * A mistake in what the user gave: a flag, a config key, a file. The command line prints its message alone and
 * exits with code 2; everything else that is thrown is a defect.
 */
export class InputError extends Error {
  override readonly name = 'InputError';

  /**
   * @param field what was given: a flag, a config key, or a file path
   * @param value the value found there
   * @param allowed what would have been right, as it reads after "must be" (for example "a positive integer")
   */
  constructor(
    readonly field: string,
    readonly value: unknown,
    readonly allowed: string,
  ) {
    super(
      `invalid ${printable(field, 500)}: ${printable(textOf(value), 120)}; must be ${printable(allowed, 1000)}`,
    );
  }
}

/**
 * Text as one line of at most `most` characters, without any that a terminal would obey: files can hold those in names.
 */
export function printable(text: string, most: number): string {
  const shown = text.replaceAll(/\s+/g, ' ').replaceAll(/\p{Cc}/gu, '\ufffd');
  return shown.length > most ? `${shown.slice(0, most - 3)}...` : shown;
}

/** Unlike JSON, it tells NaN, infinity and what is missing; what is nested deeper than in any config is left out. */
function textOf(value: unknown, depth = 0): string {
  if (value === undefined) return 'nothing';
  if (value === '') return '""';
  if (typeof value !== 'object' || value === null) return String(value);
  const text = (item: unknown) => (depth < 3 ? textOf(item, depth + 1) : '...');
  if (Array.isArray(value)) return `[${value.map(text).join(', ')}]`;
  return `{${Object.entries(value)
    .map(([key, item]) => `${key}: ${text(item)}`)
    .join(', ')}}`;
}
