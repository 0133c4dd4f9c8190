/**
 * The script that writes statistics against the autograd of the PyTorch of this machine ($PYTHON, with torch and
 * safetensors; skipped without), read as `rankflow advise` reads it.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { readStatistics, type Statistics } from '../../src/advise/forecast/statistics.js';
import { readSafetensors } from '../../src/files/safetensors.js';
import { entriesOf, isLowRank } from '../../src/numbers/operator.js';
import { relativeError } from '../support.js';

const python = process.env['PYTHON'] || 'python3';
const script = fileURLToPath(new URL('../reference/check_export_stats.py', import.meta.url));

type Expected = Record<string, number | number[][]>;

it('statistics are those of autograd', { timeout: 600_000 }, ({ skip }) => {
  if (spawnSync(python, ['-c', 'import torch, safetensors.torch']).status !== 0)
    skip(`${python} has no PyTorch with safetensors`);
  const folder = mkdtempSync(join(tmpdir(), 'rankflow-'));
  try {
    const { status, stdout, stderr } = spawnSync(python, [script, folder], { encoding: 'utf8' });
    expect(status, stderr).toBe(0);
    const { expected, cut, said } = JSON.parse(stdout) as { expected: Expected; cut: Expected; said: string };
    const path = join(folder, 'stats.safetensors');
    const file = readSafetensors(path);
    const names = [...file.tensors.keys()].sort();
    expect(names).toEqual(
      Object.keys(expected)
        .filter((name) => name.includes('.'))
        .sort(),
    );
    for (const name of names) {
      const { shape, data } = file.get(name);
      const rows = expected[name] as number[][];
      expect(shape, name).toEqual([rows.length, rows[0]!.length]);
      // S is a mean over 400 draws, known to some percent; all else is rounded to float32.
      expect(relativeError(data, rows.flat()), name).toBeLessThan(name.endsWith('.S') ? 0.12 : 1e-6);
    }
    const read = readStatistics(path);
    expect(read).toMatchObject({ samples: 5, draws: 400, floor: 0 });
    expect(read.loss).toBeCloseTo(expected['loss'] as number, 10);
    expect(read.curvature! / (expected['hvp'] as number)).toBeCloseTo(1, 8);
    expect(Number(file.metadata['tokens'])).toBe(11);
    const falls = ({ along }: Statistics) => along!.flatMap(({ predicted, real }) => [predicted, real]);
    expect(relativeError(falls(read), (expected['along'] as number[][]).flat())).toBeLessThan(1e-8);
    const flat = (half: number) =>
      read.weights.flatMap(({ name }) => (expected[`${name}.G.half${half}`] as number[][]).flat());
    const [a, b] = [flat(0), flat(1)];
    const inner = (x: number[], y: number[]) => x.reduce((sum, value, i) => sum + value * y[i]!, 0);
    expect(read.cosine).toBeCloseTo(inner(a, b) / Math.sqrt(inner(a, a) * inner(b, b)), 5);
    // --rank 2, of sides 2 to 4: by their leading directions where they have more.
    const few = readStatistics(join(folder, 'cut.safetensors'));
    for (const { name, gradient, outputCovariance, covariance } of few.weights)
      for (const [part, of] of [
        ['G', gradient],
        ['H', covariance],
        ['S', outputCovariance],
      ] as const) {
        // S is of 100 draws, a quarter of those above: twice as far off.
        const entries = (cut[`${name}.${part}`] as number[][]).flat();
        expect(relativeError(entriesOf(of).data, entries), part).toBeLessThan(part === 'S' ? 0.24 : 1e-6);
      }
    const forms = few.weights.map(({ name, gradient, covariance, outputCovariance }) => [
      name,
      ...[gradient, covariance, outputCovariance].map(isLowRank),
    ]);
    expect(forms).toEqual([
      ['c', false, true, false],
      ['v', true, true, true],
    ]);
    expect(few.curvature! / (cut['hvp'] as number)).toBeCloseTo(1, 8);
    expect(relativeError(falls(few), (cut['along'] as number[][]).flat())).toBeLessThan(1e-8);
    expect(few.cosine).toBeCloseTo(read.cosine!, 5);
    // Ten vectors for each of the three outputs, of five samples.
    expect(said).toContain('2 weights, 5 samples, 6 draws');
  } finally {
    rmSync(folder, { recursive: true });
  }
});
