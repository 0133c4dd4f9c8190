/** The built package under its own name, as another project imports it; and the shape of its source. */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Worker } from 'node:worker_threads';
import ts from 'typescript';
import {
  dense,
  ensemble,
  initializations,
  InputError,
  method,
  methods,
  openDevice,
  problems,
  solve,
  sweep,
  theory,
} from 'rankflow';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));

describe('the built package', () => {
  it('sweeps ranks in one call', async () => {
    const cells = await sweep({
      spectrum: 'power:1',
      shape: ['32x32'],
      ranks: [1, 2, 4],
      init: ['gaussian:0.1'],
      trials: 8,
      steady: 1e-4,
      backend: 'wasm',
    });
    const squares = Array.from({ length: 32 }, (_, i) => (i + 1) ** -2);
    const tail = (rank: number) => squares.slice(rank).reduce((sum, s) => sum + s, 0);
    expect(cells.map(({ rank }) => rank)).toEqual([1, 2, 4]);
    for (const { rank, law, accuracy, trials } of cells) {
      expect(law?.value).toBeCloseTo(Math.sqrt(tail(rank) / tail(0)), 12);
      expect([accuracy.count, trials]).toEqual([8, 8]);
      expect(Math.abs(accuracy.mean / (law?.value ?? NaN) - 1)).toBeLessThan(1e-4);
      expect(Math.abs(accuracy.mean / Math.sqrt(tail(rank + 1) / tail(0)) - 1)).toBeGreaterThan(1e-2);
    }
  });

  it('solves the ensemble of the README, which runs as it stands, in at most 8 statements', async () => {
    const [example] = /(?<=```ts\n)[^`]*openDevice[^`]*/.exec(readFileSync(join(root, 'README.md'), 'utf8'))!;
    const source = ts.createSourceFile('example.ts', example, ts.ScriptTarget.Latest);
    expect(source.statements.length).toBeLessThanOrEqual(8);
    const script = example.replace('openDevice()', "openDevice('wasm', { workers: 1 })");
    const output = execFileSync(process.execPath, ['--input-type=module', '-e', script], {
      encoding: 'utf8',
      cwd: root,
    });
    const lines = output
      .trim()
      .split('\n')
      .map((line) => line.split(' '));
    const tail = (rank: number) =>
      Array.from({ length: 48 }, (_, i) => (i + 1) ** -2)
        .slice(rank)
        .reduce((sum, s) => sum + s / 2, 0);
    expect(lines).toHaveLength(24);
    for (const [rank, , outcome, loss, optimum] of lines) {
      expect(outcome).toBe('end-time');
      expect(Number(optimum)).toBeCloseTo(tail(Number(rank)), 12);
      expect(Number(loss) / tail(Number(rank))).toBeCloseTo(1, 2);
    }
  });

  it('takes a tableau and an initialization of the caller, and refuses wrong ones', async () => {
    const sigma = Float64Array.of(2, 1);
    const problem = problems.frobeniusFromSpectrum(sigma, 3, 2);
    const ralston = { order: 2, a: [[], [2 / 3]], b: [1 / 4, 3 / 4] };
    const { tableau, rungeKutta } = methods;
    expect(() => tableau({ ...ralston, b: [1 / 2, 1 / 2] })).toThrow(InputError);
    const start = initializations.custom('ones', ({ n, m, key }) => ({
      loraA: dense(key.rank, m, new Float64Array(key.rank * m).fill(0.5 + key.trial)),
      loraB: dense(n, key.rank, new Float64Array(n * key.rank).fill(0.1)),
    }));
    const two = ensemble({ problem, ranks: [1], initialization: start, trials: 2 });
    expect(() => ensemble({ problem, ranks: [3], initialization: start })).toThrow('min(n, m) = 2');
    const device = await openDevice('cpu', { workers: 1 });
    const control = { kind: 'fixed', step: 0.01 } as const;
    const solution = solve(two, {
      method: { scheme: rungeKutta(tableau(ralston)), control },
      stop: { saveTimes: [0, 20] },
      device,
    });
    const { provenance } = solution;
    const [first, second] = await solution.all();
    await device.close();
    expect(provenance).toMatchObject({
      backend: 'cpu',
      precision: 'float32',
      paths: ['tensor-ops'],
      seed: 0,
    });
    expect(provenance.config).toMatchObject({ loss: 'frobenius', n: 3, m: 2, ranks: [1], trajectories: 2 });
    // W = 0.1 * 0.5 in every entry at first, against diag(2, 1).
    expect(first!.saved[0]!.loss).toBeCloseTo((1.95 ** 2 + 0.95 ** 2 + 4 * 0.05 ** 2) / 2, 6);
    expect(second!.saved[0]!.loss).toBeCloseTo((1.85 ** 2 + 0.85 ** 2 + 4 * 0.15 ** 2) / 2, 6);
    for (const { last, member } of [first!, second!]) {
      expect(last.loss).toBeCloseTo(0.5, 5);
      expect(member.rank).toBe(1);
    }
  });

  it('gives the same for any number of workers and any chunks', async () => {
    const run = async (workers: number, chunk?: number) => {
      const config = { spectrum: 'power:1', shape: ['128x128'], ranks: [16], trials: 72, time: 2 };
      const rows: unknown[] = [];
      const cells = await sweep(
        { ...config, backend: 'wasm', workers, ...(chunk && { chunk }) },
        { chunk: ({ trials }) => rows.push(...trials.map(({ row }) => row)) },
      );
      return { rows, accuracy: cells[0]!.accuracy };
    };
    const one = await run(1);
    expect(one.accuracy.count).toBe(72);
    expect(await run(2)).toEqual(one);
    expect(await run(3, 5)).toEqual(one);
  });

  it('computes in as many threads as it is told, which end with it, and survives those that fail', async () => {
    const alive = new Set<Worker>();
    process.on('worker', (worker) => {
      alive.add(worker);
      worker.on('exit', () => alive.delete(worker));
    });
    const device = await openDevice('wasm', { workers: 2 });
    const pool = device.pool!;
    await expect(pool.solve(undefined as never)).rejects.toThrow(TypeError);
    const underWay = Array.from({ length: 6 }, () => pool.solve(undefined as never).catch(() => 'failed'));
    await expect.poll(() => alive.size).toBe(2);
    await device.close();
    expect(new Set(await Promise.all(underWay))).toEqual(new Set(['failed']));
    expect(alive.size).toBe(0);
    const single = await openDevice('wasm', { workers: 1 });
    expect(single.pool).toBe(null);
    await single.close();
  });

  it('tells mistakes in its input from defects', async () => {
    await expect(sweep({ spectrum: 'power:1', shape: ['3x3'], ranks: [4], backend: 'cpu' })).rejects.toThrow(
      InputError,
    );
    await expect(sweep({ ranks: [] })).rejects.toThrow('invalid ranks: []; must be a list that is not empty');
  });

  it('solves the flow of a loss of the caller', async () => {
    const [n, m, rank] = [5, 4, 2];
    const sigma = problems.listedSpectrum([3, 2, 1], 4);
    const diagonal = dense(n, m);
    sigma.forEach((s, i) => (diagonal.data[i * m + i] = s));
    const constants = Float32Array.from(diagonal.data);
    // 1/2 |W - M|_F^2 of each trajectory, M = diag(3, 2, 1, 0).
    const loss: problems.TensorLoss = (w) => {
      const difference = w.reshape([-1, n * m]).sub(Array.from(constants));
      return difference.square().sum<ReturnType<problems.TensorLoss>>(1).mul(0.5);
    };
    const device = await openDevice('wasm', { workers: 1 });
    const results = [];
    for (const problem of [
      problems.custom('distance', dense(n, m), loss),
      problems.frobeniusFromSpectrum(sigma, n, m),
    ]) {
      const two = ensemble({ problem, ranks: [rank], initialization: 'small:0.2', trials: 2, seed: 1 });
      const stop = { saveTimes: [1, 40], maxSteps: 10_000 };
      results.push(...(await solve(two, { method: method('dopri5'), stop, device }).all()));
    }
    await device.close();
    const [first, second, third, fourth] = results;
    for (const [own, known] of [
      [first, third],
      [second, fourth],
    ]) {
      expect(own?.outcome).toBe('end-time');
      expect(own?.saved[0]?.loss).toBeCloseTo(known?.saved[0]?.loss ?? NaN, 4);
      expect(own?.last.loss).toBeCloseTo(theory.eckartYoungMirsky(sigma, rank).loss, 4);
      expect(own?.last.loss).not.toBeCloseTo(theory.eckartYoungMirsky(sigma, 1).loss, 1);
    }
    expect(first?.saved[0]?.loss).not.toBeCloseTo(second?.saved[0]?.loss ?? NaN, 3);
  });
});

describe('the source', () => {
  const files = ['src', 'kernels'].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts') && !name.endsWith('.d.ts'))
      .map((name) => join(root, folder, name)),
  );

  /** Files that a file imports at run time: type-only imports and exports are left out. */
  const importsOf = (file: string): string[] =>
    [...readFileSync(file, 'utf8').matchAll(/^(?:import|export)\s(?!type\b)[^;]*?from\s+'(\.[^']*)'/gms)]
      .map(([, name]) => resolve(dirname(file), (name as string).replace(/\.js$/, '.ts')))
      .filter(existsSync);

  /** A path of edges that ends where it began, or null. */
  function cycleIn(graph: ReadonlyMap<string, readonly string[]>): string[] | null {
    const clear = new Set<string>();
    const visit = (at: string, path: readonly string[]): string[] | null => {
      if (path.includes(at)) return [...path.slice(path.indexOf(at)), at];
      if (clear.has(at)) return null;
      for (const next of graph.get(at) ?? []) {
        const found = visit(next, [...path, at]);
        if (found) return found;
      }
      clear.add(at);
      return null;
    };
    for (const at of graph.keys()) {
      const found = visit(at, []);
      if (found) return found;
    }
    return null;
  }

  const short = (file: string) => relative(root, file);
  const graph = new Map(files.map((file) => [short(file), importsOf(file).map(short)]));

  it('has no import cycles among its files', () => {
    expect(graph.size).toBeGreaterThan(50);
    expect(graph.get('src/cli/repeats.ts')).toContain('src/sweep/config.ts');
    expect(cycleIn(graph)).toBeNull();
    expect(
      cycleIn(
        new Map([
          ['a', ['b']],
          ['b', ['c']],
          ['c', ['b']],
        ]),
      ),
    ).toEqual(['b', 'c', 'b']);
  });

  it('has no import cycles among its folders', () => {
    // A folder inside another is part of it; a file beside the folders stands for itself.
    const folderOf = (file: string) => file.split(sep).slice(0, 2).join('/');
    const folders = new Map<string, string[]>();
    for (const [file, imports] of graph) {
      const others = imports.map(folderOf).filter((other) => other !== folderOf(file));
      folders.set(folderOf(file), [...(folders.get(folderOf(file)) ?? []), ...others]);
    }
    expect(folders.get('src/cli')).toContain('src/sweep');
    expect(cycleIn(folders)).toBeNull();
  });
});
