/** Advice on pairs that are made here, against decompositions by ml-matrix and what the pairs were made of. */
import { readFileSync, mkdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Matrix, SingularValueDecomposition } from 'ml-matrix';
import { describe, expect, it } from 'vitest';
import { answers, evaluation, notes, weightRows } from '../../src/advise/report.js';
import { adviceFigures } from '../../src/advise/figures.js';
import { adviseSchema } from '../../src/advise/config.js';
import { matchNames } from '../../src/advise/names.js';
import { dense } from '../../src/numbers/dense.js';
import { singularValues } from '../../src/numbers/svd.js';
import { renderSvg } from '../../src/report/plots.js';
import { fromHalf } from '../../src/files/safetensors.js';
import { toHalf } from '../../src/files/floatFormats.js';
import {
  advised,
  checkpoint,
  lowRank,
  plus,
  random,
  tensor,
  work,
  writtenAdvice,
  writtenTensor,
  type Dtype,
} from './support.js';

const shapes = { 'layers.0.q_proj.weight': [20, 16], 'layers.1.up_proj.weight': [40, 16] };

/** A pair of checkpoints whose weights differ by matrices of these singular values, about. */
function pairOf(name: string, sigma: readonly number[], options: { prefix?: string; dtype?: Dtype } = {}) {
  const { prefix = '', dtype = 'F32' } = options;
  const made = Object.entries(shapes).map(([weight, shape], i) => {
    const [rows, cols] = shape as [number, number];
    const before = random(shape, 7 + i, 0.1).map(Math.fround);
    const after = plus(before, lowRank(rows, cols, sigma, 70 + 10 * i).data).map(Math.fround);
    return { weight, shape, before, after };
  });
  const folders = (['before', 'after'] as const).map((part) =>
    checkpoint(
      `${name}-${part}`,
      Object.fromEntries(
        made.map((each) => [
          `${part === 'after' ? prefix : ''}${each.weight}`,
          tensor(each.shape, each[part], dtype),
        ]),
      ),
    ),
  );
  return { base: folders[0]!, tuned: folders[1]!, made };
}

const sigmaOf = (rows: number, cols: number, d: Float64Array) =>
  new SingularValueDecomposition(Matrix.from1DArray(rows, cols, [...d]), { autoTranspose: true }).diagonal;

describe('advice', () => {
  it('has the singular values of what changed, and the error of their ranks', async () => {
    const { base, tuned, made } = pairOf('plain', [3, 2, 1, 0.5, 0.3]);
    const { advice } = await advised(base, tuned, { budget: ['150', '400'] });
    const sigma = made.map(({ before, after, shape }) =>
      sigmaOf(
        shape[0]!,
        shape[1]!,
        after.map((value, i) => value - before[i]!),
      ),
    );
    advice.weights.forEach((weight, i) => {
      weight.sigma.forEach((value, k) => expect(value).toBeCloseTo(sigma[i]![k]!, 10));
      expect(weight.tailSquared).toBeCloseTo(0, 12);
      const squares = sigma[i]!.reduce((sum, s) => sum + s * s, 0);
      expect(weight.stableRank).toBeCloseTo(squares / sigma[i]![0]! ** 2, 10);
      expect(weight.worth).toBe(5);
    });
    expect(advice.parameters).toBe(20 * 16 + 40 * 16);
    for (const { ranks, error, parameters } of advice.budgets) {
      const left = sigma.map((values, i) => values.slice(ranks[i]!).reduce((sum, s) => sum + s * s, 0));
      const all = sigma.map((values) => values.reduce((sum, s) => sum + s * s, 0));
      expect(error).toBeCloseTo(Math.sqrt((left[0]! + left[1]!) / (all[0]! + all[1]!)), 10);
      expect(parameters).toBe(ranks[0]! * 36 + ranks[1]! * 56);
    }
    expect(advice.budgets[1]!.error).toBeLessThan(advice.budgets[0]!.error);
  });

  it('draws the names of weights in full', async () => {
    const kind = 'a_projection_whose_name_is_longer_than_labels_of_axes_commonly_are';
    const before = random([20, 16], 1, 0.1);
    const after = plus(before, lowRank(20, 16, [2, 1], 3).data);
    const [base, tuned] = [before, after].map((values, i) =>
      checkpoint(`long-${i}`, { [`layers.0.${kind}.weight`]: tensor([20, 16], values) }),
    ) as [string, string];
    const { advice } = await advised(base, tuned, { budget: ['100'] });
    expect(await renderSvg(adviceFigures(advice)[0]!.spec)).toContain(kind);
  });

  it('measures the error of factors in their type', async () => {
    const { base, tuned, made } = pairOf('typed', [3, 2, 1, 0.5, 0.3]);
    for (const dtype of ['float32', 'bfloat16'] as const) {
      const advice = await writtenAdvice(dtype, base, tuned, { budget: ['200'], dtype });
      let [left, all] = [0, 0];
      made.forEach(({ weight, before, after, shape: [rows, cols] }, w) => {
        const rank = advice.budgets[0]!.ranks[w]!;
        const factor = (part: 'A' | 'B') =>
          rank > 0 ? writtenTensor(dtype, '200', weight.replace('.weight', ''), part).data : [];
        const [a, b] = [factor('A'), factor('B')];
        for (let i = 0; i < rows!; i++)
          for (let j = 0; j < cols!; j++) {
            const d = after[i * cols! + j]! - before[i * cols! + j]!;
            let value = 0;
            for (let k = 0; k < rank; k++) value += b[i * rank + k]! * a[k * cols! + j]!;
            left += (d - value) ** 2;
            all += d * d;
          }
      });
      const [{ writtenError, error }] = advice.budgets as [(typeof advice.budgets)[number]];
      expect(writtenError).toBeCloseTo(Math.sqrt(left / all), 12);
      expect(Math.abs(writtenError! - error)).toBeLessThan(dtype === 'float32' ? 1e-6 : 1e-3);
      expect(Math.abs(writtenError! - error)).toBeGreaterThan(dtype === 'float32' ? 0 : 1e-8);
    }
  });

  it('of an adapter is that of its product, and resizes it', async () => {
    const { base } = pairOf('adapter', [1]);
    const [a, b] = [random([6, 16], 1), random([20, 6], 2)];
    const folder = checkpoint(
      'lora',
      {
        'base_model.model.layers.0.q_proj.lora_A.weight': tensor([6, 16], a),
        'base_model.model.layers.0.q_proj.lora_B.weight': tensor([20, 6], b),
      },
      undefined,
      'adapter_model.safetensors',
    );
    const config = { peft_type: 'LORA', r: 6, lora_alpha: 12, use_rslora: true };
    writeFileSync(join(folder, 'adapter_config.json'), JSON.stringify(config));
    const product = Matrix.from1DArray(20, 6, [...b].map(Math.fround))
      .mmul(Matrix.from1DArray(6, 16, [...a].map(Math.fround)))
      .mul(12 / Math.sqrt(6));
    const advice = await writtenAdvice('resized', base, folder, { budget: ['36', '72'] });
    expect(advice.weights.map(({ name }) => name)).toEqual(['layers.0.q_proj.weight']);
    const sigma = new SingularValueDecomposition(product, { autoTranspose: true }).diagonal;
    advice.weights[0]!.sigma.forEach((value, k) => expect(value / sigma[k]!).toBeCloseTo(1, 10));
    expect(advice.weights[0]!.sigma).toHaveLength(6);
    for (const [i, { budget, writtenError }] of advice.budgets.entries()) {
      const { shape } = writtenTensor('resized', budget.folder, 'layers.0.q_proj', 'A');
      expect(shape).toEqual([i + 1, 16]);
      const left = sigma.slice(i + 1).reduce((sum, s) => sum + s * s, 0);
      const all = sigma.reduce((sum, s) => sum + s * s, 0);
      expect(writtenError).toBeCloseTo(Math.sqrt(left / all), 6);
    }
  });

  it('bounds the rounding of a pair of bfloat16', async () => {
    const [n, m] = [120, 90];
    const before = random([n, m], 11, 0.05);
    const after = plus(before, lowRank(n, m, [0.08, 0.05], 13).data);
    const rounded = (values: Float64Array) => fromHalf(toHalf(values, 'BF16'), 'BF16');
    const save = (name: string, values: Float64Array) =>
      checkpoint(name, { 'h.0.fc.weight': tensor([n, m], values, 'BF16') });
    const pair = [save('bf-base', before), save('bf-tuned', after)] as const;
    const config = { roundedBase: true, budget: ['100%'] };
    const [weight] = (await advised(...pair, config)).advice.weights;
    const [roundedBefore, roundedAfter] = [rounded(before), rounded(after)];
    const noise = after.map((value, i) => roundedAfter[i]! - value - (roundedBefore[i]! - before[i]!));
    const rms = Math.sqrt(noise.reduce((sum, value) => sum + value * value, 0) / noise.length);
    const largest = singularValues(dense(n, m, noise))[0]!;
    expect(Math.abs(weight!.rounding!.rms / rms - 1)).toBeLessThan(0.03);
    expect(weight!.rounding!.edge).toBeGreaterThan(largest);
    expect(weight!.rounding!.edge).toBeLessThan(1.6 * largest);
    expect(weight!.worth).toBe(2);
    const equal = roundedAfter.filter((value, i) => value === roundedBefore[i]).length;
    expect(weight!.rounding!.equalShare).toBe(equal / (n * m));
    // A base that training began from as it is stored is not rounded.
    const [single] = (await advised(...pair, { budget: ['100%'] })).advice.weights;
    expect(single!.rounding!.rms / weight!.rounding!.rms).toBeCloseTo(Math.SQRT1_2, 2);
  });

  it('has no relative change of a weight that was zero', async () => {
    const base = checkpoint('zero-base', { 'h.0.fc.weight': tensor([4, 3], new Float64Array(12)) });
    const tuned = checkpoint('zero-tuned', { 'h.0.fc.weight': tensor([4, 3], random([4, 3], 1)) });
    const { advice } = await advised(base, tuned);
    expect(advice.weights[0]!.relativeNorm).toBeNull();
    expect(weightRows(advice).rows[0]![2]).toBe('-');
  });

  it('says what was left out, unchanged and renamed', async () => {
    const same = random([8, 8], 1);
    const shared = { 'h.0.same.weight': tensor([8, 8], same), ids: tensor([4], [1, 2, 3, 4]) };
    const base = checkpoint(
      'odd-base',
      {
        ...shared,
        'h.0.c_attn.weight': tensor([6, 18], random([6, 18], 2)),
        'wte.weight': tensor([10, 6], random([10, 6], 3)),
        'lm_head.weight': tensor([10, 6], random([10, 6], 3)),
        'h.0.experts.up': tensor([2, 4, 6], random([2, 4, 6], 4)),
        'h.0.pos': tensor([4, 6], random([4, 6], 5)),
        'conv.weight': tensor([4, 3, 2, 2], random([4, 3, 2, 2], 6)),
        'dw.weight': tensor([4, 1, 3, 3], random([4, 1, 3, 3], 7)),
        'h.0.ln.bias': tensor([6], random([6], 8)),
        'gone.weight': tensor([3, 3], random([3, 3], 9)),
      },
      { model_type: 'gpt2' },
    );
    const tuned = checkpoint('odd-tuned', {
      ...Object.fromEntries(Object.entries(shared).map(([name, each]) => [`transformer.${name}`, each])),
      'transformer.h.0.c_attn.weight': tensor([6, 18], random([6, 18], 12)),
      'transformer.wte.weight': tensor([11, 6], random([11, 6], 13)),
      'lm_head.weight': tensor([11, 6], random([11, 6], 13)),
      'transformer.h.0.experts.up': tensor([2, 4, 6], random([2, 4, 6], 14)),
      'transformer.h.0.pos': tensor([4, 6], random([4, 6], 15)),
      'transformer.conv.weight': tensor([4, 3, 2, 2], random([4, 3, 2, 2], 16)),
      'transformer.dw.weight': tensor([4, 1, 3, 3], random([4, 1, 3, 3], 17)),
      'transformer.h.0.ln.bias': tensor([6], random([6], 18)),
      'score.weight': tensor([2, 6], random([2, 6], 19)),
    });
    const config = { budget: ['100%'], names: 'tuned' as const };
    const advice = await writtenAdvice('odd', base, tuned, config);
    expect(advice.weights.map(({ name, rows, cols, layout }) => [name, rows, cols, layout])).toEqual([
      ['h.0.c_attn.weight', 18, 6, 'conv1d'],
      ['conv.weight', 4, 12, 'conv2d'],
    ]);
    expect(advice.unchanged).toEqual(['h.0.same.weight']);
    expect(advice.vectors).toEqual({ count: 2, changed: 1 });
    expect(advice.renaming).toEqual({ from: '', to: 'transformer.' });
    const reasons = Object.fromEntries(advice.leftOut.map(({ name, reason }) => [name, reason]));
    expect(reasons).toEqual({
      'wte.weight': '[11, 6] in TUNED, [10, 6] in BASE',
      'lm_head.weight': '[11, 6] in TUNED, [10, 6] in BASE',
      'h.0.experts.up': 'a stack of matrices, such as experts, not a Linear layer',
      'h.0.pos': 'a parameter that is no weight of a Linear layer',
      'dw.weight': 'a depthwise convolution',
      'gone.weight': 'not in TUNED',
      'score.weight': 'not in BASE',
    });
    const said = notes(advice, adviseSchema.parse(config)).join('\n');
    for (const part of ['1 of 2 vectors', 'Unchanged, and left out: 1 weight', 'begin with "transformer."'])
      expect(said).toContain(part);
    for (const name of Object.keys(reasons)) expect(said).toContain(name);
    const written = JSON.parse(readFileSync(join(work, 'odd-adapters/100pct/adapter_config.json'), 'utf8'));
    expect(written.fan_in_fan_out).toBe(true);
    expect(Object.keys(written.rank_pattern)).toEqual([
      String.raw`^transformer\.h\.0\.c_attn$`,
      String.raw`^transformer\.conv$`,
    ]);
    expect(written.alpha_pattern).toEqual(written.rank_pattern);
    const shapeOf = (module: string, part: 'A' | 'B') => writtenTensor('odd', '100pct', module, part).shape;
    expect(shapeOf('transformer.conv', 'A')).toEqual([4, 3, 2, 2]);
    expect(shapeOf('transformer.conv', 'B')).toEqual([4, 4, 1, 1]);
    expect(shapeOf('transformer.h.0.c_attn', 'B')).toEqual([18, 6]);
  });

  it('is the same from shards, a cache, and other types', async () => {
    const { base, tuned, made } = pairOf('stored', [3, 2, 1]);
    const { advice } = await advised(base, tuned, { budget: ['150'] });
    const sharded = join(work, 'sharded');
    mkdirSync(sharded);
    const map = Object.fromEntries(made.map(({ weight }, i) => [weight, `model-${i}.safetensors`]));
    made.forEach(({ weight, shape, after }, i) =>
      checkpoint('sharded', { [weight]: tensor(shape, after) }, undefined, `model-${i}.safetensors`),
    );
    writeFileSync(join(sharded, 'model.safetensors.index.json'), JSON.stringify({ weight_map: map }));
    const cache = join(work, 'models--org--tuned');
    for (const part of ['blobs', 'refs', 'snapshots/abc', 'snapshots/old'])
      mkdirSync(join(cache, part), { recursive: true });
    writeFileSync(join(cache, 'blobs/0a1b'), readFileSync(join(tuned, 'model.safetensors')));
    symlinkSync(join(cache, 'blobs/0a1b'), join(cache, 'snapshots/abc/model.safetensors'));
    writeFileSync(join(cache, 'refs/main'), 'abc\n');
    for (const other of [sharded, cache, join(tuned, 'model.safetensors')]) {
      const again = await advised(base, other, { budget: ['150'] });
      expect(again.advice.weights).toEqual(advice.weights);
      expect(again.advice.budgets).toEqual(advice.budgets);
    }
    renameSync(join(cache, 'refs/main'), join(cache, 'refs/other'));
    await expect(advised(base, cache)).rejects.toThrow(/2 snapshots; must be one of: .*snapshots\/abc/);
  });

  it('answers in a sentence, draws what it says, and says how to evaluate', async () => {
    const { base, tuned } = pairOf('said', [3, 2, 1]);
    const config = adviseSchema.parse({ budget: ['10', '100', '100%'], write: 'DIR' });
    const { advice } = await advised(base, tuned, config);
    const [none, some] = answers(advice);
    expect(none).toBe('Within 10 parameters no direction fits: one costs at least 36 parameters.');
    expect(some).toMatch(/^Within 100 parameters: ranks \d to \d over 2 weights, \d+ parameters/);
    const figures = adviceFigures(advice);
    expect(figures.map(({ id }) => id)).toEqual(['ranks-100', 'ranks-100pct', 'error']);
    for (const { spec } of figures) expect(await renderSvg(spec)).toContain('<svg');
    const steps = evaluation(base, advice, config).join('\n');
    expect(steps).toContain('not the error of your task');
    expect(steps).toContain('for adapter in DIR/100 DIR/100pct; do lm_eval');
  });
});

describe('names', () => {
  it.each<[here: string[], there: string[], found: Record<string, string>]>([
    [['a.w', 'b.w'], ['a.w', 'c.w'], { 'a.w': 'a.w' }],
    [['x.a.w', 'x.b.w'], ['y.z.a.w', 'y.z.b.w'], { 'x.a.w': 'y.z.a.w', 'x.b.w': 'y.z.b.w' }],
    [
      ['m.a.w', 'm.b.w', 'head.w'],
      ['a.w', 'b.w', 'head.w'],
      { 'm.a.w': 'a.w', 'm.b.w': 'b.w', 'head.w': 'head.w' },
    ],
    // Another layer of the same kind is not the same weight.
    [['l.0.q', 'l.1.q', 'l.2.q'], ['l.0.q', 'l.1.q'], { 'l.0.q': 'l.0.q', 'l.1.q': 'l.1.q' }],
  ])('of %j in %j', (here, there, found) => {
    expect(Object.fromEntries(matchNames(here, there).matches)).toEqual(found);
  });
});
