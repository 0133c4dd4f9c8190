/**
 * The numbers of the control as they reach the sources of the kernels, by name and with the very bits they have here.
 */
import * as control from '../src/method/control.js';

/** Every number that src/method/control.ts exports. */
export const controlNumbers: Readonly<Record<string, number>> = Object.fromEntries(
  Object.entries(control).filter((entry): entry is [string, number] => typeof entry[1] === 'number'),
);

/** A finite number as a literal of floating point, in AssemblyScript and WGSL: with a point or an exponent. */
export function real(value: number): string {
  if (!Number.isFinite(value)) throw new Error(`no literal: ${value}`);
  const text = String(value);
  return /[.e]/.test(text) ? text : `${text}.0`;
}

/** The name of a constant: END_TIME of 'end-time', PROGRESS_REST of 'progressRest'. */
export const constantName = (name: string): string =>
  name
    .replace(/[A-Z]/g, (letter) => `_${letter}`)
    .replace(/-/g, '_')
    .toUpperCase();
