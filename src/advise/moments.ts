/**
 * The tensors of a file of statistics (format rankflow-stats/1, as scripts/export-stats.py writes it): gradients G [n, m]
 * and second moments H [m, m], S [n, n], dense or by their leading directions.
 *
 * NAME.G.U [n, k], NAME.G.sigma [k] and NAME.G.V [m, k] are U diag(sigma) V^T. NAME.H.vectors [m, k], NAME.H.values [k]
 * and NAME.H.rest, a number, are V diag(values) V^T + rest/(m - k) (I - V V^T): what is left of the trace is spread evenly
 * over the directions that are not known. So is NAME.S.
 */
import { someOf, type Safetensors } from '../files/safetensors.js';
import { InputError } from '../host/inputError.js';
import { dense, type Dense } from '../numbers/dense.js';
import { isLowRank, type LowRank, type Operator } from '../numbers/operator.js';
import { multiplyTransposedLeft } from '../numbers/products.js';
import { cholesky } from '../numbers/symmetric.js';
import { symmetricPart } from '../problem/covariance.js';

export const STATISTICS_FORMAT = 'rankflow-stats/1';

/** A file of statistics, with its path for messages. */
export interface StatisticsFile extends Safetensors {
  readonly path: string;
}

const parts = { gradient: ['U', 'sigma', 'V'], moment: ['vectors', 'values', 'rest'] } as const;

/** Largest inner product of two columns that are orthonormal but for rounding in float32, or of one with itself less 1. */
const ORTHONORMAL = 1e-4;

/** Share of the trace below 0 to which rounding in float32 can take an eigenvalue: 6e-8 of the Frobenius norm, and sums. */
const ROUNDING = 1e-6;

/** Names of the weights that have a tensor `NAME.${tensor}`, dense or by its directions. */
export function weightsWith({ tensors }: StatisticsFile, tensor: 'G' | 'H'): string[] {
  const ends = ['', ...parts[tensor === 'G' ? 'gradient' : 'moment'].map((part) => `.${part}`)];
  const names = [...tensors.keys()].flatMap((key) => {
    const end = ends.find((each) => key.endsWith(`.${tensor}${each}`));
    return end === undefined ? [] : [key.slice(0, -(tensor.length + 1 + end.length))];
  });
  return [...new Set(names)];
}

/** G [n, m]. @throws InputError, naming the tensor, if it is missing or not of either form */
export function gradientIn(file: StatisticsFile, name: string): Operator {
  if (isDense(file, name, 'gradient')) return matrixIn(file, name);
  const [left, right] = [matrixIn(file, `${name}.U`), matrixIn(file, `${name}.V`)];
  if (left.cols !== right.cols)
    throw new InputError(`${file.path}#${name}.V`, `${right.cols} columns`, `${left.cols}, as ${name}.U has`);
  for (const [part, columns] of [
    ['U', left],
    ['V', right],
  ] as const)
    checkOrthonormal(file, `${name}.${part}`, columns);
  const weights = valuesIn(file, `${name}.sigma`, left.cols);
  return { rows: left.rows, cols: right.rows, shift: 0, left, weights, right };
}

/**
 * A second moment [size, size].
 * @param like what of G its size equals
 * @throws InputError, naming the tensor, if it is missing, not of either form, of another size or not semidefinite
 */
export function momentIn(file: StatisticsFile, name: string, size: number, like: string): Operator {
  return isDense(file, name, 'moment')
    ? denseMoment(file, name, size, like)
    : lowRankMoment(file, name, size, like);
}

/** The size of a second moment, by the header alone; null if it has none. */
export function sizeOfMoment({ tensors }: StatisticsFile, name: string): number | null {
  const info = tensors.get(name) ?? tensors.get(`${name}.vectors`);
  return info?.shape[0] ?? null;
}

/** Whether a tensor is there as it is. @throws InputError if it is there in both forms or in none */
function isDense({ path, tensors }: StatisticsFile, name: string, kind: keyof typeof parts): boolean {
  const found = parts[kind].map((part) => `${name}.${part}`).filter((each) => tensors.has(each));
  if (!tensors.has(name)) {
    if (found.length === 0) throw new InputError(path, `no tensor ${name}`, 'a file with it');
    return false;
  }
  if (found.length > 0) throw new InputError(path, `${name} and ${someOf(found)}`, 'one of the two forms');
  return true;
}

/** A matrix of a file. @throws InputError, naming it, if it is missing, none, empty or not finite */
export function matrixIn(file: StatisticsFile, name: string): Dense {
  const { shape, data } = tensorIn(file, name);
  const [rows, cols] = shape;
  if (shape.length !== 2 || !rows || !cols)
    throw new InputError(
      file.path,
      `shape [${shape.join(', ')}] (tensor ${name})`,
      'a matrix that is not empty',
    );
  return dense(rows, cols, data);
}

function tensorIn({ path, tensors, get }: StatisticsFile, name: string) {
  if (!tensors.has(name)) throw new InputError(path, `no tensor ${name}`, 'a file with it');
  const tensor = get(name);
  const bad = tensor.data.find((entry) => !Number.isFinite(entry));
  if (bad !== undefined) throw new InputError(path, `${bad} (tensor ${name})`, 'finite in every entry');
  return tensor;
}

/** `count` numbers from 0 on. */
function valuesIn(file: StatisticsFile, name: string, count: number): Float64Array {
  const { shape, data } = tensorIn(file, name);
  if (data.length !== count || shape.length > 1)
    throw new InputError(
      `${file.path}#${name}`,
      `shape [${shape.join(', ')}]`,
      count === 1 ? 'one number' : `[${count}], a number for each column`,
    );
  const negative = data.find((value) => value < 0);
  if (negative !== undefined) throw new InputError(`${file.path}#${name}`, negative, 'from 0 on');
  return data;
}

function checkOrthonormal({ path }: StatisticsFile, name: string, columns: Dense): void {
  const { rows, cols } = columns;
  if (cols > rows)
    throw new InputError(`${path}#${name}`, `[${rows}, ${cols}]`, 'no more columns than rows, orthonormal');
  const gram = multiplyTransposedLeft(columns, columns).data;
  const off = gram.reduce(
    (most, value, at) => Math.max(most, Math.abs(value - (at % (cols + 1) === 0 ? 1 : 0))),
    0,
  );
  if (!(off <= ORTHONORMAL))
    throw new InputError(`${path}#${name}`, `columns that are orthonormal to ${off}`, `to ${ORTHONORMAL}`);
}

function denseMoment(file: StatisticsFile, name: string, size: number, like: string): Dense {
  const moment = matrixIn(file, name);
  const field = `${file.path}#${name}`;
  const diagonal = Array.from({ length: moment.rows }, (_, i) => moment.data[i * (moment.cols + 1)]!);
  if (!(diagonal.every((entry) => entry >= 0) && diagonal.some((entry) => entry > 0)))
    throw new InputError(field, `diagonal from ${Math.min(...diagonal)}`, 'from 0 on, and not all 0');
  const symmetric = symmetricPart(moment, size, { field, like });
  const raised = { ...symmetric, data: symmetric.data.slice() };
  const trace = diagonal.reduce((sum, value) => sum + value, 0);
  for (let i = 0; i < size; i++) raised.data[i * (size + 1)]! += ROUNDING * trace;
  if (!cholesky(raised))
    throw new InputError(
      field,
      'a matrix with a negative eigenvalue',
      'a second moment: positive semidefinite',
    );
  return symmetric;
}

function lowRankMoment(file: StatisticsFile, name: string, size: number, like: string): LowRank {
  const vectors = matrixIn(file, `${name}.vectors`);
  const { rows, cols: count } = vectors;
  if (rows !== size) throw new InputError(`${file.path}#${name}.vectors`, `${rows} rows`, `${size}, ${like}`);
  checkOrthonormal(file, `${name}.vectors`, vectors);
  const values = valuesIn(file, `${name}.values`, count);
  const [rest] = valuesIn(file, `${name}.rest`, 1) as unknown as [number];
  const trace = values.reduce((sum, value) => sum + value, rest);
  if (trace === 0)
    throw new InputError(`${file.path}#${name}.values`, 'zero in every entry, and rest 0', 'not all 0');
  if (count === size && rest > ROUNDING * trace)
    throw new InputError(`${file.path}#${name}.rest`, rest, '0: every direction is among the vectors');
  const shift = count === size ? 0 : rest / (size - count);
  return {
    ...{ rows: size, cols: size, shift, left: vectors, right: vectors },
    weights: values.map((value) => value - shift),
  };
}

/** The share of the trace of a second moment that is in directions that are known. */
export function shareKnown(moment: Operator): number {
  if (!isLowRank(moment)) return 1;
  const { weights, shift, rows } = moment;
  const known = weights.reduce((sum, weight) => sum + weight + shift, 0);
  return known / (known + shift * (rows - weights.length));
}
