/** Problems of which `theory` asks closed forms alone: what those do not need is not computed. */
import { initializationNames } from '../ensemble/initialization.js';
import { LARGE, makeProblem, spectrumOf, targetError, type Shape, type Source } from '../input/source.js';
import { InputError } from '../host/inputError.js';
import { singularValues } from '../numbers/svd.js';
import { frobeniusFromSpectrum } from '../problem/frobenius.js';
import { diagonalRegression, frobeniusLeading } from '../problem/leading.js';
import type { Problem } from '../problem/problem.js';
import { isNamedSpectrum, namedSpectrum } from '../problem/spectrum.js';
import type { SweepConfig } from './config.js';

/** Of a large matrix only leading triples are taken where ranks are at most this share of its smallest side. */
const FEW = 1 / 8;
/** Seconds between two lines. */
const PAUSE = 2;

/** `makeProblem` for these ranks and initializations; `tell` gets a line now and then while that takes its time. */
export const theoryProblems = (
  { ranks, init, seed }: Pick<SweepConfig, 'ranks' | 'init' | 'seed'>,
  tell: (line: string) => void,
): typeof makeProblem => {
  // Given adapters are compared with the singular vectors.
  const needsVectors = !init.every((spec) => isDrawn(spec));
  const most = ranks.reduce((largest, rank) => Math.max(largest, rank), 0);
  return async (loss, source, shape, base) => {
    const { n, m } = shape;
    const least = Math.min(n, m);
    const regression = loss === 'linear-regression' ? diagonalOf(source, shape) : null;
    if (regression) return regression;
    if (loss === 'frobenius' && source.spec.spectrum === undefined && !needsVectors) {
      const error = targetError(source, shape);
      // One more than the ranks, for the gap behind the largest.
      if (least >= LARGE && most + 1 <= FEW * least) return leadingOf(error, most + 1, seed, tell);
      if (least >= LARGE) tell(`singular values of ${n} x ${m} ...`);
      return frobeniusFromSpectrum(singularValues(error), n, m);
    }
    return makeProblem(loss, source, shape, base);
  };
};

const isDrawn = (spec: string): boolean => {
  const [name = ''] = spec.split(':');
  return name !== 'pissa' && Object.hasOwn(initializationNames, name);
};

function leadingOf(
  error: Parameters<typeof frobeniusLeading>[0],
  count: number,
  seed: number,
  tell: (line: string) => void,
): Problem {
  const what = `${count} leading singular values of ${error.rows} x ${error.cols}`;
  tell(`${what} ...`);
  let told = performance.now();
  return frobeniusLeading(error, count, {
    seed,
    onProgress({ iteration, tailShare }) {
      if (performance.now() - told < 1000 * PAUSE) return;
      told = performance.now();
      tell(`${what}: ${(100 * tailShare).toPrecision(6)} % of |E|^2 is left after ${iteration} iterations`);
    },
  });
}

/** The regression with a named covariance and a spectrum along the axes; null if it is another, or refused. */
function diagonalOf({ spec, covariance }: Source, shape: Shape): Problem | null {
  const isAlongAxes = spec.spectrum !== undefined && spec.vectors !== 'random' && !covariance;
  if (!isAlongAxes || spec.covariance === undefined || !isNamedSpectrum(spec.covariance)) return null;
  const errors = spectrumOf(spec, shape);
  try {
    const h = namedSpectrum(spec.covariance, shape.m);
    return h.every((value) => value > 0) ? diagonalRegression(errors, h, shape.n) : null;
  } catch (error) {
    if (error instanceof InputError) return null;
    throw error;
  }
}
