/** Adapters that advice writes, loaded and merged by the PEFT of this machine ($PYTHON; skipped without). */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { writeAdvice } from '../../src/advise/folder.js';
import { adapterTypes, adviseSchema } from '../../src/advise/config.js';
import { readSafetensors } from '../../src/files/safetensors.js';
import { provenance } from '../../src/host/provenance.js';
import { advised, checkpoint, lowRank, plus, random, tensor, work, type Dtype } from './support.js';

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
    const save = (folder: string, part: 'before' | 'after', type: Dtype = 'F32') =>
      checkpoint(
        `${folder}-${dtype}`,
        Object.fromEntries(pairs.map((pair) => [pair.name, tensor(pair.shape, pair[part], type)])),
        { model_type: 'gpt2' },
      );
    const [base, tuned] = [save('base', 'before'), save('tuned', 'after')];
    const write = join(work, `adapters-${dtype}`);
    const config = adviseSchema.parse({ budget: ['250', '20%'], write, dtype });
    const result = await advised(base, tuned, config);
    const origin = provenance({ name: 'cpu', device: 'a test', precision: 'float64' }, 0, config);
    await writeAdvice(join(work, `out-${dtype}`), result, { base, tuned, config, provenance: origin });
    for (const { budget, ranks, writtenError } of result.advice.budgets) {
      const out = join(work, `${budget.folder}-${dtype}.safetensors`);
      const files = [join(base, 'model.safetensors'), join(write, budget.folder), out];
      const { status, stderr } = spawnSync(python, [script, ...files, ...conv1D], { encoding: 'utf8' });
      expect(status, stderr).toBe(0);
      const merged = readSafetensors(out);
      const adapter = readSafetensors(join(write, budget.folder, 'adapter_model.safetensors'));
      let [left, all] = [0, 0];
      for (const { name, before, after } of pairs) {
        const { data } = merged.get(name);
        const rank = ranks[result.advice.weights.findIndex((weight) => weight.name === name)]!;
        expect(
          data.some((value, i) => value !== before[i]),
          name,
        ).toBe(rank > 0);
        const [a, b] = ['A', 'B'].map((part) => {
          const key = `base_model.model.${name.replace('.weight', '')}.lora_${part}.weight`;
          return rank === 0 ? new Float64Array() : adapter.get(key).data;
        }) as [Float64Array, Float64Array];
        const isConv1D = conv1D.includes(name.replace('.weight', ''));
        const rows = isConv1D ? shapes[name]![1]! : shapes[name]![0]!;
        const cols = data.length / rows;
        data.forEach((value, at) => {
          const [i, j] = isConv1D ? [at % rows, Math.floor(at / rows)] : [Math.floor(at / cols), at % cols];
          let sum = before[at]!;
          for (let k = 0; k < rank; k++) sum += b[i * rank + k]! * a[k * cols + j]!;
          expect(Math.abs(value - sum)).toBeLessThan(1e-6);
        });
        data.forEach((value, i) => {
          left += (value - after[i]!) ** 2;
          all += (after[i]! - before[i]!) ** 2;
        });
      }
      expect(Math.abs(Math.sqrt(left / all) - writtenError!)).toBeLessThan(1e-6);
    }
  },
);
