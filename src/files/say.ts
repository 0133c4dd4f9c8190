/** Lines on standard error (in a browser, its console) about what was made of a file that its user may not expect. */
import { printable } from '../host/inputError.js';

const said = new Set<string>();

/** Says a line, once in a process: the same file is read again for other problems. */
export function say(line: string): void {
  if (said.has(line)) return;
  said.add(line);
  console.warn(`rankflow: ${printable(line, 1000)}`);
}
