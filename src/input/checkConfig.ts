/** Configurations checked against a schema. */
import type { z } from 'zod';
import { InputError } from '../host/inputError.js';

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
