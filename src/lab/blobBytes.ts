/** Bytes of a file that a visitor gave, read as they are asked for: the file is never whole in memory. Workers only. */
import type { FileBytes } from '../files/disk.js';
import { InputError } from '../host/inputError.js';

/** Declared by the types of workers alone, which those of pages exclude. */
declare const FileReaderSync: new () => { readAsArrayBuffer(blob: Blob): ArrayBuffer };

/** @param path the name that messages have */
export const blobBytes = (path: string, blob: Blob): FileBytes => ({
  size: blob.size,
  read(begin, length) {
    try {
      return new Uint8Array(new FileReaderSync().readAsArrayBuffer(blob.slice(begin, begin + length)));
    } catch (error) {
      // The browser refuses a file that has changed since, or is gone.
      throw new InputError(path, (error as Error).message, 'a file that is as it was given: give it again');
    }
  },
});
