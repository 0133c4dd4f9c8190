/** Files that appear whole or not at all. */
import { renameSync, writeFileSync } from 'node:fs';

/** Writes under a temporary name in the same folder, flushes, then renames. */
export function writeWhole(file: string, content: string | Uint8Array): void {
  const temporary = `${file}.part`;
  writeFileSync(temporary, content, { flush: true });
  renameSync(temporary, file);
}
