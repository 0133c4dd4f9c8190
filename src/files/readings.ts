/** Digests of what a piece of work reads of files on disk, such as the matrices that a plan rests on. Node.js only. */
import { AsyncLocalStorage } from 'node:async_hooks';
import { createHash, type Hash } from 'node:crypto';
import { onRead } from './disk.js';

const readings = new AsyncLocalStorage<Map<string, Hash>>();

onRead((path, bytes) => {
  const hashes = readings.getStore();
  if (!hashes) return;
  const hash = hashes.get(path) ?? createHash('sha256');
  hashes.set(path, hash.update(bytes));
});

/**
 * Does work, and tells the SHA-256 of the bytes that it read of each file, in the order in which it came to them. Of a
 * file that it read in part, such as one tensor of many, the rest does not matter.
 */
export async function withDigests<T>(
  work: () => Promise<T>,
): Promise<{ readonly result: T; readonly digests: readonly string[] }> {
  const hashes = new Map<string, Hash>();
  const result = await readings.run(hashes, work);
  return { result, digests: [...hashes.values()].map((hash) => hash.digest('hex')) };
}
