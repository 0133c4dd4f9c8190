/**
 * Access to files: those that were added by name, in memory or wherever their bytes are read, which are all that a
 * browser has, and in Node.js the file system.
 */
import { inNode } from '../host/platform.js';
import { InputError } from '../host/inputError.js';

/** A file that can be read in parts. */
export interface OpenFile {
  readonly path: string;
  readonly size: number;
  /** The bytes from `begin` on, or fewer at the end of the file. */
  read(begin: number, length: number): Uint8Array<ArrayBuffer>;
  /** The first bytes, to see what the file is: nothing is taken from them, and `onRead` does not hear of them. */
  peek(length: number): Uint8Array<ArrayBuffer>;
}

/** No system call reads 2 GiB or more. */
const MOST_AT_ONCE = 2 ** 30;

/** The bytes of a file that is added by its name. */
export interface FileBytes {
  readonly size: number;
  /** The bytes from `begin` on, or fewer at the end. */
  read(begin: number, length: number): Uint8Array<ArrayBuffer>;
}

const added = new Map<string, FileBytes>();

/** The file of that name has these bytes from now on. Folders are in names: `FOLDER/FILE`. */
export const addFile = (name: string, bytes: FileBytes): void => void added.set(name, bytes);

export const removeFile = (name: string): void => void added.delete(name);

/** Bytes that are in memory as they are. */
export const inMemory = (bytes: Uint8Array<ArrayBuffer>): FileBytes => ({
  size: bytes.length,
  read: (begin, length) => bytes.slice(begin, begin + length),
});

/** The names in a folder of files that were added, in order. */
const addedIn = (folder: string): string[] => {
  const start = `${folder}/`;
  const below = [...added.keys()].filter((name) => name.startsWith(start));
  return [...new Set(below.map((name) => name.slice(start.length).split('/')[0]!))].sort();
};

let listener: (path: string, bytes: Uint8Array) => void = () => undefined;

/** Sets the listener that is called with every piece of bytes read of a file on disk from now on. */
export const onRead = (newListener: typeof listener): void => void (listener = newListener);

/** Tests whether a file or folder of that name is there. */
export const isThere = (path: string): boolean =>
  added.has(path) ||
  addedIn(path).length > 0 ||
  (inNode() && process.getBuiltinModule('node:fs').existsSync(path));

/** The names in a folder, in order; null of what is no folder. */
export function namesIn(path: string): readonly string[] | null {
  if (added.has(path)) return null;
  const names = addedIn(path);
  if (names.length > 0) return names;
  if (!inNode()) return null;
  const { readdirSync, statSync } = process.getBuiltinModule('node:fs');
  if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) return null;
  return fromDisk(path, () => readdirSync(path).sort());
}

/**
 * Opens a file, and closes it after the work.
 * @throws InputError if there is no such file, it is a folder, or the system refuses it; whatever else `work` throws
 */
export function withFile<T>(path: string, work: (file: OpenFile) => T): T {
  const bytes = added.get(path);
  if (bytes) {
    const { size, read } = bytes;
    return work({ path, size, read, peek: (length) => read(0, length) });
  }
  if (!inNode()) throw new InputError(path, 'no such file here', 'a file that was dropped on this page');
  const { closeSync, fstatSync, openSync, readSync } = process.getBuiltinModule('node:fs');
  return fromDisk(path, () => {
    const fd = openSync(path, 'r');
    try {
      const stat = fstatSync(fd);
      if (stat.isDirectory()) throw new InputError(path, 'a folder', 'a file');
      const bytesAt = (begin: number, length: number) => {
        const into = new Uint8Array(length);
        let done = 0;
        for (let received = -1; received !== 0 && done < length; done += received)
          received = readSync(fd, into, done, Math.min(length - done, MOST_AT_ONCE), begin + done);
        return done < length ? into.slice(0, done) : into;
      };
      return work({
        path,
        size: stat.size,
        read(begin, length) {
          const bytes = bytesAt(begin, length);
          listener(path, bytes);
          return bytes;
        },
        peek: (length) => bytesAt(0, length),
      });
    } finally {
      closeSync(fd);
    }
  });
}

/** All bytes of a file. @throws InputError as withFile */
export const readBytes = (path: string): Uint8Array<ArrayBuffer> =>
  withFile(path, ({ size, read }) => read(0, size));

/**
 * Runs file system calls on a path, and says what the system refused as a mistake in that path.
 * @throws InputError where `work` throws an error of the file system; whatever else `work` throws
 */
export function fromDisk<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof Error && 'code' in error)) throw error;
    throw new InputError(path, error.message.split(', ')[0], 'a file that can be opened');
  }
}
