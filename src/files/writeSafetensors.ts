/** Writing the safetensors format (safetensors.ts reads it). Node.js only. */
import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { fromDisk } from './disk.js';
import type { Half } from './floatFormats.js';
import { LENGTH_BYTES, product } from './safetensors.js';
import { temporaryName } from './writeWhole.js';

/** Entries of a tensor that is written, in row-major order; of 16-bit floats their bits. */
export type WrittenData =
  | { readonly dtype?: 'F32'; readonly data: Float32Array }
  | { readonly dtype: Half; readonly data: Uint16Array };

/** A tensor to be written. */
export type WrittenTensor = WrittenData & { readonly shape: readonly number[] };

/** Type and shape of a tensor that is written later. */
export interface PlannedTensor {
  readonly dtype: 'F32' | Half;
  readonly shape: readonly number[];
}

/** A file whose tensors are written one after another, in the order of its header. */
export interface SafetensorsWriter {
  /** @throws InputError if the file cannot be written */
  write(name: string, tensor: WrittenData): void;
  /** Puts the file in its place. @throws InputError if it cannot be written; Error if a tensor is missing */
  finish(): void;
  /** Closes and removes what was not finished. */
  discard(): void;
}

/**
 * Begins a file, which appears whole or not at all, with the header of all its tensors.
 * @throws InputError if the path cannot be written
 */
export function beginSafetensors(
  path: string,
  tensors: Readonly<Record<string, PlannedTensor>>,
  metadata?: Readonly<Record<string, string>>,
): SafetensorsWriter {
  const header: Record<string, unknown> = metadata === undefined ? {} : { __metadata__: metadata };
  let end = 0;
  for (const [name, { dtype, shape }] of Object.entries(tensors)) {
    if (name === '__metadata__') throw new Error('a tensor cannot be named __metadata__');
    header[name] = {
      ...{ dtype, shape },
      data_offsets: [end, (end += product(shape) * (dtype === 'F32' ? 4 : 2))],
    };
  }
  const json = Buffer.from(JSON.stringify(header));
  const padding = Buffer.alloc(-json.length & 7, ' ');
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeBigUInt64LE(BigInt(json.length + padding.length));
  const temporary = temporaryName(path);
  const fd = fromDisk(path, () => openSync(temporary, 'wx'));
  const put = (bytes: Uint8Array) =>
    fromDisk(path, () => {
      for (let done = 0; done < bytes.length;) done += writeSync(fd, bytes, done);
    });
  const waiting = Object.keys(tensors).reverse();
  let isOpen = true;
  const discard = () => {
    if (isOpen) closeSync(fd);
    isOpen = false;
    rmSync(temporary, { force: true });
  };
  const orDiscard = (work: () => void) => {
    try {
      work();
    } catch (error) {
      discard();
      throw error;
    }
  };
  orDiscard(() => put(Buffer.concat([length, json, padding])));
  return {
    write: (name, { dtype = 'F32', data }) =>
      orDiscard(() => {
        const planned = tensors[name];
        if (waiting.pop() !== name || !planned) throw new Error(`the tensor ${name} out of turn`);
        if (dtype !== planned.dtype || data.length !== product(planned.shape))
          throw new Error(`${data.length} entries of ${dtype} cannot fill [${planned.shape.join(', ')}]`);
        put(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
      }),
    finish: () =>
      orDiscard(() => {
        if (waiting.length > 0) throw new Error(`no tensor ${waiting.at(-1)}`);
        fromDisk(path, () => {
          fsyncSync(fd);
          closeSync(fd);
          isOpen = false;
          renameSync(temporary, path);
        });
      }),
    discard,
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
