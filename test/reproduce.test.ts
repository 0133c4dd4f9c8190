/**
 * Reproductions: what holds and what does not, compared with what is proven or refuted by hand; with a simulator that is
 * wrong no claim holds that is about it; and the files, compared with the charts.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Ensemble } from '../src/ensemble/ensemble.js';
import type { Member } from '../src/ensemble/member.js';
import { scaled } from '../src/numbers/dense.js';
import { verdictOf, type Claim, type ClaimContext, type Reproduced } from '../src/reproduce/claim.js';
import { claims } from '../src/reproduce/claims.js';
import { writeReproduction } from '../src/reproduce/folder.js';
import { chartCsv, claimRows, commandOf, summaryOf } from '../src/reproduce/report.js';
import { demonstrated, reproduce } from '../src/reproduce/reproduce.js';
import { openDevice, type Device } from '../src/solver/device.js';
import type { Solved } from '../src/solver/solution.js';
import { solve, type SolveOptions } from '../src/solver/solve.js';

/** Claims that take seconds; the others are made with the slow tests. */
const quick = ['conservation', 'aligned-path', 'balanced-path', 'wrong-directions', 'tanh-law'];
const folder = mkdtempSync(join(tmpdir(), 'reproduce-'));
let device: Device;

beforeAll(async () => {
  device = await openDevice('wasm', { workers: 1 });
});
afterAll(async () => {
  await device.close();
  rmSync(folder, { recursive: true });
});

const chosen = (names: readonly string[]) =>
  claims.filter(({ id }) => names.some((name) => id.startsWith(name)));

/** A simulator whose trajectories are a tenth longer than they are, and its losses as much larger. */
function wrongSolve<M extends Member>(ensemble: Ensemble<M>, options: SolveOptions<M>) {
  const wrong = <P extends { loss: number; singularValues?: readonly number[] | null }>(at: P): P => ({
    ...at,
    loss: 1.1 * at.loss,
    ...(at.singularValues && { singularValues: at.singularValues.map((value) => 1.1 * value) }),
  });
  const of = (trajectory: Solved<M>): Solved<M> => ({
    ...trajectory,
    saved: trajectory.saved.map((at) => at && wrong(at)),
    factors: { x: scaled(trajectory.factors.x, 1.1), y: trajectory.factors.y },
  });
  const solution = solve(ensemble, options);
  return { ...solution, all: async () => (await solution.all()).map(of) };
}

describe('a reproduction', () => {
  it('names every claim once', () => {
    const ids = claims.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const id of ids) expect(id).toMatch(/^[a-z0-9-]+$/);
  });

  it('refutes the tanh law alone of the quick claims', async () => {
    const { reproduced } = await reproduce({ only: quick, backend: 'wasm', workers: 1 });
    const verdicts = Object.fromEntries(reproduced.map((each) => [each.claim.id, verdictOf(each)]));
    expect(verdicts).toEqual({
      'conservation-and-descent': 'holds',
      'aligned-path': 'holds',
      'balanced-path': 'holds',
      'wrong-directions-are-saddles': 'holds',
      'tanh-law': 'fails',
    });
    expect(summaryOf(reproduced)).toBe('4 of 5 claims hold. Does not hold: tanh-law.');
  });

  it.each(
    chosen(['conservation', 'aligned-path', 'balanced-path']).map((claim) => [claim.id, claim] as const),
  )('by a wrong simulator finds %s wrong', async (_, claim) => {
    const wrong: ClaimContext = { device, solve: wrongSolve as typeof solve, seed: 0 };
    expect(verdictOf(await demonstrated(claim, wrong))).toBe('fails');
  });

  it('says of a claim that it could not show why', async () => {
    const claim: Claim = {
      ...{ id: 'none', claim: 'nothing', source: 'nobody' },
      demonstrate: () => Promise.reject(new Error('there is no such thing')),
    };
    const each = await demonstrated(claim, { device, solve, seed: 0 });
    expect(verdictOf(each)).toBe('not shown');
    expect(summaryOf([each])).toBe('0 of 1 claims hold. Not shown: none.');
    expect(claimRows([each]).rows[0]!.join()).toContain('it failed: there is no such thing');
  });

  it('refuses a claim that there is none of', async () => {
    await expect(reproduce({ only: ['nope'] })).rejects.toThrow(
      /invalid only: nope; must be one of one-flow/,
    );
  });

  it('is a page, and for each claim a table of the points of its chart and a plot', async () => {
    const made = await reproduce({ only: ['tanh-law'], backend: 'wasm', workers: 1, seed: 3 });
    const out = join(folder, 'made');
    await writeReproduction(out, made);
    expect(readdirSync(out).sort()).toEqual(['report.html', 'tanh-law.csv', 'tanh-law.png']);
    const [each] = made.reproduced as [Reproduced];
    const { chart } = each.demonstration!;
    const rows: Record<string, string>[] = parse(chartCsv(chart), { columns: true });
    expect(readFileSync(join(out, 'tanh-law.csv'), 'utf8')).toBe(chartCsv(chart));
    const points = chart.curves.flatMap(({ name, points: own }) => own.map(({ x, y }) => [name, x, y]));
    expect(rows.map((row) => [row['curve'], Number(row['time']), Number(row['singular_value'])])).toEqual(
      points,
    );
    const html = readFileSync(join(out, 'report.html'), 'utf8');
    expect(html).toContain(commandOf(each, 3));
    expect(commandOf(each, 3)).toBe('rankflow reproduce --only tanh-law --seed 3');
    expect(html).toContain('0 of 1 claims hold.');
    await expect(writeReproduction(out, made)).rejects.toThrow(/does not exist yet/);
  });
});
