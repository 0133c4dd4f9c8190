/** Files of the safetensors format on disk. Node.js only. */
import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { fromDisk } from './disk.js';
import {
  safetensorsWriter,
  type PlannedTensor,
  type SafetensorsWriter,
  type Sink,
  type WrittenTensor,
} from './safetensorsWriter.js';
import { temporaryName } from './writeWhole.js';

export type { PlannedTensor, SafetensorsWriter, WrittenData, WrittenTensor } from './safetensorsWriter.js';

/**
 * Begins a file, which appears whole or not at all, with the header of all its tensors.
 * @throws InputError if the path cannot be written
 */
export const beginSafetensors = (
  path: string,
  tensors: Readonly<Record<string, PlannedTensor>>,
  metadata?: Readonly<Record<string, string>>,
): SafetensorsWriter => safetensorsWriter(fileSink(path), tensors, metadata);

/** @throws InputError if the path cannot be written */
function fileSink(path: string): Sink {
  const temporary = temporaryName(path);
  const fd = fromDisk(path, () => openSync(temporary, 'wx'));
  let isOpen = true;
  return {
    put: (bytes) =>
      fromDisk(path, () => {
        for (let done = 0; done < bytes.length;) done += writeSync(fd, bytes, done);
      }),
    finish: () =>
      fromDisk(path, () => {
        fsyncSync(fd);
        closeSync(fd);
        isOpen = false;
        renameSync(temporary, path);
      }),
    discard() {
      if (isOpen) closeSync(fd);
      isOpen = false;
      rmSync(temporary, { force: true });
    },
  };
}

/**
 * Writes tensors to a safetensors file, whole.
 * @throws InputError if the path cannot be written
 */
export function writeSafetensors(
  path: string,
  tensors: Readonly<Record<string, WrittenTensor>>,
  metadata?: Readonly<Record<string, string>>,
): void {
  const planned = Object.entries(tensors).map(
    ([name, { dtype = 'F32', shape }]) => [name, { dtype, shape }] as const,
  );
  const file = beginSafetensors(path, Object.fromEntries(planned), metadata);
  for (const [name] of planned) file.write(name, tensors[name]!);
  file.finish();
}
