/** The built package under its own name, as another project imports it; and the shape of its source. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Worker } from 'node:worker_threads';
import {
  frobeniusFromSpectrum,
  InputError,
  customProblem,
  dense,
  eckartYoungMirsky,
  listedSpectrum,
} from 'rankflow';
import { ensemble, method, openDevice, solve, sweep, type TensorLoss } from 'rankflow';
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
    const sigma = listedSpectrum([3, 2, 1], 4);
    const diagonal = dense(n, m);
    sigma.forEach((s, i) => (diagonal.data[i * m + i] = s));
    const constants = Float32Array.from(diagonal.data);
    // 1/2 |W - M|_F^2 of each trajectory, M = diag(3, 2, 1, 0).
    const loss: TensorLoss = (w) => {
      const difference = w.reshape([-1, n * m]).sub(Array.from(constants));
      return difference.square().sum<ReturnType<TensorLoss>>(1).mul(0.5);
    };
    const device = await openDevice('wasm', { workers: 1 });
    const results = [];
    for (const problem of [
      customProblem('distance', dense(n, m), loss),
      frobeniusFromSpectrum(sigma, n, m),
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
      expect(own?.last.loss).toBeCloseTo(eckartYoungMirsky(sigma, rank).loss, 4);
      expect(own?.last.loss).not.toBeCloseTo(eckartYoungMirsky(sigma, 1).loss, 1);
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
    expect(graph.get('src/cli/main.ts')).toContain('src/cli/commands/sweep.ts');
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

  it('has a public surface of named re-exports alone', () => {
    const text = readFileSync(join(root, 'src/index.ts'), 'utf8').replace(/\/\*[\s\S]*?\*\//g, '');
    for (const statement of text.split(';').map((part) => part.trim()))
      expect(statement).toMatch(/^$|^export (type )?\{[^{}]+\} from '\.\/[^']+\.js'$/);
  });
});
