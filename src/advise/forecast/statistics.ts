/**
 * Statistics of weights at W0, as scripts/export-stats.py writes them (format rankflow-stats/1): of each weight NAME the
 * gradient of the mean loss G, the second moment of its inputs H and that of the gradients of its outputs S, and in the
 * metadata what they were gathered from.
 */
import { z } from 'zod';
import { readSafetensors, someOf, type Safetensors } from '../../files/safetensors.js';
import { InputError } from '../../host/inputError.js';
import { dense, inner, type Dense } from '../../numbers/dense.js';
import { symmetricPart } from '../../problem/covariance.js';

export const STATISTICS_FORMAT = 'rankflow-stats/1';

export interface WeightStatistics {
  readonly name: string;
  /** G = grad f(W0) [n, m] */
  readonly gradient: Dense;
  /** S [n, n], the mean over samples of the sum over tokens of g g^T. */
  readonly outputCovariance: Dense;
  /** H [m, m], the mean over tokens of x x^T. */
  readonly covariance: Dense;
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
}

const NUMBER = 'a finite number';
const number = z.string(NUMBER).regex(/\S/, NUMBER).pipe(z.coerce.number(NUMBER));
const whole = number.pipe(z.number().int('a whole number').min(1, 'at least 1'));

const metadataSchema = z.object({
  format: z.literal(STATISTICS_FORMAT),
  loss: number,
  loss_floor: number.default(0),
  samples: whole,
  draws: z.union([z.literal('exact'), whole], 'a whole number from 1 on, or exact').optional(),
  hvp: number.refine((value) => value > 0, 'above 0, as it is where the loss curves up along G').optional(),
  cosine: number.refine((value) => Math.abs(value) <= 1, 'from -1 to 1').optional(),
});

/**
 * Reads a file of statistics.
 * @throws InputError, naming the file and the tensor or the key of the metadata, for what is missing or cannot be so
 */
export function readStatistics(path: string): Statistics {
  const file = readSafetensors(path);
  const metadata = metadataOf(path, file);
  const names = [...file.tensors.keys()].filter((key) => key.endsWith('.G')).map((key) => key.slice(0, -2));
  if (names.length === 0) {
    const lowRank = [...file.tensors.keys()].find((key) => /\.G\.(U|sigma|V)$/.test(key));
    throw lowRank === undefined
      ? new InputError(
          path,
          `tensors ${someOf([...file.tensors.keys()])}`,
          'a file with NAME.G, NAME.H and NAME.S',
        )
      : new InputError(path, lowRank, 'NAME.G [n, m]: low-rank forms are not read');
  }
  const weights = names.map((name) => weightOf(path, file, name));
  const { loss, loss_floor: floor, samples, draws = null, hvp = null } = metadata;
  if (!(loss > floor)) throw new InputError(path, `loss ${loss} (metadata)`, `above loss_floor, ${floor}`);
  if (weights.every(({ gradient }) => gradient.data.every((entry) => entry === 0)))
    throw new InputError(path, 'zero in every entry of G', 'gradients that are not zero: nothing would move');
  const cosine = cosineOf(path, file, weights) ?? metadata.cosine ?? null;
  return { weights, loss, floor, samples, draws, curvature: hvp, cosine };
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

function weightOf(path: string, file: Safetensors, name: string): WeightStatistics {
  const gradient = matrixOf(path, file, `${name}.G`);
  return {
    name,
    gradient,
    outputCovariance: momentOf(path, file, `${name}.S`, gradient.rows, 'with as many rows as G'),
    covariance: momentOf(path, file, `${name}.H`, gradient.cols, 'with as many columns as G'),
  };
}

function matrixOf(path: string, file: Safetensors, name: string): Dense {
  if (!file.tensors.has(name)) throw new InputError(path, `no tensor ${name}`, 'a file with it');
  const { shape, data } = file.get(name);
  const [rows, cols] = shape;
  if (shape.length !== 2 || !rows || !cols)
    throw new InputError(path, `shape [${shape.join(', ')}] (tensor ${name})`, 'a matrix that is not empty');
  const bad = data.find((entry) => !Number.isFinite(entry));
  if (bad !== undefined) throw new InputError(path, `${bad} (tensor ${name})`, 'finite in every entry');
  return dense(rows, cols, data);
}

/** A second moment [size, size]. */
function momentOf(path: string, file: Safetensors, name: string, size: number, like: string): Dense {
  const moment = matrixOf(path, file, name);
  const field = `${path}#${name}`;
  const diagonal = Array.from({ length: moment.rows }, (_, i) => moment.data[i * (moment.cols + 1)]!);
  if (!(diagonal.every((entry) => entry >= 0) && diagonal.some((entry) => entry > 0)))
    throw new InputError(field, `diagonal from ${Math.min(...diagonal)}`, 'from 0 on, and not all 0');
  return symmetricPart(moment, size, { field, like });
}

/** The cosine of the gradients of two halves of the samples, of all weights together; null without these. */
function cosineOf(path: string, file: Safetensors, weights: readonly WeightStatistics[]): number | null {
  const halvesOf = (name: string) => [`${name}.G.half0`, `${name}.G.half1`] as const;
  if (!weights.some(({ name }) => halvesOf(name).some((half) => file.tensors.has(half)))) return null;
  let [both, first, second] = [0, 0, 0];
  for (const { name, gradient } of weights) {
    const [a, b] = halvesOf(name).map((half) => matrixOf(path, file, half)) as [Dense, Dense];
    for (const half of [a, b])
      if (half.rows !== gradient.rows || half.cols !== gradient.cols)
        throw new InputError(path, `[${half.rows}, ${half.cols}] (half of ${name}.G)`, 'of the shape of G');
    both += inner(a, b);
    first += inner(a, a);
    second += inner(b, b);
  }
  return both / Math.sqrt(first * second);
}
