/** Expects an InputError. */
import { expect } from 'vitest';
import { InputError } from '../src/host/inputError.js';

/** Expects `work` to throw an InputError whose message, of one line, matches `reason`. */
export function expectRefusal(work: () => unknown, reason: RegExp): void {
  try {
    work();
  } catch (error) {
    expect(error).toBeInstanceOf(InputError);
    expect((error as InputError).message).toMatch(reason);
    expect((error as InputError).message).not.toContain('\n');
    return;
  }
  expect.unreachable(`nothing was refused; expected ${reason}`);
}
