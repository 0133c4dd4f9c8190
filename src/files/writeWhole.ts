/** Files that appear whole or not at all. */
import { renameSync, writeFileSync } from 'node:fs';

/** Writes under a temporary name in the same folder, flushes, then renames. */
export function writeWhole(file: string, content: string | Uint8Array): void {
  // Another process may be writing the same file.
  const temporary = `${file}.${process.pid}.part`;
  writeFileSync(temporary, content, { flush: true });
  renameSync(temporary, file);
}
