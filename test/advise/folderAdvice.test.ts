/**
 * Advice in a results folder: whatever cuts it off, however it is shared out, all that it writes is the same to the byte
 * but for the time at which it began; and what is not the same advice is refused by name.
 */
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join, relative } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { adviseSchema, type AdviseConfig } from '../../src/advise/config.js';
import {
  adviceIn,
  decomposeWeights,
  mergeAdvice,
  openAdvice,
  type FolderAdvice,
  type WeightsWatch,
} from '../../src/advise/folderAdvice.js';
import { adviceRecord, type Written } from '../../src/advise/records.js';
import { writeSafetensors } from '../../src/files/writeSafetensors.js';
import { origin } from '../../src/host/provenance.js';
import { shareOf, type Shard } from '../../src/input/shard.js';
import { readRuns } from '../../src/results/runs.js';
import { Incomplete, inventoryOf } from '../../src/run/mergeParts.js';
import { digestOf } from '../../src/sweep/planHash.js';
import { advised, checkpoint, lowRank, plus, random, silent, tensor, work } from './support.js';

const shapes = [
  [24, 18],
  [40, 18],
  [18, 40],
  [12, 12],
] as const;
const made = shapes.map(([rows, cols], i) => {
  const before = random([rows, cols], i, 0.1);
  // The last weight does not change.
  const after = i === 3 ? before : plus(before, lowRank(rows, cols, [2, 1 / (i + 1), 0.3], 40 + i).data);
  return { name: `layers.${i}.fc.weight`, shape: [rows, cols], before, after };
});
const save = (folder: string, part: 'before' | 'after') =>
  checkpoint(
    folder,
    Object.fromEntries(made.map((each) => [each.name, tensor(each.shape, each[part], 'BF16')])),
  );
const [base, tuned] = [save('base', 'before'), save('tuned', 'after')];

const config = (given: Partial<AdviseConfig> = {}) => adviseSchema.parse({ budget: ['300'], ...given });
const here = () => origin({ name: 'cpu', device: 'a test', precision: 'float64' });
const at = (name: string) => join(work, name);

const open = (folder: string, given: Partial<AdviseConfig> = {}, isShard = false) =>
  openAdvice(at(folder), { base, tuned, config: config(given) }, { isShard });

/** Decomposes what is missing of a folder, of at most so many weights. */
async function decompose(advice: FolderAdvice, most = Infinity, shard?: Shard, watch: WeightsWatch = {}) {
  let count = 0;
  return decomposeWeights(advice, here(), { shard, watch, stop: () => count++ >= most });
}

async function whole(folder: string, given: Partial<AdviseConfig> = {}) {
  const advice = await open(folder, given);
  expect(await decompose(advice)).toBe(true);
  return mergeAdvice(advice, [], silent);
}

/** Times of a beginning, and numbers that a drawing counts in its process. */
const passing = /\d{4}-\d\d-\d\dT[\d:.]+Z|gradient_\d+/g;

/** Digests of all files below a folder but the records of runs, without the time at which it began. */
function contents(folder: string): Record<string, string> {
  const files = readdirSync(at(folder), { recursive: true, withFileTypes: true })
    .filter((each) => each.isFile())
    .map((file) => join(file.parentPath, file.name))
    .filter((file) => !/\/(runs|set-aside)\//.test(file));
  const digest = (file: string) => digestOf(readFileSync(file, 'latin1').replaceAll(passing, ''));
  return Object.fromEntries(files.sort().map((file) => [relative(at(folder), file), digest(file)]));
}

/** A second moment of inputs, diagonal. */
const inputMoment = (size: number, deviation: number) =>
  Float64Array.from({ length: size ** 2 }, (_, at) => (at % (size + 1) === 0 ? deviation * (1 + at) : 0));

const partsOf = (folder: string) => readdirSync(at(`${folder}/weights`)).sort();

beforeAll(async () => {
  await whole('whole');
});

describe('advice in a folder', () => {
  it('is what one call gives', async () => {
    const { advice } = await advised(base, tuned, config());
    const told = JSON.parse(readFileSync(at('whole/advice.json'), 'utf8'));
    const record = adviceRecord(advice, { base, tuned, config: config() } as Written);
    expect(told.weights).toEqual(record.weights);
    expect(told.unchanged).toEqual(['layers.3.fc.weight']);
    expect(told.budgets[0].ranks).toEqual(
      Object.fromEntries(advice.weights.map(({ name }, i) => [name, advice.budgets[0]!.ranks[i]])),
    );
  });

  it.each([0, 1, 2, 3])('goes on where it was stopped after %i weights', async (most) => {
    const folder = `stopped-${most}`;
    expect(await decompose(await open(folder), most)).toBe(false);
    expect(partsOf(folder)).toHaveLength(most);
    // As a process leaves it that is killed while it writes.
    writeFileSync(at(`${folder}/weights/part-000003-0123456789abcdef.parquet.7.part`), 'PAR1');
    let todo = -1;
    const again = await open(folder);
    expect(await decompose(again, Infinity, undefined, { start: (weights) => void (todo = weights) })).toBe(
      true,
    );
    expect(todo).toBe(4 - most);
    await mergeAdvice(again, [], silent);
    expect(contents(folder)).toEqual(contents('whole'));
    expect(readRuns(at(folder)).map(({ state, chunks }) => [state, chunks])).toEqual([
      ['interrupted', most],
      ['finished', 4 - most],
    ]);
  });

  it('tells how much of the work is done, by the size of weights', async () => {
    const done: number[] = [];
    await decompose(await open('told'), Infinity, undefined, { done: (_, work) => void done.push(work) });
    const costs = shapes.map(([rows, cols]) => rows * cols * Math.min(rows, cols));
    const all = costs.reduce((sum, cost) => sum + cost);
    expect(done).toEqual(costs.map((_, i) => costs.slice(0, i + 1).reduce((sum, cost) => sum + cost) / all));
  });

  it('is shared out, and merged in one folder or in several, with its adapters', async () => {
    // The adapters' folder is recorded, so it is the same for all, and moved away.
    const given = { write: at('adapters') };
    const put = (name: string) => renameSync(given.write, at(name));
    await whole('whole-written', given);
    put('adapters-whole');
    for (const number of [1, 2]) {
      await decompose(await open('shared', given, true), Infinity, { number, of: 2 });
      await decompose(await open(`shard-${number}`, given, true), Infinity, { number, of: 2 });
    }
    expect([...partsOf('shard-1'), ...partsOf('shard-2')].sort()).toEqual(partsOf('whole-written'));
    await mergeAdvice(await adviceIn(at('shared')), [], silent);
    put('adapters-shared');
    const shards = [await adviceIn(at('shard-1')), await adviceIn(at('shard-2'))];
    await mergeAdvice({ ...shards[0]!, path: at('both') }, shards, silent);
    put('adapters-both');
    for (const name of ['shared', 'both']) {
      expect(contents(name)).toEqual(contents('whole-written'));
      expect(contents(`adapters-${name}`)).toEqual(contents('adapters-whole'));
    }
    const half = await adviceIn(at('shard-1'));
    await expect(mergeAdvice(half, [], silent)).rejects.toThrow(/^2 chunks are missing: \d/);
    await expect(mergeAdvice(half, [], silent)).rejects.toThrow(Incomplete);
    expect(existsSync(at('adapters'))).toBe(false);
  });

  it('answers another budget without decomposing again, and writes adapters as one begun with them', async () => {
    cpSync(at('whole'), at('again'), { recursive: true });
    const given = { budget: ['150', '500'], energy: 0.5, write: at('again-adapters') };
    let todo = -1;
    const again = await open('again', given);
    await decompose(again, Infinity, undefined, { start: (weights) => void (todo = weights) });
    expect(todo).toBe(0);
    await mergeAdvice(again, [], silent);
    renameSync(given.write, at('kept'));
    // Here singular vectors are kept in the parts, there they are computed anew.
    await whole('fresh', given);
    expect(contents('kept')).toEqual(contents('again-adapters'));
    const [one, other] = [contents('again'), contents('fresh')];
    for (const name of ['advice.json', 'config.json', 'weights.csv', 'singular-values.parquet'])
      expect(one[name], name).toBe(other[name]);
  });

  it('keeps errors weighted by inputs, and knows their statistics again', async () => {
    const stats = at('stats.safetensors');
    const inputs = (deviation: number) =>
      writeSafetensors(
        stats,
        { 'layers.1.fc.H': tensor([18, 18], inputMoment(18, deviation)) },
        { format: 'rankflow-stats/1' },
      );
    inputs(1);
    await whole('weighted', { stats });
    const { advice } = await advised(base, tuned, config({ stats }));
    const told = JSON.parse(readFileSync(at('weighted/advice.json'), 'utf8'));
    const { weightedError, leastWeightedError } = advice.budgets[0]!;
    expect(weightedError).toBeGreaterThan(leastWeightedError!);
    expect(told.budgets[0]).toMatchObject({ weightedError, leastWeightedError });
    expect(told.weights).toEqual(adviceRecord(advice, { base, tuned, config: config() } as Written).weights);
    inputs(2);
    await expect(open('weighted', { stats })).rejects.toThrow(/^invalid stats: .* its bytes are others now$/);
    await expect(open('weighted')).rejects.toThrow(/^invalid stats: nothing; must be as it was/);
    await expect(open('whole', { stats })).rejects.toThrow(/^invalid stats: .*; must be left out, as when /);
  });

  it('sets damaged parts aside and computes them again, and is not merged with one', async () => {
    cpSync(at('whole'), at('damaged'), { recursive: true });
    const [first, second] = partsOf('damaged') as [string, string];
    const file = at(`damaged/weights/${first}`);
    const bytes = readFileSync(file);
    bytes[bytes.length >> 1]! ^= 1;
    writeFileSync(file, bytes);
    // That of another weight under the name of the second.
    cpSync(at(`damaged/weights/${partsOf('damaged')[2]}`), at(`damaged/weights/${second}`));
    const advice = await open('damaged');
    expect(inventoryOf(advice).faults.map(({ reason }) => reason)).toEqual([
      expect.stringContaining('it is damaged'),
      expect.stringContaining('it is damaged'),
    ]);
    await expect(mergeAdvice(advice, [], silent)).rejects.toThrow('it is damaged');
    expect(await decompose(advice)).toBe(true);
    await mergeAdvice(advice, [], silent);
    expect(contents('damaged')).toEqual(contents('whole'));
    expect(readdirSync(at('damaged/set-aside'))).toEqual([first, second]);
  });
});

describe('what is not the same advice', () => {
  /** BASE or TUNED with another number in one entry of a weight. */
  function changed(name: string, part: 'before' | 'after') {
    const tensors = made.map((each, i) => {
      const data = Float64Array.from(each[part]);
      if (i === 1) data[7]! += 1;
      return [each.name, tensor(each.shape, data, 'BF16')] as const;
    });
    return checkpoint(name, Object.fromEntries(tensors));
  }

  it.each<[AdviseConfig, { base?: string; tuned?: string; isShard?: boolean }, string]>([
    [config({ maxRank: 3 }), {}, 'invalid maxRank: 3; must be 64, as in '],
    [config({ roundedBase: true }), {}, 'invalid roundedBase: true; must be false, as in '],
    [config({ budget: ['1%'] }), { isShard: true }, 'invalid budget: [1%]; must be 300, as in '],
    [config({ write: 'adapters' }), { isShard: true }, 'invalid write: adapters; must be left out, as in '],
    [config(), { base: changed('other-base', 'before') }, 'invalid base: '],
    [config(), { tuned: changed('other-tuned', 'after') }, 'invalid tuned: '],
  ])('is refused by name: %j %j', async (given, { isShard = false, ...paths }, words) => {
    const asked = openAdvice(at('whole'), { base, tuned, config: given, ...paths }, { isShard });
    await expect(asked).rejects.toMatchObject({
      name: 'InputError',
      message: expect.stringContaining(words),
    });
  });

  it('is refused in a folder of something else, and of another version', async () => {
    mkdirSync(at('own'));
    await expect(open('own')).rejects.toThrow(
      /^invalid out: .* that does not exist yet, or that of the same/,
    );
    cpSync(at('whole'), at('old'), { recursive: true });
    const record = JSON.parse(readFileSync(at('old/config.json'), 'utf8'));
    writeFileSync(at('old/config.json'), JSON.stringify({ ...record, rankflow: '0.0.1', plan: 'other' }));
    await expect(open('old')).rejects.toThrow('it is of 0.0.1');
    writeFileSync(at('old/config.json'), JSON.stringify({ ...record, kind: undefined }));
    await expect(open('old')).rejects.toThrow(/^invalid out: /);
    await expect(adviceIn(at('old'))).rejects.toThrow('the results folder of advice (it is one of a sweep)');
  });

  it('is a checkpoint that changed when shards are merged', async () => {
    const copy = at('moving');
    cpSync(tuned, copy, { recursive: true });
    const request = { base, tuned: copy, config: config() };
    await decompose(await openAdvice(at('moved'), request), 2);
    cpSync(at('other-tuned'), copy, { recursive: true });
    await expect(adviceIn(at('moved'))).rejects.toThrow(
      /^invalid tuned: .*moving; must be as it was when .*moved/,
    );
  });

  it('leaves nothing where a mistake ends it', async () => {
    const same = openAdvice(at('none'), { base, tuned: base, config: config() });
    await expect(decompose(await same)).rejects.toThrow('each entry as in BASE');
    const tensors = made.map(({ name, shape, after }, i) => {
      const data = i === 2 ? after.map(() => NaN) : after;
      return [name, tensor(shape, data)] as const;
    });
    const nan = checkpoint('nan', Object.fromEntries(tensors));
    const broken = openAdvice(at('none'), { base, tuned: nan, config: config() });
    await expect(decompose(await broken)).rejects.toThrow('must be finite in every entry');
    expect(existsSync(at('none'))).toBe(false);
    rmSync(nan, { recursive: true });
  });
});

it('shares are even by effort, and each chunk is in one', () => {
  const efforts = [9, 1, 1, 7, 3, 3, 5, 1, 9, 1];
  const shares = [1, 2, 3].map((number) => shareOf(efforts, { number, of: 3 }));
  expect(shares.flat().sort((a, b) => a - b)).toEqual(efforts.map((_, i) => i));
  const sums = shares.map((share) => share.reduce((sum, i) => sum + efforts[i]!, 0));
  // The largest first to the least is within a third of the best, 40 / 3.
  expect(Math.max(...sums)).toBeLessThanOrEqual(14);
  expect(shareOf(efforts, { number: 1, of: 1 })).toEqual(efforts.map((_, i) => i));
});
