/** Files of statistics: as they were written, or refused by the name of what they lack. */
import { Matrix } from 'ml-matrix';
import { describe, expect, it } from 'vitest';
import { readStatistics } from '../../src/advise/forecast/statistics.js';
import type { Dense } from '../../src/numbers/dense.js';
import { entriesOf, isLowRank } from '../../src/numbers/operator.js';
import { qr } from '../../src/numbers/qr.js';
import { fewDirections, fromMatrix, gaussian, relativeError, spelledOut, toMatrix } from '../support.js';
import {
  gradientTensors,
  momentTensors,
  tensor,
  tensorsOf,
  weight,
  writeStatistics,
  type Tensors,
} from './statistics.js';

const [n, m] = [6, 5];
const one = weight('layer', n, m, 1);
const other = weight('other', 4, 7, 10);

const inner = (a: Matrix, b: Matrix) => Matrix.mul(a, b).sum();

describe('a file of statistics', () => {
  it('is read as it was written', () => {
    const tensors = {
      ...tensorsOf([one, other]),
      ...Object.fromEntries(
        [one, other].flatMap(({ name, gradient: { rows, cols } }, i) => [
          [`${name}.G.half0`, tensor(gaussian(rows, cols, 20 + i))],
          [`${name}.G.half1`, tensor(gaussian(rows, cols, 30 + i))],
        ]),
      ),
    };
    const read = readStatistics(
      writeStatistics('whole.safetensors', tensors, { hvp: '2.5', along: '0.5:0.5, 1:-2e-1' }),
    );
    expect(read).toMatchObject({ loss: 3, floor: 0, samples: 100, draws: 8, curvature: 2.5 });
    expect(read.along).toEqual([
      { predicted: 0.5, real: 0.5 },
      { predicted: 1, real: -0.2 },
    ]);
    // What is written of a loss that does not curve up along G.
    expect(readStatistics(writeStatistics('flat.safetensors', tensors, { along: '' })).along).toBeNull();
    expect(read.weights).toEqual([one, other]);
    const halves = [20, 30].map((seed) =>
      [one, other].flatMap(({ gradient: { rows, cols } }, i) => [...gaussian(rows, cols, seed + i).data]),
    );
    const [a, b] = halves.map((half) => Matrix.rowVector(half)) as [Matrix, Matrix];
    expect(read.cosine).toBeCloseTo(inner(a, b) / (a.norm() * b.norm()), 12);
  });

  const without = (name: string): Tensors =>
    Object.fromEntries(Object.entries(tensorsOf([one])).filter(([key]) => key !== name));
  const changed = (name: string, to: Dense): Tensors => ({ ...tensorsOf([one]), [name]: tensor(to) });
  const indefinite = gaussian(n, n, 40);

  // G = U diag(sigma) V^T of rank 3, S of 2 directions, H of all 5.
  const sides = { rows: n, cols: m, shift: 0 };
  const gradient = {
    ...{ ...sides, left: qr(gaussian(n, 3, 41)).q, right: qr(gaussian(m, 3, 42)).q },
    weights: Float64Array.of(2, 1, 0.5),
  };
  const [s, h] = [fewDirections(n, n, 2, 43, true), fewDirections(m, m, m, 44, true)];
  const few: Tensors = {
    ...gradientTensors('layer.G', gradient),
    ...momentTensors('layer.S', s),
    ...momentTensors('layer.H', { ...h, shift: 0 }),
  };

  it('is read by its leading directions, what is left of a trace spread evenly over the others', () => {
    const [read] = readStatistics(writeStatistics('few.safetensors', few, { cosine: '0.9' })).weights;
    const [g, S, H] = [gradient, s, { ...h, shift: 0 }].map((part) => toMatrix(spelledOut(part)));
    for (const [found, expected] of [
      [read!.gradient, g],
      [read!.outputCovariance, S],
      [read!.covariance, H],
    ] as const)
      expect(relativeError(entriesOf(found).data, expected!.to1DArray())).toBeLessThan(3e-7);
    const trace = [0, 1, 2, 3, 4, 5].reduce(
      (sum, i) => sum + entriesOf(read!.outputCovariance).data[7 * i]!,
      0,
    );
    const written = few['layer.S.values']!.data.reduce((sum, value) => sum + value, 0);
    expect(trace / (written + few['layer.S.rest']!.data[0]!)).toBeCloseTo(1, 6);
  });

  const only = (tensors: Tensors, names: RegExp): Tensors =>
    Object.fromEntries(Object.entries(tensors).filter(([name]) => names.test(name)));

  it('may have some tensors by their directions and others whole', () => {
    const others = {
      ...only(few, /\.[GH]/),
      'layer.S': tensor(one.outputCovariance),
    };
    const [read] = readStatistics(writeStatistics('mixed.safetensors', others)).weights;
    expect(read!.outputCovariance).toEqual(one.outputCovariance);
    expect(isLowRank(read!.gradient)).toBe(true);
  });

  const turned = (name: string, to: { shape: number[]; data: Float32Array }) => ({ ...few, [name]: to });
  const number = (value: number) => ({ shape: [], data: Float32Array.of(value) });
  it.each<[string, Tensors, string[]]>([
    [
      'U and V of different numbers of columns',
      turned('layer.G.V', tensor(gaussian(m, 2, 1))),
      ['layer.G.V', '3'],
    ],
    [
      'columns of U that are not orthonormal',
      turned('layer.G.U', tensor(gaussian(n, 3, 1))),
      ['layer.G.U', 'orthonormal'],
    ],
    [
      'more columns than rows',
      turned('layer.S.vectors', tensor(gaussian(n, 7, 1))),
      ['layer.S.vectors', '[6, 7]'],
    ],
    [
      'vectors of another size',
      turned('layer.S.vectors', tensor(gaussian(m, 2, 1))),
      ['layer.S.vectors', '6', 'rows as G'],
    ],
    [
      'vectors that are not orthonormal',
      turned('layer.S.vectors', tensor(gaussian(n, 2, 1))),
      ['layer.S.vectors'],
    ],
    [
      'a negative value',
      turned('layer.S.values', { shape: [2], data: Float32Array.of(1, -1) }),
      ['layer.S.values', '-1', 'from 0'],
    ],
    [
      'values of another number',
      turned('layer.S.values', { shape: [1], data: Float32Array.of(1) }),
      ['layer.S.values', '[2]'],
    ],
    ['a negative rest', turned('layer.S.rest', number(-1)), ['layer.S.rest', '-1']],
    [
      'a rest that is a list',
      turned('layer.S.rest', { shape: [2], data: Float32Array.of(1, 1) }),
      ['layer.S.rest', 'one number'],
    ],
    ['a rest beside all directions', turned('layer.H.rest', number(1)), ['layer.H.rest', 'every direction']],
    [
      'both forms',
      { ...few, 'layer.S': tensor(one.outputCovariance) },
      ['layer.S and layer.S.vectors', 'one of the two'],
    ],
    [
      'nothing but zeros',
      { ...turned('layer.S.values', { shape: [2], data: new Float32Array(2) }), 'layer.S.rest': number(0) },
      ['layer.S.values', 'not all 0'],
    ],
    [
      'NaN',
      turned('layer.G.sigma', { shape: [3], data: Float32Array.of(1, NaN, 1) }),
      ['layer.G.sigma', 'finite'],
    ],
  ])('by directions is refused with %s', (_, tensors, words) => {
    const path = writeStatistics('refused.safetensors', tensors);
    expect(() => readStatistics(path)).toThrow(expect.objectContaining({ name: 'InputError' }));
    for (const word of words) expect(() => readStatistics(path)).toThrow(word);
  });

  it.each(['layer.G.V', 'layer.S.values', 'layer.S.rest'])('is refused without %s', (name) => {
    const others = only(few, new RegExp(`^(?!${name}$)`));
    expect(() => readStatistics(writeStatistics('lacking.safetensors', others))).toThrow(`no tensor ${name}`);
  });

  const evenly = Matrix.eye(n);
  evenly.set(0, 1, 2);
  evenly.set(1, 0, 2);
  it.each<[string, Tensors, Record<string, string | undefined>, string[]]>([
    [
      'whose S has a negative eigenvalue',
      changed('layer.S', fromMatrix(evenly)),
      {},
      ['layer.S', 'negative eigenvalue'],
    ],
    ['without S', without('layer.S'), {}, ['no tensor layer.S']],
    ['without H', without('layer.H'), {}, ['no tensor layer.H']],
    ['without G', without('layer.G'), {}, ['NAME.G, NAME.H and NAME.S']],
    ['whose H is of another size', changed('layer.H', one.outputCovariance), {}, ['layer.H', '5 x 5']],
    [
      'whose S is not symmetric',
      changed('layer.S', { ...indefinite, data: indefinite.data.map(Math.abs) }),
      {},
      ['layer.S', 'symmetric'],
    ],
    ['whose S has a negative diagonal', changed('layer.S', indefinite), {}, ['layer.S', 'diagonal']],
    [
      'with NaN',
      changed('layer.G', { ...one.gradient, data: one.gradient.data.map(() => NaN) }),
      {},
      ['layer.G', 'finite'],
    ],
    [
      'with a gradient of zero',
      changed('layer.G', { ...one.gradient, data: new Float64Array(n * m) }),
      {},
      ['nothing would move'],
    ],
    [
      'with halves of another shape',
      {
        ...tensorsOf([one]),
        'layer.G.half0': tensor(other.gradient),
        'layer.G.half1': tensor(other.gradient),
      },
      {},
      ['half of layer.G'],
    ],
    [
      'with one half',
      { ...tensorsOf([one]), 'layer.G.half0': tensor(one.gradient) },
      {},
      ['no tensor layer.G.half1'],
    ],
    [
      'of another format',
      tensorsOf([one]),
      { format: 'rankflow-stats/9' },
      ['rankflow-stats/9', 'rankflow-stats/1'],
    ],
    ['without a loss', tensorsOf([one]), { loss: undefined }, ['loss missing']],
    ['at its floor', tensorsOf([one]), { loss_floor: '3' }, ['above loss_floor']],
    ['without samples', tensorsOf([one]), { samples: undefined }, ['samples missing']],
    ['with a part of a sample', tensorsOf([one]), { samples: '9.5' }, ['samples 9.5', 'whole']],
    ['with a curvature below 0', tensorsOf([one]), { hvp: '-1' }, ['hvp -1', 'above 0']],
    ['with a curvature that is left empty', tensorsOf([one]), { hvp: '' }, ['hvp', 'finite number']],
    [
      'with falls that do not ascend',
      tensorsOf([one]),
      { along: '1:1, 1:2' },
      ['along 1:1, 1:2', 'ascending'],
    ],
    ['with falls that are no pairs', tensorsOf([one]), { along: '1:1, 2' }, ['along 1:1, 2', 'pairs']],
    ['with draws in words', tensorsOf([one]), { draws: 'many' }, ['draws many', 'exact']],
  ])('is refused %s', (_, tensors, changes, words) => {
    const path = writeStatistics('refused.safetensors', tensors, changes);
    expect(() => readStatistics(path)).toThrow(expect.objectContaining({ name: 'InputError' }));
    for (const word of words) expect(() => readStatistics(path)).toThrow(word);
  });
});
