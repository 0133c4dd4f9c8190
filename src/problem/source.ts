/**
 * The matrices that a user names: from files, from a spectrum, or as the difference of two. Files are read once; a
 * problem is then made of them per loss and shape (and per rank for PiSSA, which changes W0).
 */
import { dense, difference, leadingColumns, scaledColumns, type Dense } from '../numbers/dense.js';
import { isThere } from '../files/disk.js';
import { nameFrom, parseLocation } from '../files/location.js';
import { say } from '../files/say.js';
import { readEntries, readMatrix } from '../files/matrix.js';
import { InputError } from '../host/inputError.js';
import type { Factors } from './factors.js';
import { assembled, randomFrame, type Frame } from './frame.js';
import { norm } from '../numbers/norm.js';
import { checkScale } from './scale.js';
import { isNamedSpectrum, listedSpectrum, namedSpectrum } from './spectrum.js';

export interface Shape {
  readonly n: number;
  readonly m: number;
}

/** Reads a shape such as "64x48": n and m. */
export function parseShape(text: string): Shape {
  const [n, m] = text.split('x').map(Number) as [number, number];
  return { n, m };
}

/** The curvature matrices that a loss may take beside its target, by the keys of a config: what each is, in words. */
export const curvatureNames = {
  covariance: 'input covariance',
  outputCovariance: 'output covariance',
} as const;

export type CurvatureKey = keyof typeof curvatureNames;
export const curvatureKeys = Object.keys(curvatureNames) as CurvatureKey[];

/** Curvature matrices by name: a file each, or the spectrum of a diagonal one. */
export type CurvatureSpecs = { readonly [Key in CurvatureKey]?: string | undefined };

/**
 * The matrices as the user names them. Files are as `readMatrix` takes them: `file.safetensors#tensor` picks one of
 * several.
 */
export interface SourceSpec extends CurvatureSpecs {
  /** Folder from which names of files are relative (default: the working folder). */
  readonly folder?: string | undefined;
  /** M, what W should become. */
  readonly target?: string | undefined;
  /** W0, what is frozen (default: zero). */
  readonly base?: string | undefined;
  /** Whether the files of M and W0 hold them as [in, out] (default: where a config.json says so). */
  readonly transpose?: boolean | undefined;
  /** Instead of files: the singular values of E = M - W0 (for the trace-squared loss, of W0). */
  readonly spectrum?: string | readonly number[] | undefined;
  /** Singular vectors that go with a spectrum. */
  readonly vectors?: 'identity' | 'random' | undefined;
  readonly seed?: number | undefined;
  /** Standard deviation tau of the noise that training sees: M + tau Z (noise.ts). */
  readonly noise?: number | undefined;
  /** Samples N that training sees instead of the target, and the standard deviation of their labels' noise (samples.ts). */
  readonly samples?: number | undefined;
  readonly labelNoise?: number | undefined;
}

/** The matrices behind a spec, read; and which draw of the target it is of. */
export interface Source {
  readonly spec: SourceSpec;
  /** Number of the draw, from 0. */
  readonly draw: number;
  readonly target: Dense | null;
  readonly base: Dense | null;
  /** Curvature matrices that come from files. */
  readonly curvatures: Readonly<Record<CurvatureKey, Dense | null>>;
}

/**
 * Reads the files of a spec.
 * @throws InputError for a file that cannot be read, matrices that do not fit each other, or nothing to start from
 */
export function readSource(spec: SourceSpec): Source {
  if (spec.spectrum !== undefined && (spec.target !== undefined || spec.base !== undefined)) {
    throw new InputError('spectrum', spec.spectrum, 'left out when target or base are given as files');
  }
  if (spec.spectrum === undefined && spec.vectors === 'random')
    throw new InputError('vectors', spec.vectors, 'left out without a spectrum');
  if (spec.transpose && spec.target === undefined && spec.base === undefined)
    throw new InputError('transpose', true, 'left out without a target or base in a file');
  const { folder } = spec;
  const read = (location: string | undefined) =>
    location === undefined ? null : readMatrix(nameFrom(folder, location), spec);
  const [target, base] = [read(spec.target), read(spec.base)];
  if (target && base && (target.rows !== base.rows || target.cols !== base.cols)) {
    throw new InputError(
      'base',
      `${base.rows} x ${base.cols}`,
      `of the target's shape, ${target.rows} x ${target.cols}`,
    );
  }
  const curvature = (key: CurvatureKey): [CurvatureKey, Dense | null] => {
    const named = spec[key];
    return [key, named === undefined || isNamedSpectrum(named) ? null : readMatrix(nameFrom(folder, named))];
  };
  const curvatures = Object.fromEntries(curvatureKeys.map(curvature)) as Source['curvatures'];
  return { spec, draw: 0, target, base, curvatures };
}

/** The source at another draw of the target. */
export const atDraw = (source: Source, draw: number): Source => ({ ...source, draw });

/** The shape that a source's matrices have, or null if it is free. */
export const shapeOf = ({ target, base }: Source): Shape | null => {
  const given = target ?? base;
  return given && { n: given.rows, m: given.cols };
};

/** The shapes that a config names, else that of the source. @throws InputError if there is neither */
export function shapesOf(texts: readonly string[] | undefined, source: Source): Shape[] {
  const shape = shapeOf(source);
  if (!texts && !shape) throw new InputError('shape', undefined, 'NxM, unless a matrix file gives it');
  return texts?.map(parseShape) ?? [shape as Shape];
}

/** Last two names of a path: enough to recognize a file by. */
const tail = (file: string) => file.split(/[\\/]/).slice(-2).join('/');

/** Short name of what a source aims at, for tables. */
export function labelOf({ spec }: Source): string {
  const files = [spec.target, spec.base].filter((file) => file !== undefined);
  if (files.length > 0) return files.map(tail).join(' - ');
  if (spec.spectrum === undefined) return 'W0 = 0';
  if (typeof spec.spectrum === 'string') return spec.spectrum;
  return spec.spectrum.length === 1 ? '1 singular value' : `${spec.spectrum.length} singular values`;
}

/** Smallest side of a matrix from which its decomposition takes seconds, and is said. */
export const LARGE = 512;

export function sayDecomposition({ n, m }: Shape): void {
  if (Math.min(n, m) >= LARGE) say(`singular values and vectors of ${n} x ${m} ...`);
}

export function checkShape(source: Source, { n, m }: Shape): void {
  const given = shapeOf(source);
  if (given && (given.n !== n || given.m !== m))
    throw new InputError('shape', `${n}x${m}`, `that of the matrix, ${given.n}x${given.m}`);
}

/**
 * W0 of a source for a custom loss, [n, m]: zero if it names none.
 * @throws InputError if that has another shape
 */
export function baseOf(source: Source, shape: Shape): Dense {
  checkShape(source, shape);
  const { base, spec } = source;
  return base ?? (spec.spectrum === undefined ? zeros(shape) : spectralMatrix(spec, shape));
}

/**
 * E = M - W0 [n, m] of the matrices that a source names; `base`, if given, replaces W0.
 * @throws InputError if they have another shape, E is zero, or of a scale at which the flow cannot be followed
 */
export function targetError(source: Source, shape: Shape, base = source.base): Dense {
  checkShape(source, shape);
  const error = errorMatrix(source, shape, base);
  const size = norm(error.data);
  if (size === 0) throw new InputError('target', 'M - W0 = 0', 'different from the base');
  const [field, what] = source.spec.spectrum === undefined ? ['target', '|M - W0|'] : ['spectrum', 'norm'];
  checkScale(field!, what!, size, 'target');
  return error;
}

/** E = M - W0 [n, m]. */
function errorMatrix({ spec, target }: Source, shape: Shape, base: Dense | null): Dense {
  const aim = spec.spectrum === undefined ? target : spectralMatrix(spec, shape);
  if (!aim) throw new InputError('target', undefined, 'a matrix file, unless a spectrum is given');
  return base ? difference(aim, base) : aim;
}

const MATRIX_FILE = /\.(safetensors(#.*)?|npy|csv)$/is;

/** Singular values that a source names instead of matrices [min(n, m)]. @throws InputError */
export function spectrumOf({ spectrum, folder }: SourceSpec, { n, m }: Shape): Float64Array {
  const count = Math.min(n, m);
  if (spectrum === undefined) throw new InputError('spectrum', spectrum, 'given, unless a matrix file is');
  if (typeof spectrum !== 'string') return listedSpectrum(spectrum, count);
  const isFile = MATRIX_FILE.test(spectrum) || isThere(parseLocation(nameFrom(folder, spectrum)).path);
  return isFile && !isNamedSpectrum(spectrum)
    ? listedSpectrum(readEntries(nameFrom(folder, spectrum)), count)
    : namedSpectrum(spectrum, count);
}

/** Most entries that one matrix is formed with. */
export const MOST_ENTRIES = 2 ** 27;

function zeros({ n, m }: Shape): Dense {
  if (n * m > MOST_ENTRIES)
    throw new InputError(
      'shape',
      `${n}x${m}`,
      `small enough to form this matrix: n m at most ${MOST_ENTRIES}`,
    );
  return dense(n, m);
}

export function frameOf({ vectors, seed = 0 }: SourceSpec, { n, m }: Shape): Frame | null {
  if (vectors !== 'random') return null;
  if (Math.max(n, m) ** 2 > MOST_ENTRIES)
    throw new InputError(
      'vectors',
      vectors,
      `identity for a ${n}x${m} matrix: random ones fill square matrices`,
    );
  return randomFrame(n, m, seed);
}

/** U diag(sigma) V^T [n, m]. */
export function spectralMatrix(spec: SourceSpec, shape: Shape): Dense {
  const diagonal = zeros(shape);
  const sigma = spectrumOf(spec, shape);
  sigma.forEach((s, i) => (diagonal.data[i * shape.m + i] = s));
  const frame = frameOf(spec, shape);
  return frame ? assembled(frame, sigma) : diagonal;
}

/** A spectrum with fewer singular values than this share of the smaller side makes a matrix of low rank. */
const LOW = 1 / 4;

/** Factors [n, k] and [m, k] of E = M - W0 of a source that names k singular values, few of all; null of another. */
export function errorFactors({ spec }: Source, shape: Shape): Factors | null {
  if (spec.spectrum === undefined) return null;
  const sigma = spectrumOf(spec, shape).filter((s) => s > 0);
  const { n, m } = shape;
  if (sigma.length > LOW * Math.min(n, m)) return null;
  const frame = frameOf(spec, shape);
  const side = (rows: number, vectors: Dense | undefined) => {
    if (vectors) return leadingColumns(vectors, sigma.length);
    const axes = dense(rows, sigma.length);
    sigma.forEach((_, i) => (axes.data[i * sigma.length + i] = 1));
    return axes;
  };
  return { x: scaledColumns(side(n, frame?.left), sigma), y: side(m, frame?.right) };
}

/**
 * A curvature matrix [size, size] of a source.
 * @param user what it is for, in words
 * @throws InputError if it names none, or no spectrum
 */
export function curvatureOf(
  { spec, curvatures }: Source,
  key: CurvatureKey,
  size: number,
  user: string,
): Dense {
  const read = curvatures[key];
  if (read) return read;
  const named = spec[key];
  if (named === undefined) throw new InputError(key, undefined, `a matrix file or a spectrum, for ${user}`);
  try {
    return spectralMatrix({ spectrum: named }, { n: size, m: size });
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    throw new InputError(key, named, error.allowed);
  }
}
