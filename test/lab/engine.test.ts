/** The lab's worker without its browser: rounds, pauses, accounts, and what is refused. */
import * as tf from '@tensorflow/tfjs';
import { parquetReadObjects, parquetMetadata } from 'hyparquet';
import { beforeEach, describe, expect, it } from 'vitest';
import { readSafetensors } from '../../src/files/safetensors.js';
import { checkConfig } from '../../src/input/checkConfig.js';
import { defaultFlags, formatAddress, parseAddress } from '../../src/lab/address.js';
import { LabEngine } from '../../src/lab/engine.js';
import { accuracyFigure, lossFigure, singularValuesFigure } from '../../src/lab/figures.js';
import { Gate, Stopped } from '../../src/lab/gate.js';
import type { Prepared, Progress, Running } from '../../src/lab/protocol.js';
import { Tally } from '../../src/lab/tally.js';
import { sweepSchema } from '../../src/sweep/config.js';
import { chunksOf } from '../../src/sweep/chunks.js';
import { makePlan } from '../../src/sweep/plan.js';
import type { TrialRow } from '../../src/sweep/row.js';
import { openDevice } from '../../src/solver/device.js';
import { runTrials } from '../../src/run/trials.js';

const flags = {
  ...{ spectrum: 'power:1', shape: '12x10', ranks: '1,2,3', init: 'balanced:0.01', trials: '40' },
  backend: 'wasm',
};

/** Hears of a run, and may do something at its accounts. */
class Listener {
  readonly accounts: Progress[] = [];
  running: Running | null = null;
  constructor(private readonly atAccount: (progress: Progress) => void = () => undefined) {}
  started(running: Running): Promise<void> {
    this.running = running;
    return Promise.resolve();
  }
  progress(progress: Progress): Promise<void> {
    this.accounts.push(structuredClone(progress));
    this.atAccount(progress);
    return Promise.resolve();
  }
  get last(): Progress {
    return this.accounts.at(-1)!;
  }
}

const byTrial = (rows: readonly TrialRow[]) =>
  [...rows].sort((a, b) => a.rank - b.rank || a.draw - b.draw || a.trial - b.trial);

describe('the engine', () => {
  let engine: LabEngine;
  beforeEach(() => {
    engine = new LabEngine();
  });

  it('gives the rows of the same sweep on the command line, in rounds', async () => {
    const prepared = await engine.prepare(flags);
    expect(prepared.ranks.map(({ rank, trials }) => [rank, trials])).toEqual([
      [1, 40],
      [2, 40],
      [3, 40],
    ]);
    const listener = new Listener();
    expect(await engine.run(listener)).toBe('finished');
    const plan = await makePlan(
      checkConfig(sweepSchema, {
        ...{ spectrum: 'power:1', shape: ['12x10'], ranks: [1, 2, 3], init: ['balanced:0.01'], trials: 40 },
      }),
    );
    const rows: TrialRow[] = [];
    const spans = plan.cells.map(({ index, trials }) => ({ cell: index, from: 0, to: trials }));
    for await (const some of runTrials(plan, spans, await openDevice('wasm', { workers: 1 })))
      for (const { row } of some) rows.push(row);
    expect(byTrial(engine.rows(0, Infinity))).toEqual(byTrial(rows));
    expect(engine.rows(5, 7)).toHaveLength(2);

    const { last } = listener;
    expect(listener.running).toMatchObject({ backend: 'wasm', how: 'by a fused kernel' });
    expect([last.done, last.total, last.tensors]).toEqual([120, 120, 0]);
    expect(last.accepted).toBe(rows.reduce((sum, row) => sum + row.accepted_steps, 0));
    expect(last.ranks.map(({ accuracy, underWay }) => [accuracy.count, underWay])).toEqual([
      [40, 0],
      [40, 0],
      [40, 0],
    ]);
    prepared.ranks.forEach(({ law }, i) =>
      expect(Math.abs(last.ranks[i]!.accuracy.p50 / law! - 1)).toBeLessThan(1e-3),
    );
    // Rounds of 4, 8, 16, ... trials, as long as they are short.
    expect(last.pace.rate.length).toBeGreaterThan(2);
  });

  it('gives the rows of every draw of a noisy target, beside nothing that is of one draw alone', async () => {
    const { noise, draws } = { noise: 0.3, draws: 3 };
    const prepared = await engine.prepare({ ...flags, noise: '0.3', draws: '3', trials: '4', time: '5' });
    expect(prepared.ranks.map(({ trials, law }) => [trials, law])).toEqual(Array(3).fill([12, null]));
    const listener = new Listener();
    expect(await engine.run(listener)).toBe('finished');
    const plan = await makePlan(
      checkConfig(sweepSchema, {
        ...{ spectrum: 'power:1', shape: ['12x10'], ranks: [1, 2, 3], init: ['balanced:0.01'], trials: 4 },
        ...{ noise, draws, time: 5 },
      }),
    );
    const rows: TrialRow[] = [];
    const spans = chunksOf(plan).flatMap((chunk) => chunk.spans);
    for await (const some of runTrials(plan, spans, await openDevice('wasm', { workers: 1 })))
      for (const { row } of some) rows.push(row);
    expect(byTrial(engine.rows(0, Infinity))).toEqual(byTrial(rows));
    expect(new Set(rows.map(({ draw, risk }) => `${draw} ${risk}`)).size).toBe(36);
    expect(listener.last.ranks.map(({ accuracy }) => accuracy.count)).toEqual([12, 12, 12]);

    const look = engine.look(2);
    expect(look).toMatchObject({ fullFineTuning: null, optimum: null });
    // Trial 0 of the first draw goes along its closed form.
    const { loss } = look.lines.find(({ trial }) => trial === 0)!;
    look.closedForm!.loss.forEach((value, k) => expect(Math.abs(loss[k]! / value - 1)).toBeLessThan(1e-3));
  });

  it('follows singular values of the rank in focus to those of the target', async () => {
    await engine.prepare(flags);
    const look = engine.look(2);
    const listener = new Listener();
    await engine.run(listener);
    const told = listener.accounts
      .map(({ singularValues }) => singularValues)
      .filter((values) => values !== null);
    const { trials, times } = told.at(-1)!;
    expect(trials).toHaveLength(6);
    for (const perTime of trials) {
      expect(perTime).toHaveLength(times.length);
      perTime
        .at(-1)!
        .forEach((value, i) => expect(Math.abs(value / look.target![i]! - 1)).toBeLessThan(1e-3));
    }
    expect(listener.last.lines).toHaveLength(40);
    expect(listener.last.lines[0]!.loss).toHaveLength(look.times.length);
    // Trial 0 goes along its closed form.
    const { loss } = listener.last.lines[0]!;
    look.closedForm!.loss.forEach((value, k) => expect(Math.abs(loss[k]! / value - 1)).toBeLessThan(1e-3));
  });

  it('follows them at whole steps of a method that does not cut its steps', async () => {
    await engine.prepare({ ...flags, ranks: '2', trials: '2', method: 'rk4', step: '0.25', time: '20' });
    engine.look(2);
    const listener = new Listener();
    await engine.run(listener);
    const { times } = listener.accounts.find(({ singularValues }) => singularValues)!.singularValues!;
    expect([times[0], times.at(-1)]).toEqual([0.25, 20]);
    times.forEach((time) => expect(Math.abs(time / 0.25 - Math.round(time / 0.25))).toBeLessThan(1e-9));
  });

  it('is moving before a trial has ended, by tensor operations', async () => {
    await engine.prepare({ ...flags, ranks: '2', trials: '8', kernel: 'tensor-ops' });
    const listener = new Listener();
    await engine.run(listener);
    const early = listener.accounts.filter(({ done, ranks }) => done === 0 && ranks[0]!.underWay > 0);
    expect(early.length).toBeGreaterThan(0);
    // The first round is of four trials.
    expect(early.at(-1)!.ranks[0]!.accuracy.count).toBe(4);
    expect(listener.running!.how).toContain('tensor operations');
  });

  it('stops, and frees its tensors', async () => {
    const before = tf.memory().numTensors;
    await engine.prepare({ ...flags, kernel: 'tensor-ops', trials: '400' });
    let stopped: Promise<void> | undefined;
    const end = engine.run(new Listener(() => void (stopped ??= engine.stop())));
    expect(await end).toBe('stopped');
    await stopped;
    expect(engine.rows(0, Infinity).length).toBeLessThan(1200);
    expect(tf.memory().numTensors).toBe(before);
  });

  it('is held up by a pause, whose time it does not count', async () => {
    await engine.prepare({ ...flags, trials: '200' });
    let paused = false;
    const listener = new Listener(() => {
      if (paused) return;
      paused = true;
      engine.pause();
      setTimeout(() => engine.resume(), 600);
    });
    const begun = performance.now();
    expect(await engine.run(listener)).toBe('finished');
    const took = (performance.now() - begun) / 1000;
    expect(took - listener.last.seconds).toBeGreaterThan(0.5);
    expect(listener.last.done).toBe(600);
  });

  it('starts anew in the place of what runs', async () => {
    await engine.prepare({ ...flags, trials: '2000' });
    const first = engine.run(new Listener());
    await engine.prepare({ ...flags, trials: '2' });
    expect(await engine.run(new Listener())).toBe('finished');
    expect(await first).toBe('stopped');
    expect(engine.rows(0, Infinity)).toHaveLength(6);
  });

  it('gives rows with their provenance as Parquet, and as CSV', async () => {
    expect(() => engine.download('csv')).toThrow('invalid download: csv; must be asked for after a run');
    await engine.prepare({ ...flags, trials: '3' });
    await engine.run(new Listener());
    const bytes = engine.download('parquet');
    const file = bytes.buffer;
    const rows = await parquetReadObjects({ file });
    expect(rows).toHaveLength(9);
    expect(rows[0]).toMatchObject({ rank: 1, trial: 0, n: 12, outcome: 'stationary' });
    const metadata = parquetMetadata(file).key_value_metadata!.find(({ key }) => key === 'rankflow');
    expect(JSON.parse(metadata!.value!)).toMatchObject({ backend: 'wasm', seed: 0, config: { trials: 3 } });
    expect(new TextDecoder().decode(engine.download('csv')).split('\n')).toHaveLength(11);
  });

  it.each([
    [{ ...flags, ranks: '11' }, 'invalid rank: 11'],
    [{ ...flags, out: 'results' }, 'invalid flag: out'],
    [{ ...flags, workers: '2' }, 'invalid flag: workers'],
    [{ ...flags, 'fused-kernel': 'wasm' }, 'invalid flag: fused-kernel'],
    [{ ...flags, shape: '8x8,16x16' }, 'invalid shape: [8x8, 16x16]; must be a single one, here'],
    [{ ...flags, trials: '33334' }, 'at most 100000 over all ranks'],
    [{ ...flags, backend: 'cuda' }, 'invalid backend: cuda'],
    [{ ...flags, shape: '100000x100000' }, 'must be of n + m at most 16384, here'],
    [{ ...flags, shape: '2000x10', vectors: 'random' }, 'must be of at most 1048576 entries, here'],
  ])('refuses %j', async (wrong, words) => {
    await expect(engine.prepare(wrong as Record<string, string>)).rejects.toThrow(words);
  });

  it('takes ranks in order, each once', async () => {
    const { ranks } = await engine.prepare({ ...flags, ranks: '3,1,3' });
    expect(ranks.map(({ rank }) => rank)).toEqual([1, 3]);
  });

  it('forgets a plan when the next one is refused', async () => {
    await engine.prepare(flags);
    await expect(engine.prepare({ ...flags, ranks: '99' })).rejects.toThrow('invalid rank');
    expect(() => engine.run(new Listener())).toThrow('no sweep has been planned');
  });

  it('names the matrices of a file, and forgets the file before', () => {
    const header = JSON.stringify({
      a: { dtype: 'F32', shape: [1, 1], data_offsets: [0, 4] },
      b: { dtype: 'F32', shape: [1], data_offsets: [4, 8] },
      c: { dtype: 'F32', shape: [1, 1], data_offsets: [8, 12] },
    });
    const bytes = new Uint8Array(8 + header.length + 12);
    new DataView(bytes.buffer).setBigUint64(0, BigInt(header.length), true);
    bytes.set(new TextEncoder().encode(header), 8);
    expect(engine.addFile('two.safetensors', bytes)).toEqual(['a', 'c']);
    expect(readSafetensors('two.safetensors').tensors.size).toBe(3);
    expect(() => engine.addFile('bad.safetensors', bytes.slice(0, 40))).toThrow('bad.safetensors');
    expect(() => readSafetensors('two.safetensors')).toThrow('ENOENT');
  });

  it('does not run what was not planned', () => {
    expect(() => engine.run(new Listener())).toThrow('no sweep has been planned');
  });

  it('verifies on the backend asked for, until it is stopped', async () => {
    const found: string[] = [];
    const listener = {
      started: (total: number) => Promise.resolve(void found.push(`${total} checks`)),
      finding: ({ id, pass }: { id: string; pass: boolean }) =>
        Promise.resolve(void found.push(`${id} ${pass}`)),
    };
    expect(engine.checkGroups()).toContain('flow');
    expect(await engine.verify('wasm', ['flow/autodiff', 'orders/conditions'], listener)).toBe('finished');
    expect(found).toEqual(['2 checks', 'flow/autodiff true', 'orders/conditions true']);
    const stopping = { ...listener, finding: () => Promise.resolve(void engine.stop()) };
    expect(await engine.verify('wasm', ['flow'], stopping)).toBe('stopped');
  });
});

describe('a gate', () => {
  it('lets pass, holds up while it is shut, and ends what is stopped', async () => {
    const gate = new Gate();
    await gate.pass();
    expect(gate.secondsWaited).toBe(0);
    gate.shut();
    setTimeout(() => gate.open(), 50);
    await gate.pass();
    expect(gate.secondsWaited).toBeGreaterThan(0.04);
    gate.shut();
    const held = gate.pass();
    gate.stop();
    await expect(held).rejects.toThrow(Stopped);
    await expect(gate.pass()).rejects.toThrow(Stopped);
  });
});

describe('a tally', () => {
  const planOf = (trials: number) =>
    makePlan(checkConfig(sweepSchema, { spectrum: 'power:1', shape: ['4x4'], ranks: [1], trials }));

  it('keeps as much of a long sweep as of a short one, but for its rows', async () => {
    const tally = new Tally(await planOf(1000));
    const row = {
      cell: 0,
      rank: 1,
      outcome: 'stationary',
      accuracy: 0.5,
      accepted_steps: 3,
      rejected_steps: 1,
    };
    for (let trial = 0; trial < 1000; trial++) {
      tally.addTrial({ row: { ...row, trial } as TrialRow, curve: [1, 0.5] });
      tally.seconds = trial + 1;
      tally.addRound(1);
    }
    const { lines, pace, ranks, done } = tally.account(0, 0, 0);
    expect(done).toBe(1000);
    expect(lines).toHaveLength(64);
    expect(pace.rate.length).toBeLessThanOrEqual(240);
    expect(pace.rate.every((rate) => rate === 1)).toBe(true);
    expect(ranks[0]!.steps.p50).toBe(4);
  });

  it('has the accuracy of a trial under way from its loss alone', async () => {
    const plan = await planOf(2);
    const tally = new Tally(plan);
    const [cell] = plan.cells;
    tally.addSavePoint(cell!, 0, { loss: 0.25 * cell!.problem.initialLoss! });
    expect(tally.account(0, 0, 0).ranks[0]).toMatchObject({ underWay: 1, accuracy: { count: 1, p50: 0.5 } });
  });

  it('counts what failed, and leaves it out of the statistics', async () => {
    const tally = new Tally(await planOf(2));
    const row = { cell: 0, rank: 1, accepted_steps: 1, rejected_steps: 0, evaluations: 4 };
    const failed = { ...row, trial: 0, outcome: 'diverged', accuracy: 1e9 } as TrialRow;
    tally.addTrial({ row: failed, curve: [1, null] });
    const ended = { ...row, trial: 1, outcome: 'stationary', accuracy: 0.5 } as TrialRow;
    tally.addTrial({ row: ended, curve: [1, 0.5] });
    const [rank] = tally.account(0, 0, 0).ranks;
    expect(rank!.outcomes).toMatchObject({ diverged: 1, stationary: 1 });
    expect(rank!.accuracy).toMatchObject({ count: 1, mean: 0.5 });
  });
});

describe('an address', () => {
  it('keeps flags, tab, rank and checks', () => {
    const address = {
      tab: 'verify',
      flags: { spectrum: 'power:1', init: 'a b&c=d#e' },
      focus: 4,
      only: ['flow', 'second'],
    } as const;
    expect(parseAddress(formatAddress(address))).toEqual(address);
  });

  it('is the default without flags', () => {
    expect(parseAddress('')).toEqual({ tab: 'sweep', flags: defaultFlags, focus: null, only: null });
    expect(parseAddress('#tab=nowhere').tab).toBe('sweep');
  });
});

describe('figures', () => {
  const prepared: Prepared = {
    ...{ metric: 'relative error' as const, lawName: 'law', command: '' },
    ranks: [
      { rank: 1, trials: 2, law: 0.5, floor: null, excessFloor: null },
      { rank: 2, trials: 2, law: 0, floor: null, excessFloor: null },
    ],
  };
  const look = {
    rank: 2,
    times: [1, 2],
    closedForm: null,
    fullFineTuning: [1, 1e-9],
    optimum: 0.3,
    target: [2, 1],
  };

  it('leave out what a logarithmic axis has no room for', () => {
    const { lines } = accuracyFigure(prepared, null);
    expect(lines.find(({ name }) => name === 'law')!.values).toEqual([0.5, null]);
    expect(lines.find(({ name }) => name === 'median')!.values).toEqual([null, null]);
    const loss = lossFigure(look, [{ trial: 0, loss: [1, null] }]).lines;
    expect(loss[0]!.values).toEqual([1, null]);
    // Far below the optimum of this rank.
    expect(loss.find(({ name }) => name === 'full fine-tuning')!.values).toEqual([1, null]);
  });

  it('draw a line for each singular value of each trial, and what has been reached of it', () => {
    const { lines } = singularValuesFigure(look, { rank: 2, times: [1, 2], trials: [[[3, 1]], []] });
    expect(lines).toHaveLength(2 + 4);
    expect(lines[2]!.values).toEqual([3, null]);
    expect(lines[5]!.values).toEqual([null, null]);
  });
});
