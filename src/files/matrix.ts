/**
 * Reads one real matrix from a file: `.safetensors` (one tensor of it, named after a `#` where there are several),
 * `.npy` or `.csv`. A matrix that comes back is two-dimensional, not empty and finite in every entry.
 */
import { CsvError, parse as parseCsv } from 'csv-parse/sync';
import { parse as parseNpy } from 'npyjs';
import { dense, type Dense } from '../numbers/dense.js';
import { InputError } from '../inputError.js';
import { readBytes } from './disk.js';
import { readSafetensors, someOf } from './safetensors.js';

/** An array of any number of dimensions, entries in row-major order. */
interface HostArray {
  readonly shape: readonly number[];
  readonly data: Float64Array<ArrayBuffer>;
}

/** Written so that digits match in one way only: where they could be split, long ones would be tried in every split. */
const DECIMAL = /^[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?$/i;
/** What NumPy, too, takes for the longest header that can be trusted. */
const MAX_NPY_HEADER_BYTES = 10_000;

/**
 * @param location `file.npy`, `file.csv`, `file.safetensors` that holds one 2-D tensor, or `file.safetensors#tensor.name`
 * @returns the matrix, [rows, cols]
 * @throws InputError, naming the location and the reason, if no finite and non-empty matrix can be read there
 */
export function readMatrix(location: string): Dense {
  const { shape, data } = readArray(location);
  const [rows, cols] = shape;
  if (rows === undefined || cols === undefined || shape.length !== 2) {
    throw new InputError(
      location,
      `an array of shape [${shape.join(', ')}]`,
      'a matrix, with two dimensions',
    );
  }
  if (data.length === 0)
    throw new InputError(location, `a matrix of shape [${rows}, ${cols}]`, 'at least [1, 1]');
  const bad = data.findIndex((entry) => !Number.isFinite(entry));
  if (bad >= 0) throw notFinite(location, String(data[bad]), Math.floor(bad / cols), bad % cols);
  return dense(rows, cols, data);
}

/**
 * The entries of a file of any shape, such as a list of singular values.
 * @throws InputError, naming the location and the reason, if they cannot be read
 */
export const readEntries = (location: string): Float64Array => readArray(location).data;

function readArray(location: string): HostArray {
  const [, path, tensor] = /^(.*?\.safetensors)(?:#(.*))?$/is.exec(location) ?? [];
  if (path !== undefined) return readTensor(location, path, tensor);
  const extension = /\.[^./\\]*$/.exec(location)?.[0].toLowerCase() ?? '';
  if (extension === '.npy') return readNpy(location);
  if (extension === '.csv') return readCsv(location);
  throw new InputError(
    location,
    `a file name that ends in "${extension}"`,
    'a .safetensors, .npy or .csv file',
  );
}

function readTensor(location: string, path: string, name: string | undefined): HostArray {
  const file = readSafetensors(path);
  const matrices = [...file.tensors].filter(([, { shape }]) => shape.length === 2).map(([key]) => key);
  if (name !== undefined && file.tensors.has(name)) return file.get(name);
  if (name === undefined && matrices[0] !== undefined && matrices.length === 1) return file.get(matrices[0]);
  const found = name === undefined ? `${matrices.length} matrices in the file` : 'no tensor of that name';
  const candidates = `${path}#NAME, with NAME one of: ${someOf(matrices)}`;
  throw new InputError(location, found, matrices.length > 0 ? candidates : 'a file with a 2-D tensor');
}

/** npyjs reads the bytes; what its header claims is checked here, before that and against the data it found. */
function readNpy(path: string): HostArray {
  const { data, shape, fortranOrder } = parsedNpy(path, readBytes(path));
  const size = shape.reduce((all, n) => all * n, 1);
  if (!shape.every((n) => Number.isSafeInteger(n) && n >= 0) || size !== data.length) {
    const found = `shape [${shape.join(', ')}] with ${data.length} entries after the header`;
    throw new InputError(path, found, 'a whole .npy file, with as many entries as its shape says');
  }
  const [rows = 0, cols = 0] = shape;
  const transpose = fortranOrder && shape.length === 2;
  return { shape, data: transpose ? rowMajor(rows, cols, data) : new Float64Array(data) };
}

function parsedNpy(path: string, bytes: Uint8Array<ArrayBuffer>) {
  try {
    const header = npyHeader(bytes);
    // npyjs takes a header without this key for one in C order, which could transpose a matrix in silence.
    if (!/'fortran_order'\s*:\s*(True|False)/.test(header))
      throw new TypeError('no fortran_order in a .npy header');
    // It reads more types than these, text without an end among them.
    const [, dtype = 'that is not simple'] = /'descr'\s*:\s*'([^']+)'/.exec(header) ?? [];
    if (!/^<f[248]$/.test(dtype)) throw new TypeError(`dtype ${dtype}`);
    return parseNpy(bytes.buffer) as ReturnType<typeof parseNpy> & { data: Float32Array | Float64Array };
  } catch (error) {
    const cause = (error as Error).message;
    const found = error instanceof RangeError ? `it is cut short, or its header lies (${cause})` : cause;
    throw new InputError(path, found, 'a whole .npy file of little-endian float16, float32 or float64');
  }
}

/** The header's dictionary, from where npyjs takes it. */
function npyHeader(bytes: Uint8Array<ArrayBuffer>): string {
  const view = new DataView(bytes.buffer);
  const [start, length] =
    view.getUint8(6) > 1 ? [12, view.getUint32(8, true)] : [10, view.getUint16(8, true)];
  if (length > MAX_NPY_HEADER_BYTES) throw new TypeError(`a .npy header of ${length} bytes`);
  return new TextDecoder('latin1').decode(new Uint8Array(bytes.buffer, start, length));
}

/** The entries of a [rows, cols] matrix that is stored column after column, in row-major order. */
function rowMajor(rows: number, cols: number, columns: ArrayLike<number>): HostArray['data'] {
  return Float64Array.from(
    { length: rows * cols },
    (_, k) => columns[(k % cols) * rows + Math.floor(k / cols)] ?? NaN,
  );
}

function readCsv(path: string): HostArray {
  const bytes = readBytes(path);
  const records = csvRecords(path, bytes);
  const cols = records[0]?.length ?? 0;
  const data = new Float64Array(records.length * cols);
  records.forEach((record, i) =>
    record.forEach((cell, j) => {
      if (!DECIMAL.test(cell)) throw notFinite(path, `"${cell}"`, i, j);
      data[i * cols + j] = Number(cell);
    }),
  );
  return { shape: [records.length, cols], data };
}

function csvRecords(path: string, bytes: Uint8Array<ArrayBuffer>): string[][] {
  try {
    // Text, not bytes: those would have to be a Buffer, which browsers do not have.
    return parseCsv(new TextDecoder().decode(bytes), {
      trim: true,
      skip_empty_lines: true,
      // Where it has to find out, the search is repeated at every byte of the first line.
      record_delimiter: ['\r\n', '\n', '\r'],
    });
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    throw new InputError(path, error.message, 'a .csv file with rows of equal length');
  }
}

function notFinite(location: string, entry: string, i: number, j: number): InputError {
  return new InputError(
    location,
    `${entry} in row ${i + 1}, column ${j + 1}`,
    'a finite number in every entry',
  );
}
