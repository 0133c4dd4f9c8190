/**
 * How B0 and A0 are drawn, by PEFT's names (`init_lora_weights`) where it has one. A draw is a function of
 * (seed, rank, trial) alone. Draws whose law does not depend on the orthogonal frame are made in the problem's own
 * coordinates; the others in those of W. Starts that are computed, not drawn, are in computedStart.ts.
 */
import { columns, dense, scaled, transposed, type Dense } from '../numbers/dense.js';
import { multiplyTransposedRight } from '../numbers/products.js';
import { InputError } from '../host/inputError.js';
import type { DrawLaw, Spans } from '../problem/loss.js';
import { haarColumns } from '../problem/frame.js';
import { normals, uniforms, type StreamName, type TrialKey } from '../numbers/philox.js';
import type { Triples } from '../numbers/triples.js';
import type { Adapter } from './adapter.js';
import { computedNames } from './computedStart.js';
import { parameterOf, type Parameter } from './parameter.js';

/** Mean of |A0|_F^2 and of |B0|_F^2; 0 is said of zero ones alone. */
export interface Squares {
  readonly a: number;
  readonly b: number;
}

/** What a draw may depend on. */
export interface DrawContext {
  readonly n: number;
  readonly m: number;
  readonly lrRatioA: number;
  readonly lrRatioB: number;
  readonly key: TrialKey;
  /** Leading right singular vectors of grad f(W0) as rows [rank, m], in the problem's coordinates. */
  spectralDirections(rank: number): Dense;
  /** The leading singular triples of -grad f(W0), in the problem's coordinates. */
  descentTriples(count: number): Triples;
}

/** Standard deviations of the entries of A0 and B0, which are independent and normal; zero for zero ones. */
export interface NormalEntries {
  readonly a: number;
  readonly b: number;
}

export interface Initialization {
  /** As the user wrote it, parameter included. */
  readonly name: string;
  /** `flow`: drawn in the problem's coordinates (its spectral frame if it has one); `original`: in those of W. */
  readonly coordinates: 'flow' | 'original';
  /** True if every trial starts from the same adapter. */
  readonly deterministic: boolean;
  /** Law of A0's entries if i.i.d. Gaussian with B0 = 0, which some closed-form expectations need. */
  readonly law: DrawLaw;
  /** Dimensions of the random subspaces that a draw of this rank spans. */
  spans(rank: number): Spans;
  /** @throws InputError if there is no such adapter of this rank */
  checkRank(rank: number): void;
  draw(context: DrawContext): Adapter;
  /** Over all draws of this size; null where adapters are given, not drawn. */
  squares(size: DrawSize): Squares | null;
  /** Of draws in the problem's coordinates from the streams loraA and loraB alone; null for others. */
  normal(rank: number): NormalEntries | null;
}

/** The size of a draw. */
export interface DrawSize {
  readonly n: number;
  readonly m: number;
  readonly rank: number;
  readonly lrRatioA: number;
  readonly lrRatioB: number;
}

interface Form {
  readonly parameter?: Parameter;
  readonly describe: string;
  readonly coordinates: Initialization['coordinates'];
  readonly deterministic?: boolean;
  readonly law?: Initialization['law'];
  /** Default: not known. */
  spans?(rank: number): Spans;
  checkRank?(rank: number): void;
  normal?(parameter: number): NormalEntries;
  squares(size: DrawSize, parameter: number): Squares;
  draw(context: DrawContext, parameter: number): Adapter;
}

const unknownSpans: Spans = { a: null, b: null };

const gaussian = (rows: number, cols: number, std: number, key: TrialKey, stream: StreamName): Dense =>
  scaled(dense(rows, cols, normals(rows * cols, key, stream)), std);

/** A form with normal entries. */
const normalForm = (
  normal: (std: number) => NormalEntries,
): Pick<Required<Form>, 'normal' | 'squares' | 'draw'> => ({
  normal,
  squares({ n, m, rank }, std) {
    const { a, b } = normal(std);
    return { a: rank * m * a * a, b: n * rank * b * b };
  },
  draw({ n, m, key }, std) {
    const { a, b } = normal(std);
    const entries = (rows: number, cols: number, of: number, stream: StreamName) =>
      of === 0 ? dense(rows, cols) : gaussian(rows, cols, of, key, stream);
    return { loraA: entries(key.rank, m, a, 'loraA'), loraB: entries(n, key.rank, b, 'loraB') };
  },
});

const withZeroB = (loraA: Dense, n: number): Adapter => ({ loraA, loraB: dense(n, loraA.rows) });

/** A fixed factor has the ratio of one that moves: it is no shorter. */
const ofMoving = (ratio: number): number => ratio || 1;

const forms = {
  kaiming: {
    describe: 'A uniform in +-1/sqrt(m), B = 0 (PEFT default)',
    coordinates: 'original',
    // Its columns are exchangeable, and as likely of either sign.
    spans: (rank) => ({ a: rank, b: 0 }),
    squares: ({ rank }) => ({ a: rank / 3, b: 0 }),
    draw: ({ n, m, key }) =>
      withZeroB(
        dense(
          key.rank,
          m,
          uniforms(key.rank * m, key, 'loraA').map((u) => (2 * u - 1) / Math.sqrt(m)),
        ),
        n,
      ),
  },
  gaussian: {
    parameter: { name: 'standard deviation', default: (rank) => 1 / rank },
    describe: 'A normal with standard deviation STD (default 1/r), B = 0 (PEFT gaussian)',
    coordinates: 'flow',
    law: 'gaussian',
    spans: (rank) => ({ a: rank, b: 0 }),
    ...normalForm((std) => ({ a: std, b: 0 })),
  },
  orthogonal: {
    describe: 'A and B nonzero with B A = 0, rank even (PEFT orthogonal)',
    coordinates: 'flow',
    checkRank(rank) {
      if (rank % 2 !== 0) throw new InputError('rank', rank, 'even for the orthogonal initialization');
    },
    spans: (rank) => ({ a: rank / 2, b: rank / 2 }),
    squares: ({ n, m, rank }) => ({ a: 0.1 ** 2 * m * (rank / 2), b: 0.1 ** 2 * n * (rank / 2) }),
    draw: ({ n, m, key }) => {
      const { rank } = key;
      const q = haarColumns(gaussian(rank, rank, 1, key, 'mixing'));
      /** Every second row of Q, as columns [r, r / 2]. */
      const half = (from: number) =>
        columns(
          transposed(q),
          Array.from({ length: rank / 2 }, (_, i) => 2 * i + from),
        );
      return {
        loraA: multiplyTransposedRight(half(0), gaussian(m, rank / 2, 0.1, key, 'loraA')),
        loraB: multiplyTransposedRight(gaussian(n, rank / 2, 0.1, key, 'loraB'), half(1)),
      };
    },
  },
  spectral: {
    parameter: { name: 'row norm', default: () => 1 },
    describe: 'rows of A are NORM (default 1) times the leading right singular vectors of grad f(W0), B = 0',
    coordinates: 'flow',
    deterministic: true,
    law: 'orthonormal-rows',
    spans: () => ({ a: null, b: 0 }),
    squares: ({ rank }, norm) => ({ a: rank * norm ** 2, b: 0 }),
    draw: ({ n, key, spectralDirections }, norm) => withZeroB(scaled(spectralDirections(key.rank), norm), n),
  },
  balanced: {
    parameter: { name: 'lambda', default: () => 1 },
    describe: 'A A^T = LAMBDA kA I (default 1) with random orthogonal rows, B = 0',
    coordinates: 'flow',
    law: 'orthonormal-rows',
    spans: (rank) => ({ a: rank, b: 0 }),
    squares: ({ rank, lrRatioA }, lambda) => ({ a: rank * lambda * lrRatioA, b: 0 }),
    draw: ({ n, m, lrRatioA, key }, lambda) => {
      const rows = transposed(haarColumns(gaussian(m, key.rank, 1, key, 'loraA')));
      return withZeroB(scaled(rows, Math.sqrt(lambda * lrRatioA)), n);
    },
  },
  small: {
    parameter: { name: 'standard deviation', default: () => 1e-2 },
    describe: 'A and B normal with standard deviation STD (default 0.01)',
    coordinates: 'flow',
    spans: (rank) => ({ a: rank, b: rank }),
    ...normalForm((std) => ({ a: std, b: std })),
  },
  'zero-a': {
    parameter: { name: 'standard deviation', default: (rank) => 1 / rank },
    describe: 'the mirror of gaussian: B normal with standard deviation STD (default 1/r), A = 0',
    coordinates: 'flow',
    spans: (rank) => ({ a: 0, b: rank }),
    ...normalForm((std) => ({ a: 0, b: std })),
  },
  aligned: {
    parameter: { name: 'norm', default: () => 1 },
    describe:
      'B = sqrt(kB) NORM U, A = sqrt(kA) NORM V^T (default 1; a frozen factor as for a ratio of 1), U, V the leading ' +
      'singular vectors of -grad f(W0), along which modes move apart',
    coordinates: 'flow',
    deterministic: true,
    squares: ({ rank, lrRatioA, lrRatioB }, norm) => ({
      a: rank * norm ** 2 * ofMoving(lrRatioA),
      b: rank * norm ** 2 * ofMoving(lrRatioB),
    }),
    draw({ lrRatioA, lrRatioB, key, descentTriples }, norm) {
      const { left, right } = descentTriples(key.rank);
      return {
        loraA: scaled(transposed(right), norm * Math.sqrt(ofMoving(lrRatioA))),
        loraB: scaled(left, norm * Math.sqrt(ofMoving(lrRatioB))),
      };
    },
  },
} satisfies Record<string, Form>;

/** Every initialization that has a name, with its description: those that are drawn, and those that are computed. */
export const initializationNames: Readonly<Record<string, string>> = {
  ...Object.fromEntries(Object.entries(forms).map(([name, form]) => [name, form.describe])),
  ...computedNames,
};

/**
 * The drawn initialization of a `NAME` or `NAME:PARAMETER`.
 * @throws InputError if there is no such name, it takes no parameter, or the parameter is not from 1e-12 to 1e12
 */
export function initialization(spec: string): Initialization {
  const name = spec.split(':')[0]!;
  if (!Object.hasOwn(forms, name))
    throw new InputError('init', spec, `one of ${Object.keys(initializationNames).join(', ')}`);
  const form: Form = forms[name as keyof typeof forms];
  const parameter = parameterOf(spec, form.parameter);
  return {
    name: spec,
    coordinates: form.coordinates,
    deterministic: form.deterministic ?? false,
    law: form.law ?? 'other',
    spans: (rank) => form.spans?.(rank) ?? unknownSpans,
    checkRank: (rank) => form.checkRank?.(rank),
    draw: (context) => {
      form.checkRank?.(context.key.rank);
      return form.draw(context, parameter(context.key.rank));
    },
    squares: (size) => form.squares(size, parameter(size.rank)),
    normal: (rank) => form.normal?.(parameter(rank)) ?? null,
  };
}

/** An initialization of a caller: an adapter for each draw, in the coordinates of W unless told otherwise. */
export const customInitialization = (
  name: string,
  draw: Initialization['draw'],
  {
    coordinates = 'original',
    deterministic = false,
    checkRank = () => undefined,
  }: Partial<Pick<Initialization, 'coordinates' | 'deterministic' | 'checkRank'>> = {},
): Initialization => ({
  ...{ name, draw, coordinates, deterministic, checkRank },
  law: 'other',
  spans: () => unknownSpans,
  squares: () => null,
  normal: () => null,
});

/** An initialization that gives trial i the i-th of some adapters, in the coordinates of W. */
export const fromAdapters = (name: string, adapters: readonly Adapter[]): Initialization =>
  customInitialization(name, ({ key }) => adapters[adapters.length === 1 ? 0 : key.trial] as Adapter, {
    deterministic: adapters.length === 1,
  });
