/**
 * Statistics of weights at W0, as scripts/export-stats.py writes them (format rankflow-stats/1): of each weight NAME the
 * gradient of the mean loss G, the second moment of its inputs H and that of the gradients of its outputs S, dense or by
 * their leading directions, and in the metadata what they were gathered from.
 */
import { z } from 'zod';
import { readSafetensors, someOf, type Safetensors } from '../../files/safetensors.js';
import { InputError } from '../../host/inputError.js';
import { inner, type Dense } from '../../numbers/dense.js';
import { isZero, type Operator } from '../../numbers/operator.js';
import {
  gradientIn,
  matrixIn,
  momentIn,
  STATISTICS_FORMAT,
  weightsWith,
  type StatisticsFile,
} from '../moments.js';

export interface WeightStatistics {
  readonly name: string;
  /** G = grad f(W0) [n, m] */
  readonly gradient: Operator;
  /** S [n, n], the mean over samples of the sum over tokens of g g^T. */
  readonly outputCovariance: Operator;
  /** H [m, m], the mean over tokens of x x^T. */
  readonly covariance: Operator;
}

export interface Statistics {
  readonly weights: readonly WeightStatistics[];
  /** f(W0), the mean over samples. */
  readonly loss: number;
  /** The least value that the loss can have. */
  readonly floor: number;
  readonly samples: number;
  /** Times that labels were drawn for each sample for S; 'exact' where none were drawn; null where it is not said. */
  readonly draws: number | 'exact' | null;
  /** <G, Hess G> over all weights together; null without it. */
  readonly curvature: number | null;
  /** Cosine between the gradients of two halves of the samples; null where it is not known. */
  readonly cosine: number | null;
  /** Falls of the loss along -G, by the quadratic of G and its curvature and in truth, ascending; null without them. */
  readonly along: readonly { readonly predicted: number; readonly real: number }[] | null;
}

const NUMBER = 'a finite number';
const number = z.string(NUMBER).regex(/\S/, NUMBER).pipe(z.coerce.number(NUMBER));
const whole = number.pipe(z.number().int('a whole number').min(1, 'at least 1'));

const ALONG = 'pairs P:Q parted by commas, P above 0 and ascending';
/** Pairs of falls; none at all where the loss does not curve up along G. */
const falls = z
  .string()
  .transform((text) =>
    text
      .split(',')
      .filter((pair) => pair.trim() !== '')
      .map((pair) => pair.split(':').map((part) => (part.trim() === '' ? NaN : Number(part)))),
  )
  .refine(
    (pairs) =>
      pairs.every(
        (pair, i) => pair.length === 2 && pair.every(Number.isFinite) && pair[0]! > (pairs[i - 1]?.[0] ?? 0),
      ),
    ALONG,
  )
  .transform((pairs) =>
    pairs.length === 0 ? null : pairs.map(([predicted, real]) => ({ predicted: predicted!, real: real! })),
  );

const metadataSchema = z.object({
  format: z.literal(STATISTICS_FORMAT),
  loss: number,
  loss_floor: number.default(0),
  samples: whole,
  draws: z.union([z.literal('exact'), whole], 'a whole number from 1 on, or exact').optional(),
  hvp: number.refine((value) => value > 0, 'above 0, as it is where the loss curves up along G').optional(),
  cosine: number.refine((value) => Math.abs(value) <= 1, 'from -1 to 1').optional(),
  along: falls.optional(),
});

/**
 * Reads a file of statistics.
 * @throws InputError, naming the file and the tensor or the key of the metadata, for what is missing or cannot be so
 */
export function readStatistics(path: string): Statistics {
  const file = { path, ...readSafetensors(path) };
  const metadata = metadataOf(path, file);
  const names = weightsWith(file, 'G');
  if (names.length === 0)
    throw new InputError(
      path,
      `tensors ${someOf([...file.tensors.keys()])}`,
      'a file with NAME.G, NAME.H and NAME.S',
    );
  const weights = names.map((name) => weightOf(file, name));
  const { loss, loss_floor: floor, samples, draws = null, hvp = null, along = null } = metadata;
  if (!(loss > floor)) throw new InputError(path, `loss ${loss} (metadata)`, `above loss_floor, ${floor}`);
  if (weights.every(({ gradient }) => isZero(gradient)))
    throw new InputError(path, 'zero in every entry of G', 'gradients that are not zero: nothing would move');
  const cosine = cosineOf(file, weights) ?? metadata.cosine ?? null;
  return { weights, loss, floor, samples, draws, curvature: hvp, cosine, along };
}

function metadataOf(path: string, { metadata }: Safetensors) {
  const result = metadataSchema.safeParse(metadata);
  if (result.success) return result.data;
  const issue = result.error.issues[0]!;
  const key = String(issue.path[0]);
  const value = metadata[key];
  const allowed =
    key === 'format' ? `${STATISTICS_FORMAT}, as scripts/export-stats.py writes it` : issue.message;
  throw new InputError(path, `${key} ${value ?? 'missing'} (metadata)`, allowed);
}

function weightOf(file: StatisticsFile, name: string): WeightStatistics {
  const gradient = gradientIn(file, `${name}.G`);
  return {
    name,
    gradient,
    outputCovariance: momentIn(file, `${name}.S`, gradient.rows, 'with as many rows as G'),
    covariance: momentIn(file, `${name}.H`, gradient.cols, 'with as many columns as G'),
  };
}

/** The cosine of the gradients of two halves of the samples, of all weights together; null without these. */
function cosineOf(file: StatisticsFile, weights: readonly WeightStatistics[]): number | null {
  const halvesOf = (name: string) => [`${name}.G.half0`, `${name}.G.half1`] as const;
  if (!weights.some(({ name }) => halvesOf(name).some((half) => file.tensors.has(half)))) return null;
  let [both, first, second] = [0, 0, 0];
  for (const { name, gradient } of weights) {
    const [a, b] = halvesOf(name).map((half) => matrixIn(file, half)) as [Dense, Dense];
    for (const half of [a, b])
      if (half.rows !== gradient.rows || half.cols !== gradient.cols)
        throw new InputError(
          file.path,
          `[${half.rows}, ${half.cols}] (half of ${name}.G)`,
          'of the shape of G',
        );
    both += inner(a, b);
    first += inner(a, a);
    second += inner(b, b);
  }
  return both / Math.sqrt(first * second);
}
