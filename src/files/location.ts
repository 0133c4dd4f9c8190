/**
 * Location of a matrix: `PATH`, or `PATH#TENSOR` where the file or folder holds several. Paths may hold `#` themselves.
 */
import { isThere } from './disk.js';

export interface Location {
  /** Path of a file or a folder. */
  readonly path: string;
  /** Text after the `#`; undefined without one. */
  readonly tensor: string | undefined;
}

/** Longer names are none, on any system; trying each beginning of one would take long. */
const LONGEST_PATH = 4096;

/**
 * The path is the longest beginning, up to a `#` or the end, that is there; of none, what comes before the first `#`.
 */
export function parseLocation(location: string): Location {
  if (location.length <= LONGEST_PATH && isThere(location)) return { path: location, tensor: undefined };
  for (let at = location.lastIndexOf('#'); at > 0; at = location.lastIndexOf('#', at - 1)) {
    const path = location.slice(0, at);
    if (path.length <= LONGEST_PATH && isThere(path)) return { path, tensor: location.slice(at + 1) };
  }
  const [, path = location, tensor] = /^(.+?)#(.*)$/s.exec(location) ?? [];
  return { path, tensor };
}

/** A name of a file as it is found from a folder; as it stands if it is absolute, or there is no folder. */
export const nameFrom = (folder: string | undefined, name: string): string =>
  folder === undefined || /^([\\/]|[a-z]:[\\/])/i.test(name) ? name : `${folder}/${name}`;
