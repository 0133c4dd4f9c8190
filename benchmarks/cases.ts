/** Random problems of every structure, and how far from the float64 twin a fused kernel takes their trajectories. */
import type { Precision } from '../src/numbers/precision.js';
import { evaluator } from '../kernels/cpu/evaluate.js';
import type { HostStructure } from '../src/problem/structure.js';
import { answered, fieldOf } from '../kernels/cpu/field.js';
import { twin } from '../kernels/cpu/twin.js';
import { dense, type Dense } from '../src/numbers/dense.js';
import type { Coefficients } from '../src/flow/coefficients.js';
import { clock } from '../src/flow/normalization.js';
import type { Method } from '../src/method/method.js';
import type { Problem } from '../src/problem/problem.js';
import { normals, uniforms } from '../src/numbers/philox.js';
import { memberAt, type Member } from '../src/ensemble/member.js';
import type { Device } from '../src/solver/device.js';
import { solve } from '../src/solver/solve.js';
import { relativeError } from './numbers.js';

/** Kinds of structures that have a fused kernel somewhere. */
type FusedKind = 'diagonal' | 'quadratic' | 'trace';

export interface Case {
  readonly structure: HostStructure;
  readonly n: number;
  readonly m: number;
  readonly rank: number;
  readonly trajectories: number;
  /** Time t to which they are followed. */
  readonly end: number;
}

/** Random numbers, each drawn once; matrices of float32 numbers, so that every precision sees the same. */
export class Draws {
  private trial = 0;

  private key() {
    return { seed: 2, rank: 0, trial: this.trial++ };
  }

  integer(from: number, to: number): number {
    return from + Math.floor(uniforms(1, this.key(), 'mixing')[0]! * (to - from + 1));
  }

  /** An odd number, which nothing divides that is a power of two. */
  odd(from: number, to: number): number {
    return this.integer(from, to - 1) | 1;
  }

  gaussian(rows: number, cols: number, std: number): Dense {
    const drawn = normals(rows * cols, this.key(), 'mixing');
    return dense(
      rows,
      cols,
      drawn.map((value) => Math.fround(std * value)),
    );
  }

  /** A structure whose largest rate is about 1, to an end at which rate times time is the horizon. */
  caseOf(kind: FusedKind, shape: Omit<Case, 'structure' | 'end'>, horizon: number): Case {
    const { n } = shape;
    const m = kind === 'trace' ? n : shape.m;
    const end = horizon / LARGEST_CLOCK;
    return { ...shape, m, end, structure: this.structure(kind, n, m) };
  }

  private structure(kind: FusedKind, n: number, m: number): HostStructure {
    switch (kind) {
      case 'diagonal':
        return {
          kind,
          sigma: Float64Array.from({ length: Math.min(n, m) }, (_, i) => Math.fround((i + 1) ** -0.5)),
        };
      case 'quadratic': {
        const error = this.gaussian(n, m, 1 / (Math.sqrt(n) + Math.sqrt(m)));
        const diagonal = dense(m, m);
        for (let i = 0; i < m; i++) diagonal.data[i * m + i] = Math.fround(1 / (1 + i / m));
        return { kind, error, covariance: diagonal };
      }
      case 'trace':
        return { kind, trace0: 0.75 };
    }
  }
}

/** Trajectories differ in their clocks by learning-rate ratios: rates times time are the horizon at most. */
const LARGEST_CLOCK = 1.5;
const coefficientsOf = (trial: number): Coefficients => ({
  scale: 1,
  lrRatioA: 1,
  lrRatioB: (0.5 + (trial % 5) / 4) ** 2,
});

/**
 * Largest relative error of the ends of a case's trajectories, of which every so manieth is followed by the twin, NaN
 * if one did not come to its end; and the most evaluations of one.
 */
export async function errorOf(
  { structure, n, m, rank, trajectories, end }: Case,
  method: Method,
  precision: Precision,
  every: number,
  device: Device,
): Promise<{ readonly error: number; readonly evaluations: number }> {
  const members = Array.from({ length: trajectories }, (_, trial): Member => {
    const draw = (rows: number, stream: 'loraA' | 'loraB') => {
      const drawn = normals(rows * rank, { seed: 3, rank, trial }, stream);
      const std = 0.5 / (Math.sqrt(rows) + Math.sqrt(rank));
      return dense(
        rows,
        rank,
        drawn.map((value) => Math.fround(std * value)),
      );
    };
    const start = { x: draw(n, 'loraB'), y: draw(m, 'loraA') };
    return memberAt(start, coefficientsOf(trial), trial);
  });
  const stop = { saveTimes: [end], steadyTolerance: null, maxSteps: 100_000 };
  const problem = { structure, n, m, loss: { name: structure.kind } } as Problem;
  const options = { method, stop, chunk: trajectories, kernel: 'fused', precision, device } as const;
  const found = await solve({ problem, members }, options).all();
  const evaluations = found.reduce((most, each) => Math.max(most, each.evaluations), 0);
  if (found.some(({ outcome }) => outcome !== 'end-time')) return { error: NaN, evaluations };
  const field = fieldOf(evaluator(structure), rank);
  const errors = members
    .map((member, i) => ({ member, factors: found[i]!.factors }))
    .filter((_, i) => i % every === 0 || i === trajectories - 1)
    .map(({ member, factors: { x, y } }) => {
      const start = member.initial();
      const ending = answered(
        twin([start.x.data, start.y.data], clock(member.coefficients), method, stop),
        field,
      );
      return relativeError([x.data, y.data], ending.state);
    });
  return { error: Math.max(...errors), evaluations };
}
