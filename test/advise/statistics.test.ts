/** Files of statistics: as they were written, or refused by the name of what they lack. */
import { Matrix } from 'ml-matrix';
import { describe, expect, it } from 'vitest';
import { readStatistics } from '../../src/advise/forecast/statistics.js';
import type { Dense } from '../../src/numbers/dense.js';
import { gaussian } from '../support.js';
import { tensor, tensorsOf, weight, writeStatistics, type Tensors } from './statistics.js';

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
    const read = readStatistics(writeStatistics('whole.safetensors', tensors, { hvp: '2.5' }));
    expect(read).toMatchObject({ loss: 3, floor: 0, samples: 100, draws: 8, curvature: 2.5 });
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

  it.each<[string, Tensors, Record<string, string | undefined>, string[]]>([
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
    ['of low rank', { 'layer.G.U': tensor(one.gradient) }, {}, ['low-rank']],
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
    ['with draws in words', tensorsOf([one]), { draws: 'many' }, ['draws many', 'exact']],
  ])('is refused %s', (_, tensors, changes, words) => {
    const path = writeStatistics('refused.safetensors', tensors, changes);
    expect(() => readStatistics(path)).toThrow(expect.objectContaining({ name: 'InputError' }));
    for (const word of words) expect(() => readStatistics(path)).toThrow(word);
  });
});
