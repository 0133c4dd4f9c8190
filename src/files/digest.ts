/** Digests of whole files, which may be larger than memory. Node.js only. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';

const PIECE = 2 ** 22;

/** SHA-256 of the bytes of files one after another, with how many there are of each, as hexadecimal digits. */
export async function digestOfFiles(paths: readonly string[]): Promise<string> {
  const hash = createHash('sha256');
  for (const path of paths) {
    let size = 0;
    for await (const piece of createReadStream(path, { highWaterMark: PIECE })) {
      hash.update(piece as Buffer);
      size += (piece as Buffer).length;
    }
    hash.update(`${size};`);
  }
  return hash.digest('hex');
}
