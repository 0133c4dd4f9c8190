/** Lines on standard error (in a browser, its console) about what was made of a file that its user may not expect. */
import { printable } from '../host/inputError.js';

const pastLines = new Set<string>();

/** Says a line, once in a process: the same file is read again for other problems. */
export function say(line: string): void {
  if (pastLines.has(line)) return;
  pastLines.add(line);
  console.warn(`rankflow: ${printable(line, 1000)}`);
}
