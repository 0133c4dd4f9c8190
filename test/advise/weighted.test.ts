/** Errors weighted by the inputs of weights, against roots and singular values by ml-matrix. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { EigenvalueDecomposition, Matrix, SingularValueDecomposition } from 'ml-matrix';
import { describe, expect, it } from 'vitest';
import { adviceRecord } from '../../src/advise/records.js';
import { adviseSchema } from '../../src/advise/config.js';
import { answers, notes, weightedRows } from '../../src/advise/report.js';
import { provenance } from '../../src/host/provenance.js';
import { dense, scaledColumns, type Dense } from '../../src/numbers/dense.js';
import { leadingEigenvalues } from '../../src/numbers/leadingEigenvalues.js';
import { multiply, multiplyTransposedRight } from '../../src/numbers/products.js';
import { qr } from '../../src/numbers/qr.js';
import { covariance, fewDirections, gaussian, spelledOut, toMatrix } from '../support.js';
import { momentTensors, tensor as ofMatrix, writeStatistics, type Tensors } from './statistics.js';
import { advised, checkpoint, lowRank, plus, random, tensor } from './support.js';

const shapes: Record<string, [number, number]> = {
  'model.layers.0.q_proj': [20, 16],
  'model.layers.1.up_proj': [40, 16],
  'model.layers.2.down_proj': [12, 30],
};
const made = Object.entries(shapes).map(([name, [rows, cols]], i) => {
  const before = random([rows, cols], 7 + i, 0.1).map(Math.fround);
  const after = plus(before, lowRank(rows, cols, [3, 2, 1, 0.5, 0.3], 70 + 10 * i).data).map(Math.fround);
  const change = dense(
    rows,
    cols,
    after.map((value, at) => value - before[at]!),
  );
  return { name, shape: [rows, cols], before, after, change };
});
const save = (folder: string, part: 'before' | 'after') =>
  checkpoint(
    folder,
    Object.fromEntries(made.map((each) => [`${each.name}.weight`, tensor(each.shape, each[part])])),
  );
const [base, tuned] = [save('weighted-base', 'before'), save('weighted-tuned', 'after')];

/** Directions of inputs of very different size, as real ones are. */
function skewed(m: number, seed: number): Dense {
  const moment = covariance(m, seed);
  const lift = gaussian(m, 1, seed + 1, 3).data;
  return { ...moment, data: moment.data.map((v, at) => v + lift[Math.floor(at / m)]! * lift[at % m]!) };
}

const few = fewDirections(30, 30, 5, 3, true);
const moments = [skewed(16, 1), null, spelledOut(few)];
// The names are without the prefix that those of the checkpoints have.
const whole: Tensors = {
  'layers.0.q_proj.H': ofMatrix(moments[0]!),
  ...momentTensors('layers.2.down_proj.H', few),
};
const stats = writeStatistics('inputs.safetensors', whole, { loss: undefined, samples: undefined });

/** |(D - D_r) H^1/2|_F^2 for r = 0, ..., of the truncations of D and of the best matrices, by definition. */
function byDefinition(change: Dense, h: Dense) {
  const d = toMatrix(change);
  const { realEigenvalues, eigenvectorMatrix: v } = new EigenvalueDecomposition(toMatrix(h), {
    assumeSymmetric: true,
  });
  const root = v.mmul(Matrix.diag(realEigenvalues.map((value) => Math.sqrt(Math.max(0, value)))));
  const svd = new SingularValueDecomposition(d, { autoTranspose: true });
  const best = new SingularValueDecomposition(d.mmul(root), { autoTranspose: true }).diagonal;
  const ranks = Array.from({ length: Math.min(d.rows, d.columns) + 1 }, (_, r) => r);
  return {
    truncated: ranks.map((r) => {
      const sigma = Matrix.diag(svd.diagonal.map((s, i) => (i < r ? s : 0)));
      const kept = svd.leftSingularVectors.mmul(sigma).mmul(svd.rightSingularVectors.transpose());
      return Matrix.sub(d, kept).mmul(root).norm() ** 2;
    }),
    least: ranks.map((r) => best.slice(r).reduce((sum, s) => sum + s * s, 0)),
  };
}

describe('errors weighted by inputs', () => {
  const expected = made.map(({ change }, i) => moments[i] && byDefinition(change, moments[i]));

  it('are those of the truncations, and of the best matrices of their ranks', async () => {
    const config = { stats, budget: ['150', '400'] };
    const { advice } = await advised(base, tuned, config);
    advice.weights.forEach(({ weighted }, i) => {
      if (expected[i] === null) return expect(weighted).toBeNull();
      for (const which of ['truncated', 'least'] as const) {
        const all = expected[i]![which];
        expect(weighted![which]).toHaveLength(all.length);
        // The file is in float32, so that H is rounded to 6e-8 of its own.
        all.forEach((value, r) =>
          expect(Math.abs(weighted![which][r]! - value)).toBeLessThan(3e-7 * all[0]!),
        );
      }
      // They are not the Frobenius errors, and a truncation is not the best.
      const { sigma, tailSquared } = advice.weights[i]!;
      const plain = sigma.reduce((sum, s) => sum + s * s, tailSquared);
      const atOne = [weighted!.truncated[1]! / weighted!.truncated[0]!, 1 - sigma[0]! ** 2 / plain];
      expect(Math.abs(atOne[0]! - atOne[1]!)).toBeGreaterThan(0.01);
      expect(weighted!.least[1]! / weighted!.truncated[1]!).toBeLessThan(0.99);
    });
    for (const { ranks, weightedError, leastWeightedError, uniform } of advice.budgets)
      for (const [found, which, at] of [
        [weightedError, 'truncated', ranks],
        [leastWeightedError, 'least', ranks],
        [uniform.weightedError, 'truncated', uniform.ranks],
      ] as const) {
        const total = (r: readonly number[]) =>
          expected.reduce((sum, one, i) => sum + (one?.[which][r[i]!] ?? 0), 0);
        expect(found! / Math.sqrt(total(at) / total([0, 0, 0]))).toBeCloseTo(1, 5);
      }
    const said = notes(advice, adviseSchema.parse(config)).join('\n');
    expect(said).toContain(
      'No H, and left out of errors by inputs: 1 weight (model.layers.1.up_proj.weight)',
    );
    expect(answers(advice)[0]).toMatch(
      /weighted by inputs, over 2 of 3 weights\); uniform rank \d leaves \S+ \(\S+ weighted by inputs, over 2 of 3 weights\)/,
    );
    expect(weightedRows(advice)!.rows.map(([name]) => name)).toEqual([made[0]!.name, made[2]!.name]);
    const origin = provenance({ name: 'cpu', device: 'a test', precision: 'float64' }, 0, config);
    const parsed = adviseSchema.parse(config);
    const record = adviceRecord(advice, { base, tuned, config: parsed, provenance: origin });
    const [first, second] = record.weights;
    const { truncated } = expected[0]!;
    expect(first!.weighted!.errors[1]! / Math.sqrt(truncated[2]! / truncated[0]!)).toBeCloseTo(1, 5);
    expect(second!.weighted).toBeNull();
  });

  it('of an adapter are those of its product', async () => {
    const [a, b] = [random([6, 16], 1), random([20, 6], 2)];
    const folder = checkpoint(
      'weighted-lora',
      {
        'base_model.model.model.layers.0.q_proj.lora_A.weight': tensor([6, 16], a),
        'base_model.model.model.layers.0.q_proj.lora_B.weight': tensor([20, 6], b),
      },
      undefined,
      'adapter_model.safetensors',
    );
    writeFileSync(
      join(folder, 'adapter_config.json'),
      JSON.stringify({ peft_type: 'LORA', r: 6, lora_alpha: 6 }),
    );
    const { advice } = await advised(base, folder, { stats });
    const product = toMatrix(dense(20, 6, b.map(Math.fround))).mmul(
      toMatrix(dense(6, 16, a.map(Math.fround))),
    );
    const { truncated } = byDefinition(dense(20, 16, Float64Array.from(product.to1DArray())), moments[0]!);
    const { weighted } = advice.weights[0]!;
    for (let r = 0; r <= 6; r++)
      expect(Math.abs(weighted!.truncated[r]! - truncated[r]!)).toBeLessThan(3e-7 * truncated[0]!);
  });

  const changed = (name: string, to: Tensors[string]) => ({ ...whole, [name]: to });
  const negative = Matrix.eye(16);
  negative.set(0, 1, 2);
  negative.set(1, 0, 2);
  it.each<[string, Tensors, Record<string, string | undefined>, string[]]>([
    [
      'of another size',
      changed('layers.0.q_proj.H', ofMatrix(covariance(20, 1))),
      {},
      ['q_proj.H', '20', '16'],
    ],
    [
      'that is not finite',
      changed('layers.0.q_proj.H', { shape: [16, 16], data: new Float32Array(256).fill(NaN) }),
      {},
      ['q_proj.H', 'finite'],
    ],
    [
      'that is not semidefinite',
      changed('layers.0.q_proj.H', { shape: [16, 16], data: Float32Array.from(negative.to1DArray()) }),
      {},
      ['q_proj.H', 'negative eigenvalue', 'semidefinite'],
    ],
    [
      'in both forms',
      changed('layers.2.down_proj.H', ofMatrix(covariance(30, 1))),
      {},
      ['down_proj.H and ', 'down_proj.H.vectors', 'one of the two'],
    ],
    ['of other weights', { 'other.H': ofMatrix(moments[0]!) }, {}, ['other', 'H of weights such as']],
    ['of no weight', { 'other.G': ofMatrix(moments[0]!) }, {}, ['no tensor NAME.H']],
    ['of another format', whole, { format: undefined }, ['format missing', 'rankflow-stats/1']],
  ])('are refused with an H %s', async (_, tensors, metadata, words) => {
    const path = writeStatistics('refused-inputs.safetensors', tensors, metadata);
    const refusal = advised(base, tuned, { stats: path });
    await expect(refusal).rejects.toMatchObject({ name: 'InputError' });
    for (const word of words) await expect(refusal).rejects.toThrow(word);
  });
});

describe('leading eigenvalues of an operator', () => {
  it.each([
    ['fast', (i: number) => 2 ** -i],
    ['slowly', (i: number) => 1 / (i + 1)],
  ])('that falls %s are those that it was made of, from below', (_, value) => {
    const size = 600;
    const { q } = qr(gaussian(size, size, 5));
    const values = Float64Array.from({ length: size }, (__, i) => value(i));
    const operator = multiplyTransposedRight(scaledColumns(q, values), q);
    const trace = values.reduce((sum, each) => sum + each, 0);
    let columns = 0;
    const found = leadingEigenvalues(size, 8, trace, (z) => {
      columns += z.cols;
      return multiply(operator, z);
    });
    expect(columns).toBeLessThan(size / 2);
    const total = (all: ArrayLike<number>) =>
      Array.from(all)
        .slice(0, 8)
        .reduce((sum, each) => sum + each, 0);
    expect(total(found)).toBeLessThan(total(values) * (1 + 1e-12));
    expect(trace - total(found)).toBeLessThan((trace - total(values)) * (1 + 1e-3));
    found.forEach((each, i) => expect(each).toBeLessThan(values[i]! * (1 + 1e-12)));
  });
});
