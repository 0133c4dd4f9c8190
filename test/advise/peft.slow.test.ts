/** Adapters that advice writes, loaded and merged by the PEFT of this machine ($PYTHON; skipped without). */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { adapterTypes } from '../../src/advise/config.js';
import { readSafetensors } from '../../src/files/safetensors.js';
import { checkpoint, lowRank, plus, random, tensor, work, writtenAdvice, writtenTensor } from './support.js';

const python = process.env['PYTHON'] || 'python3';
const script = fileURLToPath(new URL('merge.py', import.meta.url));

/** Names and stored shapes; a name that ends another, and one with signs of regular expressions. */
const shapes: Readonly<Record<string, readonly number[]>> = {
  'h.0.q_proj.weight': [24, 16],
  'decoder.h.0.q_proj.weight': [24, 16],
  'h.0.c_fc.weight': [16, 40],
  'h.1.c_fc.weight': [16, 40],
  'h.10.up_proj.weight': [40, 16],
  'h.1.up_proj.weight': [40, 16],
  'patch.conv.weight': [12, 3, 4, 4],
};
const conv1D = ['h.0.c_fc', 'h.1.c_fc'];

it.for(adapterTypes)(
  'PEFT merges adapters in %s to the error that is stated',
  { timeout: 600_000 },
  async (dtype, { skip }) => {
    if (spawnSync(python, ['-c', 'import peft, transformers, safetensors']).status !== 0)
      skip(`${python} has no PEFT`);
    const pairs = Object.entries(shapes).map(([name, shape], i) => {
      const before = random(shape, i, 0.1).map(Math.fround);
      const rows = shape[0]!;
      const cols = before.length / rows;
      const change = lowRank(
        rows,
        cols,
        [1, 0.6, 0.4, 0.2, 0.1].map((s) => s / (1 + i)),
        100 + i,
      ).data;
      return { name, shape, before, after: plus(before, change).map(Math.fround) };
    });
    const save = (folder: string, part: 'before' | 'after') =>
      checkpoint(
        `${folder}-${dtype}`,
        Object.fromEntries(pairs.map((pair) => [pair.name, tensor(pair.shape, pair[part])])),
        { model_type: 'gpt2' },
      );
    const [base, tuned] = [save('base', 'before'), save('tuned', 'after')];
    const advice = await writtenAdvice(dtype, base, tuned, { budget: ['250', '20%'], dtype });
    for (const { budget, ranks, writtenError } of advice.budgets) {
      const out = join(work, `${budget.folder}-${dtype}.safetensors`);
      const files = [join(base, 'model.safetensors'), join(work, `${dtype}-adapters`, budget.folder), out];
      const { status, stderr } = spawnSync(python, [script, ...files, ...conv1D], { encoding: 'utf8' });
      expect(status, stderr).toBe(0);
      const merged = readSafetensors(out);
      let [left, all] = [0, 0];
      for (const { name, before, after } of pairs) {
        const { data } = merged.get(name);
        const rank = ranks[advice.weights.findIndex((weight) => weight.name === name)]!;
        expect(
          data.some((value, i) => value !== before[i]),
          name,
        ).toBe(rank > 0);
        const module = name.replace('.weight', '');
        const factor = (part: 'A' | 'B') =>
          rank > 0 ? writtenTensor(dtype, budget.folder, module, part).data : [];
        const [a, b] = [factor('A'), factor('B')];
        const isConv1D = conv1D.includes(module);
        const rows = isConv1D ? shapes[name]![1]! : shapes[name]![0]!;
        const cols = data.length / rows;
        data.forEach((value, at) => {
          const [i, j] = isConv1D ? [at % rows, Math.floor(at / rows)] : [Math.floor(at / cols), at % cols];
          let sum = before[at]!;
          for (let k = 0; k < rank; k++) sum += b[i * rank + k]! * a[k * cols + j]!;
          expect(Math.abs(value - sum)).toBeLessThan(1e-6);
          left += (value - after[at]!) ** 2;
          all += (after[at]! - before[at]!) ** 2;
        });
      }
      expect(Math.abs(Math.sqrt(left / all) - writtenError!)).toBeLessThan(1e-6);
    }
  },
);
