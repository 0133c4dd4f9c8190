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
    super(`invalid ${field}: ${show(value)}; must be ${allowed}`);
  }
}

/** One short line; unlike JSON, it tells NaN, infinity and what is missing. */
function show(value: unknown): string {
  const text = textOf(value).replaceAll(/\s+/g, ' ');
  return text.length > 120 ? `${text.slice(0, 117)}...` : text;
}

function textOf(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (value === '') return '""';
  if (Array.isArray(value)) return `[${value.map(textOf).join(', ')}]`;
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}
