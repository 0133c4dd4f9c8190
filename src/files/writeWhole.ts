/** Files that appear whole or not at all. */
import { randomUUID } from 'node:crypto';
import { renameSync, writeFileSync } from 'node:fs';

/** Name under which a file is made before it is renamed to `path`: no other process, on any machine, has the same. */
export const temporaryName = (path: string): string => `${path}.${randomUUID()}.part`;

/** Writes under a temporary name in the same folder, flushes, then renames. */
export function writeWhole(file: string, content: string | Uint8Array): void {
  const temporary = temporaryName(file);
  writeFileSync(temporary, content, { flush: true });
  renameSync(temporary, file);
}
