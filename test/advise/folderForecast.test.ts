/**
 * Forecasts in results folders: whatever cuts one off, however it is shared out, all that it writes is the same to the
 * byte but for the time at which it began, and says what one call says; and what is not the same forecast is refused.
 */
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { forecast } from '../../src/advise/forecast.js';
import { forecastChunks, ofShard } from '../../src/advise/forecast/chunks.js';
import { forecastSchema, type ForecastInput } from '../../src/advise/forecast/config.js';
import { forecastRecord } from '../../src/advise/forecast/folder.js';
import { adapterTypes } from '../../src/advise/forecast/parts.js';
import { TRAININGS } from '../../src/advise/forecast/pilot.js';
import { planForecast } from '../../src/advise/forecast/planned.js';
import { surrogates } from '../../src/advise/forecast/surrogates.js';
import { train, training, type Trained } from '../../src/advise/forecast/train.js';
import {
  forecastIn,
  makeForecastFolder,
  mergeForecast,
  openForecast,
  type FolderForecast,
} from '../../src/advise/folderForecast.js';
import { trainForecast, type AdaptersWatch } from '../../src/advise/trainForecast.js';
import { submissionOfForecast, submitAdvice } from '../../src/cli/submit.js';
import { readSafetensors } from '../../src/files/safetensors.js';
import { writeSafetensors } from '../../src/files/writeSafetensors.js';
import type { Provenance } from '../../src/host/provenance.js';
import { WHOLE, type Shard } from '../../src/input/shard.js';
import { readPart, writePart } from '../../src/results/parts.js';
import { readRecord } from '../../src/results/partsFolder.js';
import { readRuns } from '../../src/results/runs.js';
import type { Columns } from '../../src/results/tables.js';
import { Incomplete, inventoryOf } from '../../src/run/mergeParts.js';
import { openDevice } from '../../src/solver/device.js';
import { digestOf } from '../../src/sweep/planHash.js';
import { gaussian } from '../support.js';
import { fileAt, statisticsOf, tensor, tensorsOf, weight, writeStatistics } from './statistics.js';

const weights = [weight('layer', 8, 6, 1), weight('other', 6, 9, 10)];
const metadata = { cosine: '0.9', hvp: '9', loss_floor: '-9' };
const stats = writeStatistics('stats.safetensors', tensorsOf(weights), metadata);
const pilot = fileAt('pilot.csv');

const input: ForecastInput = {
  ...{ stats, optimizer: 'sgd', lr: 0.03, steps: 40, ranks: [1, 6, 2], alpha: 4, trials: 2 },
  ...{ backend: 'cpu', precision: 'float64', workers: 1, pilot, pilotRank: 2 },
};
/** Without a pilot. */
const alone = { pilot: undefined, pilotRank: undefined };
const config = (given: Partial<ForecastInput> = {}) => forecastSchema.parse({ ...input, ...given });

const open = (folder: string, given: Partial<ForecastInput> = {}, isShard = false) =>
  openForecast(fileAt(folder), config(given), isShard);

/** Trains what is missing of a folder, at most so many chunks. */
async function compute(folder: FolderForecast, most = Infinity, shard?: Shard, watch: AdaptersWatch = {}) {
  let count = 0;
  return trainForecast(folder, { shard, watch, stop: () => count++ >= most });
}

async function whole(folder: string, given: Partial<ForecastInput> = {}) {
  const forecast = await open(folder, given);
  expect(await compute(forecast)).toBe(true);
  return mergeForecast(forecast);
}

/** Times of a beginning, and numbers that a drawing counts in its process. */
const passing = /\d{4}-\d\d-\d\dT[\d:.]+Z|gradient_\d+/g;

/** Digests of all files below a folder but the records of runs, without the time at which it began. */
function contents(folder: string): Record<string, string> {
  const files = readdirSync(fileAt(folder), { recursive: true, withFileTypes: true })
    .filter((each) => each.isFile())
    .map((file) => join(file.parentPath, file.name))
    .filter((file) => !/\/(runs|set-aside)\//.test(file));
  const digest = (file: string) => digestOf(readFileSync(file, 'latin1').replaceAll(passing, ''));
  return Object.fromEntries(files.sort().map((file) => [relative(fileAt(folder), file), digest(file)]));
}

const partsOf = (folder: string) => readdirSync(fileAt(`${folder}/adapters`)).sort();
const chunksRun = (folder: string) => readRuns(fileAt(folder)).map(({ chunks }) => chunks);

/** Chunks of a fit, of each surrogate, and of all: both weights, and ranks in factors of 4 and of 8 columns. */
const [FIT, ALL] = [2 * TRAININGS, 2 * (2 * TRAININGS + 4)];

beforeAll(async () => {
  // Losses of a training under 1.7 times the curvature.
  const plan = training(config({ ranks: [2], steps: 20, seed: 3 }), statisticsOf(weights));
  const device = await openDevice('cpu', { workers: 1 });
  const [kfac] = surrogates({ ...statisticsOf(weights), curvature: 9 });
  const [{ losses }] = (await train(plan, kfac.times(1.7), device)) as [Trained, ...Trained[]];
  writeFileSync(pilot, plan.saves.map((step, i) => `${step},${losses[i]}\n`).join(''));
  await device.close();
  await whole('whole');
});

const told = (folder: string) => {
  const { provenance, ...record } = JSON.parse(readFileSync(fileAt(`${folder}/forecast.json`), 'utf8'));
  expect(provenance).toMatchObject({ backend: 'cpu', precision: 'float64', paths: ['fused'], seed: 0 });
  return record;
};
const oneCall = async (given: Partial<ForecastInput> = {}) => {
  const record = forecastRecord(await forecast({ ...input, ...given }), {} as Provenance);
  return { ...JSON.parse(JSON.stringify(record)), provenance: undefined };
};

describe('a forecast in a folder', () => {
  it('is what one call gives, of several weights and a pilot', async () => {
    expect(partsOf('whole')).toHaveLength(ALL);
    const record = told('whole');
    expect(record).toEqual(await oneCall());
    expect(record.pilotSteps).toBe(20);
    expect(record.scales.kfac).not.toBe((await oneCall(alone)).scales.kfac);
  });

  it.each([0, FIT + 1, ALL - 1])('goes on where it was stopped after %i chunks', async (most) => {
    const folder = `stopped-${most}`;
    expect(await compute(await open(folder), most)).toBe(false);
    expect(partsOf(folder)).toHaveLength(most);
    // As a process leaves it that is killed while it writes.
    writeFileSync(fileAt(`${folder}/adapters/part-000003-0123456789abcdef.parquet.7.part`), 'PAR1');
    const again = await open(folder);
    let todo = 0;
    const done: [number, number][] = [];
    const watch: AdaptersWatch = {
      start: (_, adapters) => void (todo = adapters),
      done: (...now) => void done.push(now),
    };
    expect(await compute(again, Infinity, undefined, watch)).toBe(true);
    await mergeForecast(again);
    expect(contents(folder)).toEqual(contents('whole'));
    const lacking = again.chunks.slice(most);
    expect(todo).toBe(lacking.reduce((sum, { adapters }) => sum + adapters, 0));
    const efforts = lacking.map(({ effort }) => effort);
    const all = efforts.reduce((sum, effort) => sum + effort);
    expect(done.map(([, work]) => Math.round(work * all))).toEqual(
      efforts.map((_, i) => efforts.slice(0, i + 1).reduce((sum, effort) => sum + effort)),
    );
    expect(done.at(-1)).toEqual([todo, 1]);
    expect(chunksRun(folder)).toEqual([most, ALL - most]);
  });

  it('is shared out, and merged in one folder or in several', async () => {
    const shard = async (folder: string, number: number) =>
      expect(await compute(await open(folder, {}, true), Infinity, { number, of: 2 })).toBe(true);
    await shard('shared', 1);
    cpSync(fileAt('shared'), fileAt('shard-1'), { recursive: true });
    await shard('shared', 2);
    await shard('shard-2', 2);
    // The second takes the fits that the first has made; alone it makes them.
    expect(chunksRun('shared')).toEqual([2 * FIT + 4, 4]);
    expect([...chunksRun('shard-1'), ...chunksRun('shard-2')]).toEqual([2 * FIT + 4, 2 * FIT + 4]);
    await mergeForecast(await forecastIn(fileAt('shared')));
    const shards = [await forecastIn(fileAt('shard-1')), await forecastIn(fileAt('shard-2'))];
    await mergeForecast({ ...shards[0]!, path: fileAt('both') }, shards);
    for (const name of ['shared', 'both']) expect(contents(name)).toEqual(contents('whole'));
    await expect(mergeForecast(shards[1]!)).rejects.toThrow(/^4 chunks are missing: \d/);
    await expect(mergeForecast(shards[1]!)).rejects.toThrow(Incomplete);
  });

  it('takes what other shards of its folder have made of a fit meanwhile, if it is whole', async () => {
    const shard = { number: 1, of: 2 };
    const asked = await open('meanwhile', {}, true);
    let count = 0;
    await trainForecast(asked, {
      shard,
      stop() {
        // Before the third chunk of this run others have made those up to the tenth; the last of them is cut short.
        if (count++ === 2)
          for (const name of partsOf('whole').slice(2, 10)) {
            const bytes = readFileSync(fileAt(`whole/adapters/${name}`));
            const written = name.startsWith('part-000009') ? bytes.subarray(0, 99) : bytes;
            writeFileSync(fileAt(`meanwhile/adapters/${name}`), written);
          }
        return false;
      },
    });
    // The third was asked for before.
    expect(chunksRun('meanwhile')).toEqual([ofShard(asked.chunks, shard).length - 6]);
    await compute(await open('meanwhile', {}, true), Infinity, { number: 2, of: 2 });
    await mergeForecast(await forecastIn(fileAt('meanwhile')));
    expect(contents('meanwhile')).toEqual(contents('whole'));
  });

  it('sets damaged parts aside and trains them again, and is not merged with one', async () => {
    cpSync(fileAt('whole'), fileAt('damaged'), { recursive: true });
    const names = partsOf('damaged');
    const [first, last] = [names[0]!, names.at(-1)!];
    const bytes = readFileSync(fileAt(`damaged/adapters/${first}`));
    bytes[bytes.length >> 1]! ^= 1;
    writeFileSync(fileAt(`damaged/adapters/${first}`), bytes);
    cpSync(fileAt(`damaged/adapters/${names[1]}`), fileAt(`damaged/adapters/${last}`));
    const damaged = await open('damaged');
    expect(inventoryOf(damaged).faults.map(({ reason }) => reason)).toEqual([
      expect.stringContaining('it is damaged'),
      expect.stringContaining('it is damaged'),
    ]);
    await expect(mergeForecast(damaged)).rejects.toThrow('it is damaged');
    expect(await compute(damaged)).toBe(true);
    await mergeForecast(damaged);
    expect(contents('damaged')).toEqual(contents('whole'));
    expect(readdirSync(fileAt('damaged/set-aside'))).toEqual([first, last]);
    expect(chunksRun('damaged').at(-1)).toBe(2);
  });

  it('is not merged with a part of another curvature than that of its fit', async () => {
    cpSync(fileAt('whole'), fileAt('bent'), { recursive: true });
    const bent = await open('bent');
    const { parts, arithmetic } = inventoryOf(bent);
    const part = parts.find(({ chunk }) => chunk === ALL - 1)!;
    const columns: Columns = Object.fromEntries(
      await Promise.all(
        [
          'surrogate',
          'scale',
          'fit',
          'weight',
          'rank',
          'trial',
          'step',
          'drop',
          'outcome',
          'largest_rate',
        ].map(async (name) => [name, (await readPart(part, [name]))[0]!] as const),
      ),
    );
    const write = (scale: number) => {
      writeFileSync(part.file, 'no part');
      const scaled = { ...columns, scale: columns['scale']!.map((value) => scale * (value as number)) };
      return writePart(bent, arithmetic!, ALL - 1, scaled, adapterTypes).file;
    };
    // The columns that were read give the same bytes.
    expect(write(1)).toBe(part.file);
    const other = write(1 + 1e-9);
    cpSync(other, part.file);
    const place = await open('bent');
    expect(inventoryOf(place).faults).toHaveLength(1);
    await compute(place, 0);
    await expect(mergeForecast(place)).rejects.toThrow(
      /part-0000\d\d-.*: it is of the scale .* fit to the pilot/,
    );
  });

  it('tells a training that fails as one call does', async () => {
    const given = { ...alone, lr: 30, steps: 400 };
    await whole('failing', given);
    expect(told('failing')).toEqual(await oneCall(given));
    expect(told('failing').failures.length).toBeGreaterThan(0);
  });

  it('goes on with other threads and batches, on the backend that it was begun on, and on no other', async () => {
    const given = { ...alone, precision: 'float32', optimizer: 'adamw', steps: 6, trials: 1 } as const;
    await whole('like-this', given);
    await compute(await open('otherwise', given), 3);
    const again = await open('otherwise', { ...given, backend: 'auto', chunk: 1 });
    await compute(again);
    await mergeForecast(again);
    expect(contents('otherwise')).toEqual(contents('like-this'));
    expect(chunksRun('otherwise')).toEqual([3, 5]);
    await expect(compute(await open('otherwise', { ...given, backend: 'wasm' }))).rejects.toThrow(
      /^invalid backend: wasm; must be cpu/,
    );
  });

  it('has starts from a file', async () => {
    const starts = fileAt('starts.safetensors');
    const start = (m: number) => tensor(gaussian(2, m, 50, 0.4));
    writeSafetensors(starts, { 'layer.A0.r2': start(6), 'other.A0.r2': start(9) });
    const given = { ...alone, ranks: [2], starts, trials: undefined };
    await whole('started', given);
    expect(told('started')).toEqual(await oneCall(given));
    writeSafetensors(starts, { 'layer.A0.r2': start(6), 'other.A0.r2': tensor(gaussian(2, 9, 51, 0.4)) });
    await expect(open('started', given)).rejects.toThrow(/^invalid starts: .* its bytes are others now$/);
  });
});

describe('what is not the same forecast', () => {
  it.each<[Partial<ForecastInput>, boolean, string]>([
    [{ lr: 0.01 }, false, 'invalid lr: 0.01; must be 0.03, as in '],
    [{ ranks: [1, 6] }, false, 'invalid ranks: [1, 6]; must be 1,6,2, as in '],
    [{ trials: undefined }, false, 'invalid trials: nothing; must be 2, as in '],
    [{ momentum: 0.5 }, false, 'invalid momentum: 0.5; must be left out, as in '],
    [{ seed: 1 }, true, 'invalid seed: 1; must be 0, as in '],
    [{ precision: 'float32' }, true, 'invalid precision: float32; must be float64, as in '],
    [{ pilotRank: 1 }, false, 'invalid pilotRank: 1; must be 2, as in '],
    [alone, true, 'invalid pilot: nothing; must be '],
  ])('is refused by name: %j', async (given, isShard, words) => {
    await expect(open('whole', given, isShard)).rejects.toMatchObject({
      name: 'InputError',
      message: expect.stringContaining(words) as string,
    });
  });

  it('has another file by a byte, or of another name for a shard alone', async () => {
    const copy = fileAt('copy.safetensors');
    cpSync(stats, copy);
    await expect(open('whole', { stats: copy })).resolves.toBeDefined();
    await expect(open('whole', { stats: copy }, true)).rejects.toThrow(
      /^invalid stats: .*copy.safetensors; must /,
    );
    const bytes = readFileSync(copy);
    // The lowest bits of an entry of a tensor.
    bytes[bytes.length - 4]! ^= 1;
    writeFileSync(copy, bytes);
    expect(readSafetensors(copy).tensors.size).toBe(6);
    await expect(open('whole', { stats: copy })).rejects.toThrow(
      /^invalid stats: .*copy.safetensors; must be as it was when .*whole was begun: its bytes are others now$/,
    );
    const losses = fileAt('losses.csv');
    writeFileSync(losses, `${readFileSync(pilot, 'utf8')}\n`);
    await expect(open('whole', { pilot: losses })).rejects.toThrow(
      /^invalid pilot: .*losses.csv; must be as it was/,
    );
  });

  it('is refused in a folder of something else, and of another version', async () => {
    mkdirSync(fileAt('own'));
    await expect(open('own')).rejects.toThrow(
      /^invalid out: .* not exist yet, or that of the same forecast$/,
    );
    cpSync(fileAt('whole'), fileAt('old'), { recursive: true });
    const record = JSON.parse(readFileSync(fileAt('old/config.json'), 'utf8'));
    writeFileSync(fileAt('old/config.json'), JSON.stringify({ ...record, rankflow: '0.0.1', plan: 'other' }));
    await expect(open('old')).rejects.toThrow('it is of 0.0.1');
    writeFileSync(fileAt('old/config.json'), JSON.stringify({ ...record, kind: 'advice' }));
    await expect(open('old')).rejects.toThrow(/^invalid out: /);
    await expect(forecastIn(fileAt('old'))).rejects.toThrow('of a forecast (it is one of advice)');
  });

  it('is no folder of either kind, and names no file that pods do not have', async () => {
    expect(() => readRecord(fileAt('nowhere'), 'advice', 'forecast')).toThrow(
      /^invalid folder: .*nowhere; must be the results folder of advice or a forecast \(/,
    );
    const job = { kubernetes: true, shards: '2', image: 'i', claim: 'c', mount: dirname(stats) };
    for (const key of ['stats', 'pilot', 'starts', 'out']) {
      const given = { starts: fileAt('a0'), out: fileAt('x'), [key]: '/elsewhere' };
      const submission = submissionOfForecast(config(given), []);
      await expect(submitAdvice(job, submission, given.out)).rejects.toThrow(
        new RegExp(`^invalid ${key}: /elsewhere; must be a path below`),
      );
    }
  });

  it('leaves nothing where a mistake ends it, and is made for those who begin later', async () => {
    const steep = fileAt('steep.csv');
    writeFileSync(steep, '1,2\n2,1\n3,0.5\n4,0.2\n5,0.1\n');
    await expect(compute(await open('none', { pilot: steep }))).rejects.toThrow('explains');
    expect(existsSync(fileAt('none'))).toBe(false);
    makeForecastFolder(await open('ahead', alone));
    const ahead = await forecastIn(fileAt('ahead'));
    await compute(ahead);
    await mergeForecast(ahead);
    expect(told('ahead')).toEqual(await oneCall(alone));
  });
});

describe('chunks', () => {
  const planned = planForecast(config({ ...alone, ranks: [1, 6, 2, 4] }));
  const chunks = forecastChunks(planned);

  it('are of every rank of each weight on each surrogate, once, those of one width together', () => {
    const all = chunks.flatMap(({ surrogate, weight: at, ranks }) =>
      ranks.map((rank) => `${surrogate} ${at} ${rank}`),
    );
    expect(new Set(all).size).toBe(all.length);
    expect(all).toHaveLength(2 * 2 * 4);
    expect(chunks.map(({ index }) => index)).toEqual(chunks.map((_, i) => i));
    expect(new Set(chunks.map(({ ranks }) => ranks.join()))).toEqual(new Set(['1,2,4', '6']));
  });

  it('are shared out even by effort, each once', () => {
    const shares = [1, 2, 3].map((number) => ofShard(chunks, { number, of: 3 }));
    expect(
      shares
        .flat()
        .map(({ index }) => index)
        .sort((a, b) => a - b),
    ).toEqual(chunks.map((_, i) => i));
    const sums = shares.map((share) => share.reduce((sum, { effort }) => sum + effort, 0));
    expect(Math.max(...sums) / Math.min(...sums)).toBeLessThan(1.5);
    expect(ofShard(chunks, WHOLE)).toEqual(chunks);
  });
});
