/**
 * Arrays from NumPy's .npy files, by npyjs: what their headers claim is checked here, before that and against the data.
 */
import { parse as parseNpy } from 'npyjs';
import { InputError } from '../host/inputError.js';
import { withFile } from './disk.js';
import { refuseForeign } from './foreign.js';
import type { HostArray } from './hostArray.js';

/** Length of the longest header that can be trusted, as NumPy takes it. */
const MAX_HEADER_BYTES = 10_000;

/** Names of types that are not read, by the header's `descr`, and what to save instead. */
const otherTypes: readonly (readonly [descr: RegExp, name: string, remedy: string])[] = [
  [/^>/, 'big-endian', "array.astype(array.dtype.newbyteorder('<'))"],
  [/^<f16$/, 'extended precision', 'array.astype("<f8")'],
  [/c\d+$/, 'complex numbers', 'array.real or array.imag'],
  [/^\|O/, 'Python objects, pickled', 'array.astype("<f8")'],
  [/^[<|][iub]\d+$/, 'integers', 'array.astype("<f4")'],
  [/^[<|]V1$/, 'bytes, perhaps an 8-bit float of ml_dtypes', 'array.astype("<f4") before it is saved'],
  [/V\d+$/, 'raw bytes', 'array.view(its type).astype("<f4")'],
  [/[USa]\d*$/, 'text', 'array.astype("<f8")'],
  [/[Mm]\d/, 'dates', 'array.astype("<f8")'],
];
/** Type that NumPy writes for bfloat16 of ml_dtypes, and for nothing else: raw bytes are `|V2`. */
const BFLOAT16 = '<V2';

/** @throws InputError, naming the path and the reason, if no array of real numbers can be read there */
export function readNpy(path: string): HostArray {
  const bytes = withFile(path, (file) => {
    refuseForeign(file);
    return file.read(0, file.size);
  });
  const { data, shape, fortranOrder } = parse(path, bytes);
  const size = shape.reduce((all, n) => all * n, 1);
  if (!shape.every((n) => Number.isSafeInteger(n) && n >= 0) || size !== data.length) {
    const fault = `shape [${shape.join(', ')}] with ${data.length} entries after the header`;
    throw new InputError(path, fault, 'a whole .npy file, with as many entries as its shape says');
  }
  return { shape, data: fortranOrder ? rowMajor(shape, data) : new Float64Array(data) };
}

function parse(path: string, bytes: Uint8Array<ArrayBuffer>) {
  try {
    const { text, start } = headerOf(bytes);
    // npyjs takes a header without this key for one in C order, which could transpose a matrix in silence.
    if (!/'fortran_order'\s*:\s*(True|False)/.test(text))
      throw new TypeError('no fortran_order in a .npy header');
    const descr = /'descr'\s*:\s*'([^']+)'/.exec(text);
    const brain = descr?.[1] === BFLOAT16;
    // npyjs reads more types than these, text without an end among them.
    if (!brain && !/^<f[248]$/.test(descr?.[1] ?? '')) throw new TypeError(typeFault(text, descr?.[1]));
    // npyjs knows no bfloat16: it reads the bits, as whole numbers.
    if (brain) bytes.set(new TextEncoder().encode('<u2'), start + text.indexOf(BFLOAT16, descr!.index));
    const array = parseNpy(bytes.buffer) as ReturnType<typeof parseNpy> & {
      data: Float32Array | Float64Array | Uint16Array;
    };
    return { ...array, data: brain ? fromBfloat16(array.data) : array.data };
  } catch (error) {
    const cause = (error as Error).message;
    const fault = error instanceof RangeError ? `it is cut short, or its header lies (${cause})` : cause;
    throw new InputError(
      path,
      fault,
      'a whole .npy file of little-endian float16, float32, float64 or bfloat16',
    );
  }
}

function typeFault(header: string, descr: string | undefined): string {
  if (descr === undefined)
    return /'descr'\s*:\s*[[(]/.test(header)
      ? 'a structured dtype (save one field of it: array["name"])'
      : 'dtype that is not simple';
  const [, name, remedy] = otherTypes.find(([pattern]) => pattern.test(descr)) ?? [];
  return name === undefined ? `dtype ${descr}` : `dtype ${descr} (${name}; save ${remedy})`;
}

/** The numbers of 16 bits each: the upper halves of float32 ones. */
function fromBfloat16(halves: ArrayLike<number>): Float32Array {
  const bits = new Uint32Array(halves.length);
  for (let i = 0; i < bits.length; i++) bits[i] = halves[i]! << 16;
  return new Float32Array(bits.buffer);
}

/** The header's dictionary, from where npyjs takes it. */
function headerOf(bytes: Uint8Array<ArrayBuffer>): { text: string; start: number } {
  const view = new DataView(bytes.buffer);
  const [start, length] =
    view.getUint8(6) > 1 ? [12, view.getUint32(8, true)] : [10, view.getUint16(8, true)];
  if (length > MAX_HEADER_BYTES) throw new TypeError(`a .npy header of ${length} bytes`);
  return { text: new TextDecoder('latin1').decode(new Uint8Array(bytes.buffer, start, length)), start };
}

/** Entries that are stored with the first index fastest, in row-major order. */
function rowMajor(shape: readonly number[], stored: ArrayLike<number>): HostArray['data'] {
  const data = new Float64Array(stored.length);
  const at = shape.map(() => 0);
  const strides = shape.map((_, d) => shape.slice(0, d).reduce((all, n) => all * n, 1));
  for (let k = 0, from = 0; k < data.length; k++) {
    data[k] = stored[from]!;
    for (let d = shape.length - 1; d >= 0; d--) {
      from += strides[d]!;
      if (++at[d]! < shape[d]!) break;
      from -= strides[d]! * shape[d]!;
      at[d] = 0;
    }
  }
  return data;
}
