/**
 * Reads one real matrix: of a checkpoint (`PATH#TENSOR`, PATH a .safetensors file, an index or a folder), or from a
 * `.npy` or `.csv` file. A matrix that comes back is two-dimensional, not empty and finite in every entry.
 */
import { dense, transposed, type Dense } from '../numbers/dense.js';
import { InputError } from '../host/inputError.js';
import { candidates, isIndex, isSafetensors, openCheckpoint, type Checkpoint } from './checkpoint.js';
import { isConv1D } from './conv1D.js';
import { readCsv } from './csv.js';
import { isThere, namesIn, withFile } from './disk.js';
import { beginsWith, NUMPY, refuseForeign } from './foreign.js';
import type { HostArray } from './hostArray.js';
import { parseLocation } from './location.js';
import { readNpy } from './npy.js';
import { product } from './safetensors.js';
import { say } from './say.js';

/** Options of reading a matrix. */
export interface Reading {
  /**
   * Takes the stored matrix for [in, out], and transposes it. By default, that is done to the weights of Conv1D
   * layers alone, where a config.json beside the checkpoint says that the model has them (GPT-2), and said.
   */
  readonly transpose?: boolean | undefined;
}

/** Array at a location, or one of a stack of them. */
interface StoredArray extends HostArray {
  /** Index I into the stack, of `NAME[I]`; null without one. */
  readonly index: number | null;
  readonly conv1D: boolean;
}

/**
 * @param location `file.npy`, `file.csv`, `file.safetensors` that holds one 2-D tensor, or `PATH#tensor.name`, with
 *   PATH a .safetensors file, a `.safetensors.index.json`, or a folder that holds either; `NAME[I]` is the I-th matrix
 *   (from 0) of a three-dimensional array. A convolution [out, in, h, w] becomes [out, in h w].
 * @returns the matrix, [rows, cols]
 * @throws InputError, naming the location and the reason, if no finite and non-empty matrix can be read there
 */
export function readMatrix(location: string, { transpose }: Reading = {}): Dense {
  const stored = readArray(location);
  const [rows, cols, data] = matrixOf(location, stored);
  if (data.length === 0)
    throw new InputError(location, `a matrix of shape [${rows}, ${cols}]`, 'at least [1, 1]');
  const bad = data.findIndex((entry) => !Number.isFinite(entry));
  if (bad >= 0)
    throw new InputError(
      location,
      `${String(data[bad])} in row ${Math.floor(bad / cols) + 1}, column ${(bad % cols) + 1}`,
      'a finite number in every entry',
    );
  const matrix = dense(rows, cols, data);
  if (transpose === undefined && stored.conv1D)
    say(`${location} is transposed: a Conv1D weight, [in, out] (--no-transpose keeps it)`);
  return (transpose ?? stored.conv1D) ? transposed(matrix) : matrix;
}

/**
 * The entries of a file of any shape, such as a list of singular values.
 * @throws InputError, naming the location and the reason, if they cannot be read
 */
export const readEntries = (location: string): Float64Array => readArray(location).data;

function matrixOf(
  location: string,
  { shape, data, index }: StoredArray,
): [number, number, StoredArray['data']] {
  const fault = (allowed: string) =>
    new InputError(location, `an array of shape [${shape.join(', ')}]`, allowed);
  const [first, second, third = 1, fourth = 1] = shape;
  if (shape.length === 1 && first === 0)
    throw fault(
      'a whole tensor: this is the placeholder that DeepSpeed ZeRO-3 saves; gather the weights first (zero_to_fp32.py)',
    );
  if (first === undefined || second === undefined) throw fault('a matrix, with two dimensions');
  if (index !== null) {
    if (shape.length !== 3) throw fault('three-dimensional, to be given an index');
    if (index >= first) throw fault(`given an index below ${first}`);
    const size = second * third;
    return [second, third, data.slice(index * size, (index + 1) * size)];
  }
  if (shape.length === 3)
    throw fault('a matrix, with two dimensions: of a stack, such as experts, name one, #NAME[0]');
  if (shape.length === 4) {
    say(
      `${location}, [${shape.join(', ')}], is flattened to [${first}, ${second * third * fourth}]: a convolution's [out, in h w]`,
    );
    return [first, second * third * fourth, data];
  }
  if (shape.length > 4) throw fault('a matrix, with two dimensions');
  return [first, second, data];
}

function readArray(location: string): StoredArray {
  const { path, tensor } = parseLocation(location);
  const readWhole = (read: (path: string) => HostArray): StoredArray => {
    const [, name = tensor, index] = /^(.*)\[(\d+)\]$/.exec(tensor ?? '') ?? [];
    if (name) throw new InputError(location, `#${name}`, `${path} alone, or ${path}#[I]: it has no names`);
    return { ...read(path), index: index === undefined ? null : Number(index), conv1D: false };
  };
  switch (kindOf(location, path)) {
    case 'checkpoint':
      return readTensor(location, openCheckpoint(path), tensor);
    case 'npy':
      return readWhole(readNpy);
    case 'csv':
      return readWhole(readCsv);
  }
}

/** Kind of a file by its name, and where that does not tell, by its first bytes. @throws InputError if neither does */
function kindOf(location: string, path: string): 'checkpoint' | 'npy' | 'csv' {
  const extension = /\.[^./\\]*$/.exec(path)?.[0].toLowerCase() ?? '';
  if (extension === '.safetensors' || extension === '.json') return 'checkpoint';
  if (namesIn(path)) return 'checkpoint';
  if (extension === '.npy') return 'npy';
  if (extension === '.csv') return 'csv';
  if (isThere(path)) {
    withFile(path, refuseForeign);
    if (isSafetensors(path) || isIndex(path)) return 'checkpoint';
    if (withFile(path, (file) => beginsWith(file, NUMPY))) return 'npy';
  } else if (extension === '') throw new InputError(location, 'no such file or folder', 'a matrix file');
  throw new InputError(
    location,
    `a file name that ends in "${extension}"`,
    'a .safetensors, .npy or .csv file, or a checkpoint folder',
  );
}

function readTensor(location: string, file: Checkpoint, request: string | undefined): StoredArray {
  const selection = findTensor(file, request);
  if (!selection) {
    const fault =
      request === undefined ? `${file.matrices.length} matrices in the file` : 'no tensor of that name';
    const names =
      file.matrices.length > 0
        ? file.matrices
        : file.names.filter((name) => file.info(name).shape.length > 2);
    throw new InputError(
      location,
      fault,
      names.length > 0
        ? `${parseLocation(location).path}#NAME, with NAME one of: ${candidates(names, request)}`
        : 'a file with a 2-D tensor',
    );
  }
  const { name, index } = selection;
  const { shape } = file.info(name);
  if (product(shape) === 0) return { shape, data: new Float64Array(), index, conv1D: false };
  return { ...file.get(name), index, conv1D: isConv1D(file, name) };
}

/** The tensor that is asked for, or the only matrix, or the only tensor of whatever shape; null if there is none. */
function findTensor(file: Checkpoint, request: string | undefined) {
  if (request === undefined) {
    const only = [file.matrices, file.names].find(({ length }) => length === 1);
    return only ? { name: only[0]!, index: null } : null;
  }
  const name = file.nameOf(request);
  if (name !== null) return { name, index: null };
  const [, stack, index] = /^(.*)\[(\d+)\]$/.exec(request) ?? [];
  const stackName = stack === undefined ? null : file.nameOf(stack);
  return stackName === null ? null : { name: stackName, index: Number(index) };
}
