/** `rankflow advise` as a user runs it: what it prints and writes, and the flags that it refuses. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readSafetensors } from '../../src/files/safetensors.js';
import { writeStatistics } from '../advise/statistics.js';
import { checkpoint, lowRank, plus, random, tensor } from '../advise/support.js';
import { number, parquet, rankflowServed as rankflow, work } from './support.js';

const shape = [24, 18];
const made = ['layers.0.fc.weight', 'layers.1.fc.weight'].map((name, i) => {
  const before = random(shape, i, 0.1);
  return { name, before, after: plus(before, lowRank(24, 18, [2, 1, 0.5 + i], 40 + i).data) };
});
const save = (folder: string, part: 'before' | 'after') =>
  checkpoint(folder, Object.fromEntries(made.map((each) => [each.name, tensor(shape, each[part])])));
const [base, tuned] = [save('base', 'before'), save('tuned', 'after')];

/** Files with H of the first weight alone, a diagonal. */
const [stats, tooSmall] = [18, 17].map((size) => {
  const data = new Float32Array(size ** 2);
  for (let i = 0; i < size; i++) data[i * (size + 1)] = 1 + i;
  const tensors = { 'layers.0.fc.H': { shape: [size, size], data } };
  return writeStatistics(`h${size}.safetensors`, tensors, { loss: undefined, samples: undefined });
}) as [string, string];

describe.concurrent('rankflow advise', () => {
  it('answers first, and writes a report, tables and adapters', async () => {
    const args = ['--budget', '10%,100', '--write', 'adapters', '--dtype', 'bfloat16', '--out', 'advice'];
    const { code, stdout, stderr } = await rankflow(['advise', base, tuned, ...args]);
    expect(stderr).toMatch(/^rankflow advise: 2 weights/);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^Within 10%: ranks? \d( to \d)? over 2 weights, 84 parameters/);
    for (const part of ['error in bfloat16', 'not the error of your task', 'open advice/report.html'])
      expect(stdout).toContain(part);
    const names = [
      ...['advice.json', 'arithmetic.json', 'config.json', 'report.html', 'runs', 'singular-values.parquet'],
      ...['weights', 'weights.csv', 'weights.parquet'],
    ];
    expect(readdirSync(join(work, 'advice')).sort()).toEqual(names);
    expect(readFileSync(join(work, 'advice/report.html'), 'utf8').match(/<svg/g)).toHaveLength(3);
    const rows = await parquet('advice', 'weights.parquet');
    expect(rows.map((row) => row['weight'])).toEqual(made.map(({ name }) => name));
    const values = await parquet('advice', 'singular-values.parquet');
    expect(values).toHaveLength(36);
    for (const folder of ['10pct', '100']) {
      const written = readSafetensors(join(work, 'adapters', folder, 'adapter_model.safetensors'));
      const ranks = rows.map((row) => number(row, `rank_${folder}`));
      const config = JSON.parse(readFileSync(join(work, 'adapters', folder, 'adapter_config.json'), 'utf8'));
      expect(Object.values(config.rank_pattern)).toEqual(ranks.filter((rank) => rank > 0));
      expect([...written.tensors.values()].every(({ dtype }) => dtype === 'BF16')).toBe(true);
    }
  });

  it('prints JSON alone', async () => {
    const { code, stdout } = await rankflow(['advise', base, tuned, '--json', '--out', 'json-advice']);
    expect(code).toBe(0);
    const advice = JSON.parse(stdout);
    expect(advice.budgets).toHaveLength(3);
    expect(advice.weights[0].sigma).toHaveLength(18);
    expect(advice).toEqual(JSON.parse(readFileSync(join(work, 'json-advice/advice.json'), 'utf8')));
  });

  it('tells errors weighted by inputs where statistics have H, and names the weights without', async () => {
    const args = ['--stats', stats, '--budget', '10%', '--out', 'weighted'];
    const { code, stdout } = await rankflow(['advise', base, tuned, ...args]);
    expect(code).toBe(0);
    for (const part of ['by inputs (least)', 'rank 16 (least)', 'No H', made[1]!.name])
      expect(stdout).toContain(part);
    expect(readFileSync(join(work, 'weighted/report.html'), 'utf8')).toContain('Errors weighted by inputs');
    const { weights, budgets } = JSON.parse(readFileSync(join(work, 'weighted/advice.json'), 'utf8'));
    const [first, second] = await parquet('weighted', 'weights.parquet');
    const rank = number(first, 'rank_10pct');
    expect(rank).toBeGreaterThan(0);
    const { errors, least } = weights[0].weighted;
    expect(number(first, 'weighted_error_10pct')).toBe(errors[rank - 1]);
    expect(number(first, 'least_weighted_error_10pct')).toBe(least[rank - 1]);
    expect(budgets[0].weightedError).toBe(errors[rank - 1]);
    expect(least[rank - 1]).toBeLessThan(errors[rank - 1]);
    expect(errors[rank - 1]).not.toBeCloseTo(number(first, 'error_10pct'), 4);
    expect([second!['weighted_error_10pct'], weights[1].weighted]).toEqual([null, null]);
    const [head] = readFileSync(join(work, 'weighted/weights.csv'), 'utf8').split('\n');
    expect(head).toContain('weighted_error_10pct,least_weighted_error_10pct');
    const [value] = await parquet('weighted', 'singular-values.parquet');
    expect(number(value, 'weighted_error')).toBe(errors[0]);
  });

  it.each<[args: string[], said: string[]]>([
    [[], ['base', 'nothing', 'given with TUNED, or --stats']],
    [[base], ['tuned', 'nothing', 'given with BASE']],
    [
      [base, tuned, '--stats', 'nowhere.safetensors'],
      ['nowhere.safetensors', 'a file that can be opened'],
    ],
    [
      [base, tuned, '--stats', tooSmall],
      [`${tooSmall}#layers.0.fc.H`, '17', '18'],
    ],
    [
      [base, tuned, '--optimizer', 'adamw'],
      ['optimizer', 'adamw', 'left out with BASE and TUNED'],
    ],
    [
      [base, tuned, '--budget', '0%'],
      ['budget', '0%', 'a whole number from 1'],
    ],
    [
      [base, tuned, '--budget', '1%,x'],
      ['budget', 'x', 'a whole number from 1'],
    ],
    [
      [base, tuned, '--budget', '1%', '--budget', '1%'],
      ['budget', 'given once'],
    ],
    [
      [base, tuned, '--max-rank', '0'],
      ['maxRank', '0', 'at least 1'],
    ],
    [
      [base, tuned, '--energy', '1.5'],
      ['energy', '1.5', 'at most 1'],
    ],
    [
      [base, tuned, '--ratio', '0'],
      ['ratio', '0', 'more than 0'],
    ],
    [
      [base, tuned, '--dtype', 'int8'],
      ['dtype', 'int8', 'one of float32, bfloat16, float16'],
    ],
    [
      [base, tuned, '--names', 'both'],
      ['names', 'both', 'one of base, tuned'],
    ],
    [
      [base, tuned, '--write', base],
      ['write', base, 'a folder that does not exist yet'],
    ],
    [
      [base, tuned, '--out', tuned],
      ['out', tuned, 'a folder that does not exist yet'],
    ],
    [
      [base, tuned, '--out', 'a/b', '--write', 'a'],
      ['write', 'a', 'a folder apart from out'],
    ],
    [
      [base, tuned, '--out', 'a', '--write', 'a/b/'],
      ['write', 'a/b', 'a folder apart from out'],
    ],
    [[base, tuned, '--rank', '3'], ['rank']],
    [
      [join(work, 'nowhere'), tuned],
      ['nowhere', 'a file that can be opened'],
    ],
  ])('refuses %j', async (args, said) => {
    const { code, stdout, stderr } = await rankflow([
      'advise',
      ...args,
      ...(args.includes('--out') ? [] : ['--out', 'refused']),
    ]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr.trimEnd().split('\n')).toHaveLength(1);
    for (const part of said) expect(stderr).toContain(part);
    expect(existsSync(join(work, 'refused'))).toBe(false);
  });
});
