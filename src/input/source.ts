/**
 * Problems from what a user names: a loss, and matrices from files, from a spectrum, or as the difference of two.
 * Files are read once; a problem is then made per loss and shape (and per rank for PiSSA, which changes W0).
 */
import { dense, difference, type Dense } from '../numbers/dense.js';
import { isThere } from '../files/disk.js';
import { parseLocation } from '../files/location.js';
import { say } from '../files/say.js';
import { readEntries, readMatrix } from '../files/matrix.js';
import { InputError } from '../host/inputError.js';
import { assembled, randomFrame, type Frame } from '../problem/frame.js';
import { frobenius, frobeniusFromSpectrum } from '../problem/frobenius.js';
import { linearRegression } from '../problem/linearRegression.js';
import { inNode } from '../host/platform.js';
import { lossNames, type Problem } from '../problem/problem.js';
import { isNamedSpectrum, listedSpectrum, namedSpectrum } from '../problem/spectrum.js';
import { trace, traceSquared } from '../problem/traceSquared.js';
import { customProblem } from './customLoss.js';
import { checkScale, norm } from './scale.js';

export interface Shape {
  readonly n: number;
  readonly m: number;
}

/** Of "64x48". */
export function parseShape(text: string): Shape {
  const [n, m] = text.split('x').map(Number) as [number, number];
  return { n, m };
}

/** What the user named. Files are as `readMatrix` takes them: `file.safetensors#tensor` picks one of several. */
export interface SourceSpec {
  /** M, what W should become. */
  readonly target?: string | undefined;
  /** W0, what is frozen (default: zero). */
  readonly base?: string | undefined;
  /** Whether the files of M and W0 hold them as [in, out] (default: where a config.json says so). */
  readonly transpose?: boolean | undefined;
  /** Covariance of the inputs of linear regression: a file, or the spectrum of a diagonal one. */
  readonly covariance?: string | undefined;
  /** Instead of files: the singular values of E = M - W0 (for the trace-squared loss, of W0). */
  readonly spectrum?: string | readonly number[] | undefined;
  /** Singular vectors that go with a spectrum. */
  readonly vectors?: 'identity' | 'random' | undefined;
  readonly seed?: number | undefined;
}

/** The matrices behind a spec, read. */
export interface Source {
  readonly spec: SourceSpec;
  readonly target: Dense | null;
  readonly base: Dense | null;
  readonly covariance: Dense | null;
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
  const read = (location: string | undefined) => (location === undefined ? null : readMatrix(location, spec));
  const [target, base] = [read(spec.target), read(spec.base)];
  if (target && base && (target.rows !== base.rows || target.cols !== base.cols)) {
    throw new InputError(
      'base',
      `${base.rows} x ${base.cols}`,
      `of the target's shape, ${target.rows} x ${target.cols}`,
    );
  }
  const covariance =
    spec.covariance === undefined || isNamedSpectrum(spec.covariance) ? null : readMatrix(spec.covariance);
  return { spec, target, base, covariance };
}

/** The shape that a source's matrices have, or null if it is free. */
export const shapeOf = ({ target, base }: Source): Shape | null => {
  const given = target ?? base;
  return given && { n: given.rows, m: given.cols };
};

/** Last two names of a path: enough to recognize a file by. */
const tail = (file: string) => file.split(/[\\/]/).slice(-2).join('/');

/** Short name of what a source aims at, for tables. */
export function labelOf({ spec }: Source): string {
  const files = [spec.target, spec.base].filter((file) => file !== undefined);
  if (files.length > 0) return files.map(tail).join(' - ');
  if (spec.spectrum === undefined) return 'W0 = 0';
  return typeof spec.spectrum === 'string' ? spec.spectrum : `${spec.spectrum.length} singular values`;
}

/**
 * The problem of a loss on a source. `base`, if given, replaces W0 (PiSSA's residual).
 * @throws InputError if the loss lacks what it needs, or is of a scale at which its flow cannot be followed
 */
export async function makeProblem(
  loss: string,
  source: Source,
  shape: Shape,
  base = source.base,
): Promise<Problem> {
  const { n, m } = shape;
  checkShape(source, shape);
  switch (loss) {
    case 'frobenius': {
      if (source.spec.spectrum === undefined) {
        const error = targetError(source, shape, base);
        sayDecomposition(shape);
        return frobenius(error);
      }
      const sigma = spectrumOf(source.spec, shape);
      checkScale('spectrum', 'norm', norm(sigma), 'target');
      return frobeniusFromSpectrum(sigma, n, m, frameOf(source.spec, shape));
    }
    case 'linear-regression': {
      const covariance = covarianceOf(source, m);
      checkScale('covariance', 'norm', norm(covariance.data), 'speed');
      const error = targetError(source, shape, base);
      sayDecomposition(shape);
      const problem = linearRegression(error, covariance);
      checkScale('covariance', '|E H|, the fastest rate,', problem.rate, 'speed');
      return problem;
    }
    case 'trace-squared': {
      if (source.target)
        throw new InputError('target', source.spec.target, 'left out: trace-squared knows only W0 (base)');
      if (n !== m) throw new InputError('shape', `${n}x${m}`, 'square for the trace-squared loss');
      const trace0 = base ? trace(base) : spectralTrace(source.spec, shape);
      checkScale(base ? 'base' : 'spectrum', '|tr W0|', Math.abs(trace0), 'target');
      return traceSquared(n, trace0);
    }
    default: {
      if (!inNode()) throw new InputError('loss', loss, `one of ${lossNames.join(', ')}`);
      const { readLoss } = await import('./lossModule.js');
      const f = await readLoss(loss);
      if (source.target)
        throw new InputError('target', source.spec.target, 'left out: a custom loss holds its own target');
      const problem = await customProblem(loss, base ?? baseOf(source, shape), f);
      checkScale('loss', `${loss}, whose gradient at W0 has norm`, problem.rate, 'speed');
      return problem;
    }
  }
}

/** Smallest side of a matrix from which its decomposition takes seconds, and is said. */
export const LARGE = 512;

function sayDecomposition({ n, m }: Shape): void {
  if (Math.min(n, m) >= LARGE) say(`singular values and vectors of ${n} x ${m} ...`);
}

function checkShape(source: Source, { n, m }: Shape): void {
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
  if (spec.spectrum !== undefined) return spectralMatrix(spec, shape);
  if (!target) throw new InputError('target', undefined, 'a matrix file, unless a spectrum is given');
  return base ? difference(target, base) : target;
}

const MATRIX_FILE = /\.(safetensors(#.*)?|npy|csv)$/is;

/** Singular values that a source names instead of matrices [min(n, m)]. @throws InputError */
export function spectrumOf({ spectrum }: SourceSpec, { n, m }: Shape): Float64Array {
  const count = Math.min(n, m);
  if (spectrum === undefined) throw new InputError('spectrum', spectrum, 'given, unless a matrix file is');
  if (typeof spectrum !== 'string') return listedSpectrum(spectrum, count);
  const isFile = MATRIX_FILE.test(spectrum) || isThere(parseLocation(spectrum).path);
  return isFile && !isNamedSpectrum(spectrum)
    ? listedSpectrum(readEntries(spectrum), count)
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

function frameOf({ vectors, seed = 0 }: SourceSpec, { n, m }: Shape): Frame | null {
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
function spectralMatrix(spec: SourceSpec, shape: Shape): Dense {
  const diagonal = zeros(shape);
  const sigma = spectrumOf(spec, shape);
  sigma.forEach((s, i) => (diagonal.data[i * shape.m + i] = s));
  const frame = frameOf(spec, shape);
  return frame ? assembled(frame, sigma) : diagonal;
}

/** Its trace, without forming it where that is the sum of the spectrum. */
const spectralTrace = (spec: SourceSpec, shape: Shape): number =>
  spec.vectors === 'random'
    ? trace(spectralMatrix(spec, shape))
    : spectrumOf(spec, shape).reduce((sum, s) => sum + s, 0);

function covarianceOf({ spec, covariance }: Source, m: number): Dense {
  if (covariance) return covariance;
  if (spec.covariance === undefined) {
    throw new InputError('covariance', undefined, 'a matrix file or a spectrum, for linear regression');
  }
  try {
    return spectralMatrix({ spectrum: spec.covariance }, { n: m, m });
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    throw new InputError('covariance', spec.covariance, error.allowed);
  }
}
