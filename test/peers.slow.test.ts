/** What the contest with other libraries rests on, with nothing timed: shared files, checked ends, choices, bars, texts. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { plain, problemOf, rk4, startOf, stopAfter } from '../benchmarks/flow.js';
import { sample } from '../benchmarks/measure.js';
import { relativeError, updateError, updateOf } from '../benchmarks/numbers.js';
import { barsOf, flopsOf, peakOf, ratioIn } from '../benchmarks/peers/bars.js';
import {
  accuracyFor,
  contest,
  isPlayed,
  isValid,
  trajectoriesFor,
  type Entry,
} from '../benchmarks/peers/contest.js';
import { accuraciesOf, contestants, takesPart, type Contestant } from '../benchmarks/peers/contestants.js';
import { enter, largestError, play, runOf, type Command } from '../benchmarks/peers/player.js';
import {
  problems,
  readEnds,
  readStarts,
  sizeOf,
  writeEnds,
  writeStarts,
  type PeerProblem,
} from '../benchmarks/peers/problems.js';
import type { DeviceKind } from '../benchmarks/peers/protocol.js';
import { document, problemText, section } from '../benchmarks/peers/results.js';
import { Skipped } from '../benchmarks/workload.js';
import { dense } from '../src/numbers/dense.js';
import type { Factors } from '../src/problem/factors.js';
import { memberAt, type Member } from '../src/ensemble/member.js';
import { solve } from '../src/solver/solve.js';
import { gaussian, useBackend } from './support.js';

const tiny: PeerProblem = {
  ...{ id: 'w1', n: 12, rank: 3, spectrum: 'power:0.5', seed: 1, trajectories: 8 },
  integration: { kind: 'rk4', step: 0.02, steps: 50 },
  ...{ pilot: 2, checked: 2, largestError: 1e-4, secondsPerRun: 1e-9, rounds: 2 },
};
const path = (name: string) => fileURLToPath(new URL(`../${name}`, import.meta.url));

let folder: string;
let exact: Factors[];
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'rankflow-peers-test-'));
  const device = await useBackend('cpu');
  const members = [0, 1].map((trial): Member => {
    const start = startOf(sizeOf(tiny), trial);
    return memberAt(start, plain, trial);
  });
  const options = { method: rk4, stop: stopAfter(50), chunk: 2, kernel: 'auto', device } as const;
  const trajectories = await solve({ problem: problemOf(sizeOf(tiny)), members }, options).all();
  exact = trajectories.map(({ factors }) => factors);
});
afterAll(() => rmSync(folder, { recursive: true }));

const nudged = ({ x, y }: Factors): Factors => ({
  x: dense(
    x.rows,
    x.cols,
    x.data.map((value, i) => (i === 0 ? value + 1e-3 : value)),
  ),
  y,
});

describe('files that contestants share', () => {
  it('hold the starts and the spectrum', () => {
    writeStarts(folder, tiny, 3);
    const { sigma, starts } = readStarts(folder, tiny, 2);
    expect(starts).toEqual([0, 1].map((trial) => startOf(sizeOf(tiny), trial, tiny.seed)));
    expect(Array.from(sigma)).toEqual(Array.from({ length: 12 }, (_, i) => Math.fround((i + 1) ** -0.5)));
    writeStarts(folder, { ...tiny, seed: 2 }, 3);
    expect(readStarts(folder, tiny, 1).starts[0]).not.toEqual(starts[0]);
  });

  it('are refused if they are too short or of another shape', () => {
    writeStarts(folder, tiny, 3);
    expect(() => readStarts(folder, tiny, 4)).toThrow(/fewer/);
    expect(() => readStarts(folder, { ...tiny, rank: 4 }, 1)).toThrow(/holds \[3, 12, 3\]/);
  });

  it('hold ends', () => {
    const ends = [0, 1].map((i) => ({ x: gaussian(12, 3, i), y: gaussian(12, 3, i + 5) }));
    const file = join(folder, 'some.npy');
    writeEnds(file, tiny, ends);
    expect(readEnds(file, tiny)).toEqual(ends);
    expect(() => readEnds(file, { ...tiny, n: 6 })).toThrow(/holds/);
  });
});

describe('ends', () => {
  it('have the error of the update, which is not formed', () => {
    const factors = (seed: number) => ({ x: gaussian(9, 2, seed), y: gaussian(9, 2, seed + 1) });
    const [a, b] = [factors(1), factors(5)];
    expect(updateError(a, b)).toBeCloseTo(relativeError([updateOf(a)], [updateOf(b)]), 12);
    expect(updateError(a, a)).toBeLessThan(1e-15);
    // Not of the factors, which may be rotated.
    const swapped = ({ rows, cols, data }: Factors['x']) =>
      dense(
        rows,
        cols,
        data.map((_, i) => data[i ^ 1]!),
      );
    expect(updateError({ x: swapped(a.x), y: swapped(a.y) }, a)).toBeLessThan(1e-15);
  });

  it('are wrong if one is, or is missing or not a number', () => {
    const [first, second] = exact as [Factors, Factors];
    const valid = (ends: Factors[]) => isValid(largestError(ends, exact, 2), tiny);
    expect(valid(exact)).toBe(true);
    expect(valid([first, nudged(second)])).toBe(false);
    expect(valid([second, first])).toBe(false);
    expect(valid([first])).toBe(false);
    const nan = {
      ...second,
      x: dense(
        12,
        3,
        second.x.data.fill(NaN, 0, 0).map(() => NaN),
      ),
    };
    expect(valid([first, nan])).toBe(false);
  });
});

describe('choices', () => {
  it('take the loosest accuracy that is good enough, else the best', async () => {
    const errors = new Map([[1, NaN], [2, 3e-3], [3, 1e-5], [4, 1e-6]]); // prettier-ignore
    const candidates = [...errors.keys()].map((rtol) => ({ rtol }));
    const chosen = (allowed: number) =>
      accuracyFor(candidates, ({ rtol }) => Promise.resolve(errors.get(rtol)!), allowed);
    expect(await chosen(1e-5)).toEqual({ rtol: 3 });
    expect(await chosen(1e-2)).toEqual({ rtol: 2 });
    expect(await chosen(1e-9)).toEqual({ rtol: 4 });
  });

  it('fit trajectories to the time', () => {
    const problem = { trajectories: 1000, pilot: 10, secondsPerRun: 4 };
    expect(trajectoriesFor(problem, {}, 0.9)).toBe(40);
    expect(trajectoriesFor(problem, {}, 60)).toBe(10);
    expect(trajectoriesFor(problem, {}, 1e-6)).toBe(1000);
    expect(trajectoriesFor(problem, { most: 1 }, 1e-6)).toBe(1);
  });

  it('leave given steps alone', () => {
    const named = (name: string) => contestants.find((each) => each.name === name)!;
    const free = problems.find(({ id }) => id === 'w4')!;
    expect(accuraciesOf(contestants[0]!, tiny)).toEqual([{ step: 0.02, rtol: null }]);
    expect(accuraciesOf(contestants[0]!, free)).toEqual([{ step: null, rtol: 1e-4 }]);
    expect(accuraciesOf(named('diffrax RK4'), tiny)).toHaveLength(1);
    expect(accuraciesOf(named('diffrax RK4'), free).length).toBeGreaterThan(1);
    expect(accuraciesOf(named('diffrax Tsit5'), tiny).length).toBeGreaterThan(1);
    expect(takesPart(named('diffrax Bosh3'), tiny, 'cpu')).toBe(false);
    expect(takesPart(named('diffrax Bosh3'), free, 'cpu')).toBe(true);
    expect(takesPart(named('NumPy RK4'), tiny, 'gpu')).toBe(false);
  });
});

const entry = (name: string, family: Contestant['family'], seconds: number[], more: object = {}): Entry => {
  const accuracy = name.includes('rtol') ? 'rtol' : 'step';
  const contestant = { ...contestants[0]!, name, family, accuracy } as const;
  const told = accuracy === 'rtol' ? { step: null, rtol: 1e-5 } : { step: 0.02, rtol: null };
  return {
    ...{
      contestant,
      versions: { [name]: '1' },
      device: '',
      accuracy: told,
      trajectories: 4,
      firstSeconds: 9,
    },
    ...{ times: sample(name, seconds), transfer: null, kernel: null, error: 1e-6, valid: true },
    ...{ peakBytes: 2 ** 20, gpuPeakBytes: null, ...more },
  };
};

describe('bars', () => {
  const own = entry('rankflow', 'rankflow', [1, 2]);
  const bar = (problem: PeerProblem, entries: Entry[]) => barsOf(problem, 'cpu', entries)[0]!;

  it('are on the best valid peer', () => {
    const [slow, fast] = [entry('a', 'other', [8, 16]), entry('b', 'jax', [4, 8])];
    expect(bar(tiny, [own, slow, fast])).toMatchObject({ value: 4, pass: true });
    expect(bar(tiny, [own, slow, entry('b', 'jax', [2, 4])])).toMatchObject({ value: 2, pass: false });
    const wrong = entry('b', 'jax', [2, 4], { valid: false });
    expect(bar(tiny, [own, slow, wrong])).toMatchObject({ value: 8, pass: true });
    expect(bar({ ...tiny, id: 'w4' }, [own, slow, entry('c', 'diffrax', [12, 24])])).toMatchObject({
      value: 12,
    });
  });

  it('are on steps that are given, and on diffrax to the same error', () => {
    const all = [
      ...[own, entry('rankflow rtol', 'rankflow', [1, 1]), entry('a', 'jax', [3, 6])],
      ...[entry('b rtol', 'diffrax', [1.5, 1.5]), entry('c rtol', 'other', [1, 1])],
    ];
    expect(barsOf(tiny, 'cpu', all)).toMatchObject([
      { id: 'w1, best peer by RK4 over rankflow', value: 3, pass: true },
      { id: 'w1, diffrax at equal error over rankflow', value: 1.5, pass: false },
    ]);
  });

  it('are missed if rankflow ended wrong or nobody else was there', () => {
    const slow = entry('a', 'other', [8, 16]);
    expect(bar(tiny, [entry('rankflow', 'rankflow', [1, 2], { valid: false }), slow]).pass).toBe(false);
    expect(bar(tiny, [{ contestant: own.contestant, failed: 'it' }, slow]).pass).toBe(false);
    expect(bar(tiny, [own]).pass).toBe(false);
  });

  it('set those who choose their steps beside each other', () => {
    const all = [own, entry('rankflow rtol', 'rankflow', [0.5, 1]), entry('a rtol', 'diffrax', [2, 4])];
    expect(ratioIn(all, all[2]!)).toBe(4);
    expect(ratioIn([own, all[2]!], all[2]!)).toBe(2);
  });

  it('have the share of a GPU', () => {
    const large = { ...tiny, id: 'w1-large' };
    const kernel = { ...own, kernel: 1e-6 } as Entry & { kernel: number };
    const rate = isPlayed(kernel) ? flopsOf(large, kernel)! : NaN;
    const share = (peak: number | null) => barsOf(large, 'gpu', [kernel], peak).at(-1)!;
    expect(share(5 * rate)).toMatchObject({ value: expect.closeTo(0.2, 12), sense: '>=' });
    expect(share(4 * rate).pass).toBe(true);
    expect(share(6 * rate).pass).toBe(false);
    expect(share(null).pass).toBe(false);
    expect([peakOf('NVIDIA H100 80GB HBM3'), peakOf('another')]).toEqual([67e12, null]);
  });
});

describe('texts', () => {
  it('tell wins, losses, what is wrong and what was not there', () => {
    const entries: Entry[] = [
      entry('rankflow', 'rankflow', [1, 1]),
      entry('fast', 'other', [0.5, 0.5]),
      entry('wrong', 'other', [2, 2], { valid: false, error: 0.5 }),
      { contestant: { ...contestants[0]!, name: 'gone' }, skipped: 'no such package' },
    ];
    const text = problemText({ problem: tiny, entries, bars: [] });
    expect(text).toMatch(/\| fast \| step 0.02 \| 4 \| 500.0 ms \|.*\| 0.5000 x \|/);
    expect(text).toMatch(/\| wrong \|.*\| INVALID \| 5.0e-1 \|/);
    expect(text).toContain('- gone: no such package');
  });

  it('keep the section of the other device', () => {
    const empty = document('', {});
    expect(empty).toMatch(/## CPU\n\nNot measured[^]*## GPU\n\nNo GPU/);
    const cpu = section('cpu', 'Monday, this.', []);
    const first = document(empty, { cpu });
    expect(first).toMatch(/## CPU\n\nMonday[^]*## GPU\n\nNo GPU/);
    const second = document(first, { gpu: section('gpu', 'Tuesday, that.', []) });
    expect(second).toMatch(/## CPU\n\nMonday[^]*## GPU\n\nTuesday/);
    expect(document(second, {})).toBe(second);
  });
});

/** A contestant that answers as its word says. */
const IMPOSTOR = `
import { copyFileSync } from 'node:fs';
import { createInterface } from 'node:readline';

const [folder, device, how] = process.argv.slice(2);
const say = (told) => console.log(JSON.stringify(told));
if (how === 'absent') say({ absent: 'no such package' });
else {
  say({ versions: { it: '1' }, device });
  for await (const line of createInterface({ input: process.stdin })) {
    if (how === 'crashing') throw new Error('out of luck');
    copyFileSync(folder + '/' + how + '.npy', JSON.parse(line).ends);
    say({ seconds: 1, transferSeconds: null, peakBytes: 1, gpuPeakBytes: null });
  }
}`;

describe('a contest', () => {
  it('tells right ends from wrong ones, and goes on without those who are absent or fail', async () => {
    const script = join(folder, 'impostor.js');
    writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
    writeFileSync(script, IMPOSTOR);
    writeEnds(join(folder, 'right.npy'), tiny, exact);
    writeEnds(join(folder, 'wrong.npy'), tiny, [exact[0]!, nudged(exact[1]!)]);
    const commandOf = ({ name }: Contestant): Command => [process.execPath, script, name];
    const all = ['right', 'wrong', 'absent', 'crashing'].map((name) => ({ ...contestants[0]!, name }));
    const setting = { folder, device: 'cpu', commandOf, exact, log: () => undefined } as const;
    const entries = await contest(tiny, all, setting);
    expect(entries[0]).toMatchObject({ valid: true, trajectories: 2, times: { runs: [0.5, 0.5] } });
    expect(entries[1]).toMatchObject({ valid: false });
    expect(entries[2]).toMatchObject({ skipped: 'no such package' });
    expect(entries[3]).toHaveProperty('failed', expect.stringMatching(/^it ended/));
  });
});

describe('contestants', () => {
  const venv = path('.venv/bin/python');
  const python = process.env['PYTHON'] || (existsSync(venv) ? venv : 'python3');
  const commandOf = ({ program, method }: Contestant): Command =>
    program
      ? [python, '-u', path(`benchmarks/peers/contestants/${program[0]}`), ...program.slice(1)]
      : [
          process.execPath,
          ...['--import', 'jiti/register', path('benchmarks/peers/rankflow.ts')],
          ...(method ? [method] : []),
        ];

  const noPython = () => spawnSync(python, ['-c', 'import numpy']).status !== 0;

  /** Its answer and the error of its ends; skips the test if what it needs is absent. */
  async function played(contestant: Contestant, device: DeviceKind, skip: (note: string) => never) {
    writeStarts(folder, tiny, tiny.pilot);
    if (contestant.program && noPython()) skip(`${python} has no NumPy`);
    const player = await enter(commandOf(contestant), folder, device).catch((error: unknown) => {
      if (error instanceof Skipped) skip(error.message);
      throw error;
    });
    try {
      const accuracy =
        contestant.accuracy === 'step' ? { step: 0.02, rtol: null } : { step: null, rtol: 1e-6 };
      const { answer, ends } = await play(player, folder, tiny, runOf(tiny, 2, accuracy));
      return { answer, error: largestError(ends, exact, 2) };
    } finally {
      player.close();
    }
  }

  it.for(contestants)(
    '$name ends where the library does',
    { timeout: 120_000 },
    async (contestant, { skip }) => {
      const { answer, error } = await played(contestant, 'cpu', skip);
      expect(error).toBeLessThan(1e-5);
      expect(answer.seconds).toBeGreaterThan(answer.transferSeconds ?? 0);
      expect(answer.peakBytes).toBeGreaterThan(2 ** 20);
    },
  );

  it('rankflow on a GPU ends there too, and tells the time of its kernel', async ({ skip }) => {
    const { answer, error } = await played(contestants[0]!, 'gpu', skip);
    expect(error).toBeLessThan(1e-5);
    expect(answer.kernelSeconds).toBeGreaterThan(0);
    expect(answer.gpuPeakBytes).toBeGreaterThan(0);
  });
});
