/** Advice in the lab's worker, without its browser: against the command line's on the same files, read in parts. */
import { closeSync, fstatSync, openSync, readdirSync, readFileSync, readSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { adviceRecord, weightRecords } from '../../src/advise/records.js';
import { allocationRows, answers, weightRows } from '../../src/advise/report.js';
import { adviseSchema } from '../../src/advise/config.js';
import type { FileBytes } from '../../src/files/disk.js';
import { writeSafetensors, type WrittenTensor } from '../../src/files/writeSafetensors.js';
import type { Provenance } from '../../src/host/provenance.js';
import { LabEngine } from '../../src/lab/engine.js';
import { Adviser } from '../../src/lab/adviser.js';
import type { AdviseSettings } from '../../src/lab/protocol.js';
import { csv } from '../../src/results/tables.js';
import {
  advised,
  checkpoint,
  lowRank,
  plus,
  random,
  tensor,
  work,
  writtenAdvice,
} from '../advise/support.js';

const settings: AdviseSettings = { budget: '5%, 20%', maxRank: '6', roundedBase: true };
const config = { budget: ['5%', '20%'], maxRank: 6, roundedBase: true };
const onward = () => Promise.resolve();
const shapes = {
  'layers.0.q_proj.weight': [40, 32],
  'layers.0.up_proj.weight': [64, 32],
  'layers.1.q_proj.weight': [40, 32],
  'norm.weight': [32],
  'embed_tokens.weight': [50, 32],
};

/** Tensors of BASE, and those of TUNED, in bfloat16. */
function tensorsOf(part: 'before' | 'after'): Record<string, WrittenTensor> {
  return Object.fromEntries(
    Object.entries(shapes).map(([name, shape], i) => {
      const before = random(shape, 3 + i, 0.1);
      const [rows, cols = 0] = shape as [number, number?];
      const changed = part === 'after' && cols > 0 && !name.startsWith('layers.1');
      const data = changed ? plus(before, lowRank(rows, cols, [3, 2, 1, 0.1], 50 + 3 * i).data) : before;
      return [name, tensor(shape, data, 'BF16')];
    }),
  );
}

const base = checkpoint('lab-before', tensorsOf('before'));
const tuned = checkpoint('lab-after', tensorsOf('after'));

/** The files of a folder as a browser has them, with the lengths that were read of them. */
function filesOf(folder: string) {
  const lengths: number[] = [];
  const files = new Map(
    readdirSync(folder).map((name): [string, FileBytes] => {
      const fd = openSync(join(folder, name), 'r');
      const { size } = fstatSync(fd);
      closeSync(fd);
      return [
        name,
        {
          size,
          read(begin, length) {
            lengths.push(length);
            const into = new Uint8Array(length);
            const file = openSync(join(folder, name), 'r');
            const received = readSync(file, into, 0, length, begin);
            closeSync(file);
            return into.slice(0, received);
          },
        },
      ];
    }),
  );
  return { files, lengths };
}

/** One, as in a worker: files that are added are known by their names. */
const adviser = new Adviser();

function give(before = base, after = tuned): void {
  adviser.give('base', 'before', filesOf(before).files);
  adviser.give('tuned', 'after', filesOf(after).files);
}

describe('advice in the lab', () => {
  it('is that of the command line, at the budgets that are asked for and at others after that', async () => {
    give();
    const told: [number, number][] = [];
    await adviser.advise(settings, (done, total) => {
      told.push([done, total]);
      return onward();
    });
    expect(told).toEqual([1, 2, 3].map((done) => [done, 3]));
    for (const budget of [config.budget, ['1%', '500', '100%']]) {
      const view = adviser.within(budget.join(', '));
      const asked = adviseSchema.parse({ ...config, budget });
      const { advice } = await advised(base, tuned, asked);
      expect(view.answers).toEqual(answers(advice));
      expect(view.weights).toEqual(weightRows(advice));
      expect(view.allocations).toEqual(allocationRows(advice, asked));
      expect(view.budgets.map(({ ranks }) => ranks)).toEqual(advice.budgets.map(({ ranks }) => ranks));
      expect(view.leftOut).toEqual([
        { name: 'embed_tokens.weight', reason: 'an embedding, not a Linear layer' },
      ]);
      expect(view.command).toBe(
        `npx rankflow advise BASE TUNED --budget ${budget.join(',')} --max-rank 6 --rounded-base`,
      );
      const record = JSON.parse(adviser.file('json')) as { provenance: Provenance };
      const { provenance } = record;
      expect(provenance.config).toEqual({ ...asked, base: 'before', tuned: 'after' });
      const written = { base: 'before', tuned: 'after', config: asked, provenance };
      expect(record).toEqual(JSON.parse(JSON.stringify(adviceRecord(advice, written))));
      expect(adviser.file('csv')).toBe(csv(weightRecords(advice)));
    }
    expect(() => adviser.within('0%')).toThrow('invalid budget: 0%');
  });

  it('reads one tensor at a time, and headers alone when files are given', async () => {
    const [before, after] = [filesOf(base), filesOf(tuned)];
    const largest = 2 * 64 * 32;
    const headerBytes = Number(readFileSync(join(base, 'model.safetensors')).readBigUInt64LE());
    expect(adviser.give('base', 'before', before.files)).toEqual({ label: 'before', tensors: 5 });
    adviser.give('tuned', 'after', after.files);
    expect(before.lengths.reduce((sum, length) => sum + length, 0)).toBeLessThan(headerBytes + 1200);
    await adviser.advise(settings, onward);
    expect(Math.max(...before.lengths, ...after.lengths)).toBeLessThanOrEqual(Math.max(largest, headerBytes));
    expect(before.files.get('model.safetensors')!.size).toBeGreaterThan(3 * largest);
  });

  it('ends where it is stopped, and has no advice then', async () => {
    give();
    let weights = 0;
    const stopping = (done: number) => {
      weights = done;
      return done === 2 ? Promise.reject(new Error('stopped')) : onward();
    };
    await expect(adviser.advise(settings, stopping)).rejects.toThrow('stopped');
    expect(weights).toBe(2);
    expect(() => adviser.within('1%')).toThrow('invalid advice: none');
  });

  it('takes shards with their index, and an adapter in the place of TUNED', async () => {
    const tensors = tensorsOf('before');
    const names = Object.keys(tensors);
    const sharded = checkpoint('lab-sharded', {}, undefined, 'empty.safetensors');
    const shardOf = (i: number) => `model-0000${1 + (i % 2)}-of-00002.safetensors`;
    for (const shard of [0, 1])
      writeSafetensors(
        join(sharded, shardOf(shard)),
        Object.fromEntries(names.filter((_, i) => i % 2 === shard).map((name) => [name, tensors[name]!])),
      );
    writeFileSync(
      join(sharded, 'model.safetensors.index.json'),
      JSON.stringify({ weight_map: Object.fromEntries(names.map((name, i) => [name, shardOf(i)])) }),
    );
    const adapter = checkpoint(
      'lab-adapter',
      {
        'base_model.model.layers.0.q_proj.lora_A.weight': tensor([3, 32], random([3, 32], 1)),
        'base_model.model.layers.0.q_proj.lora_B.weight': tensor([40, 3], random([40, 3], 2)),
      },
      undefined,
      'adapter_model.safetensors',
    );
    writeFileSync(join(adapter, 'adapter_config.json'), JSON.stringify({ r: 3, lora_alpha: 6 }));
    give(sharded, adapter);
    await adviser.advise(settings, onward);
    const { advice } = await advised(base, adapter, config);
    expect(adviser.within(settings.budget).weights).toEqual(weightRows(advice));
    // Another model in the place of the adapter: nothing of it is left.
    adviser.give('tuned', 'after', filesOf(tuned).files);
    await adviser.advise(settings, onward);
    const other = await advised(base, tuned, config);
    expect(adviser.within(settings.budget).answers).toEqual(answers(other.advice));
  });

  it('writes the adapter of a budget byte by byte as the command line does', async () => {
    give();
    await adviser.advise(settings, onward);
    const advice = await writtenAdvice('lab', base, tuned, { ...config, dtype: 'bfloat16' });
    for (const [i, each] of advice.budgets.entries()) {
      await adviser.writeAdapter(i, 'bfloat16', onward);
      const { error, files } = adviser.adapter();
      expect(error).toBe(each.writtenError);
      const path = join(work, 'lab-adapters', each.budget.folder);
      const [written, tensors] = files as [(typeof files)[number], (typeof files)[number]];
      expect(files.map(({ name }) => name)).toEqual(readdirSync(path).sort());
      expect(Buffer.from(await tensors.content.arrayBuffer())).toEqual(
        readFileSync(join(path, tensors.name)),
      );
      const expected = JSON.parse(readFileSync(join(path, written.name), 'utf8')) as object;
      expect(JSON.parse(await written.content.text())).toEqual({
        ...expected,
        base_model_name_or_path: 'before',
      });
    }
    adviser.within('1');
    await expect(adviser.writeAdapter(0, 'float32', onward)).rejects.toThrow('invalid budget: 1; must be');
    expect(() => adviser.adapter()).toThrow('invalid adapter: none');
  });

  it('refuses in one line what is no checkpoint, and what is not given', async () => {
    const bytes = Uint8Array.from(readFileSync(join(base, 'model.safetensors')));
    const cut = new Map([
      ['w.safetensors', { size: 999, read: (a: number, n: number) => bytes.slice(a, Math.min(999, a + n)) }],
    ]);
    expect(() => adviser.give('base', 'w', cut)).toThrow(/^invalid BASE\/w\.safetensors: .*; must be .*$/);
    expect(() => adviser.give('base', 'nothing', new Map())).toThrow('invalid BASE: no files');
    // What was refused is not there, nor what it took the place of.
    await expect(adviser.advise(settings, onward)).rejects.toThrow(
      'invalid BASE: no files; must be given first',
    );
    adviser.give('base', 'before', filesOf(base).files);
    adviser.give('tuned', 'before', filesOf(base).files);
    await expect(adviser.advise(settings, onward)).rejects.toThrow(
      'invalid TUNED: 3 weights, each entry as in BASE',
    );
    await expect(adviser.advise({ ...settings, maxRank: 'x' }, onward)).rejects.toThrow('invalid maxRank: x');
    await expect(adviser.advise({ ...settings, budget: '' }, onward)).rejects.toThrow('invalid budget');
  });

  it('is asked for through the engine, which runs one thing at a time', async () => {
    const listener = { progress: onward };
    await expect(new LabEngine().advise(settings, listener)).rejects.toThrow('invalid BASE: no files');
    const engine = new LabEngine();
    expect(() => engine.advice('1%')).toThrow('invalid advice: none');
    const first = engine.advise(settings, listener);
    const stop = engine.stop();
    expect(await first.catch(() => 'refused')).toBe('stopped');
    await stop;
  });
});
