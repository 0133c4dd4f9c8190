/** Writing the safetensors format (safetensors.ts reads it). Node.js only. */
import { fromDisk } from './disk.js';
import type { Half } from './floatFormats.js';
import { LENGTH_BYTES, product } from './safetensors.js';
import { writeWhole } from './writeWhole.js';

/** A tensor to be written: `data` in row-major order of its `shape`, of 16-bit floats their bits. */
export type WrittenTensor = { readonly shape: readonly number[] } & (
  | { readonly dtype?: 'F32'; readonly data: Float32Array }
  | { readonly dtype: Half; readonly data: Uint16Array }
);

/** The bytes of a safetensors file. */
export function safetensorsBytes(
  tensors: Readonly<Record<string, WrittenTensor>>,
  metadata?: Readonly<Record<string, string>>,
): Uint8Array {
  const header: Record<string, unknown> = metadata === undefined ? {} : { __metadata__: metadata };
  let end = 0;
  for (const [name, { dtype = 'F32', shape, data }] of Object.entries(tensors)) {
    if (name === '__metadata__') throw new Error('a tensor cannot be named __metadata__');
    if (data.length !== product(shape))
      throw new Error(`${data.length} entries cannot fill [${shape.join(', ')}]`);
    header[name] = { dtype, shape, data_offsets: [end, (end += data.byteLength)] };
  }
  const json = Buffer.from(JSON.stringify(header));
  const padding = Buffer.alloc(-json.length & 7, ' ');
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeBigUInt64LE(BigInt(json.length + padding.length));
  const bodies = Object.values(tensors).map(
    ({ data: d }) => new Uint8Array(d.buffer, d.byteOffset, d.byteLength),
  );
  return Buffer.concat([length, json, padding, ...bodies]);
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
  const bytes = safetensorsBytes(tensors, metadata);
  fromDisk(path, () => writeWhole(path, bytes));
}
