/** `rankflow advise --stats`: what it prints and writes, and what it refuses without leaving anything behind. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { tensorsOf, weight, writeStatistics } from '../advise/statistics.js';
import { doneServed as done, number, parquet, rankflowServed as rankflow, root, work } from './support.js';

const tensors = tensorsOf([weight('model.layer', 12, 9, 1)]);
const stats = writeStatistics('command.safetensors', tensors, { cosine: '0.9', hvp: '2' });
/** Losses of a training that was begun, and some that no training comes to. */
for (const [name, lowest] of [
  ['pilot.csv', 1],
  ['below.csv', -1],
] as const)
  writeFileSync(join(work, name), `1,2.4\n2,2.2\n3,2\n4,1.8\n5,${lowest}\n`);
/** All that is needed but the optimizer. */
const given = {
  ...{ stats, lr: '0.003', steps: '30', ranks: '1,2,4', scaling: 'none', alpha: '2' },
  ...{ backend: 'cpu', workers: '1' },
};
const line = (flags: Readonly<Record<string, string>>) =>
  `advise ${Object.entries({ ...given, ...flags })
    .map(([name, value]) => `--${name} ${value}`)
    .join(' ')}`;

describe.concurrent('advise before training', () => {
  it('answers first, then shows shares by rank, and writes a report and tables', async () => {
    const { stdout, stderr } = await done(line({ optimizer: 'sgd', out: 'forecast' }));
    const [answer, ...rest] = stdout.split('\n');
    expect(answer).toMatch(/^At step \d+.*rank 4 has made the most progress/);
    for (const part of ['largest stable lr', 'accuracy on other data', 'open forecast/report.html'])
      expect(rest.join('\n')).toContain(part);
    expect(stderr).toMatch(/^rankflow advise on cpu.*: model\.layer$/m);
    const names = [
      ...['adapters', 'arithmetic.json', 'config.json', 'forecast.json', 'report.html', 'runs'],
      ...['shares.csv', 'shares.parquet'],
    ];
    expect(readdirSync(join(work, 'forecast')).sort()).toEqual(names);
    const page = readFileSync(join(work, 'forecast/report.html'), 'utf8');
    expect(page).toContain(answer);
    expect(page.match(/<svg/g)).toHaveLength(1);
    const [head, ...lines] = readFileSync(join(work, 'forecast/shares.csv'), 'utf8').trim().split('\n');
    expect(head).toBe('step,rank,share_low,share,share_high,loss_low,loss,loss_high');
    const rows = await parquet('forecast', 'shares.parquet');
    expect(lines).toHaveLength(rows.length);
    const { steps, ranks } = JSON.parse(readFileSync(join(work, 'forecast/forecast.json'), 'utf8'));
    expect(rows).toHaveLength(3 * steps.length);
    const [first] = rows;
    expect([number(first, 'step'), number(first, 'rank')]).toEqual([steps[0], 1]);
    expect(number(first, 'loss_high')).toBe(ranks[0].losses[0].high);
    // The loss at W0, which it falls from.
    expect(number(first, 'loss_high')).toBeLessThan(3);
  });

  it('prints JSON alone, and tells no stable learning rate of adamw, whose steps are of another kind', async () => {
    const { stdout } = await done(`${line({ optimizer: 'adamw', out: 'forecast-json' })} --json`);
    const record = JSON.parse(stdout);
    expect(record).toEqual(JSON.parse(readFileSync(join(work, 'forecast-json/forecast.json'), 'utf8')));
    expect(record.answer).toMatch(/^At step \d+/);
    expect(record.ranks.map(({ largestRate }: { largestRate: null }) => largestRate)).toEqual([
      null,
      null,
      null,
    ]);
  });

  it('names a script that comes with the package', async () => {
    const [script] = /scripts\/\S+\.py/.exec((await done('advise --help')).stdout)!;
    expect(existsSync(join(root, script))).toBe(true);
    expect(JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).files).toContain(script);
  });

  it.each<[flags: Record<string, string>, said: string[]]>([
    [{}, ['optimizer', 'nothing']],
    [{ optimizer: 'lion' }, ['optimizer', 'lion', 'adamw, sgd']],
    [{ optimizer: 'sgd', lr: '0' }, ['lr', '0', 'more than 0']],
    [{ optimizer: 'sgd', steps: '0' }, ['steps', '0', 'at least 1']],
    [{ optimizer: 'sgd', ranks: '10' }, ['ranks', '10', 'at most 9', 'model.layer']],
    [{ optimizer: 'sgd', 'pilot-rank': '2' }, ['pilot', 'nothing', 'given with pilotRank']],
    [{ optimizer: 'sgd', pilot: 'pilot.csv', 'pilot-rank': '10' }, ['pilotRank', '10', 'at most 9']],
    [
      { optimizer: 'sgd', pilot: 'below.csv', 'pilot-rank': '2' },
      ['below.csv', 'loss -1 in row 5', 'at least 0'],
    ],
    [{ optimizer: 'sgd', stats: 'base.csv' }, ['base.csv', 'must be']],
    [{ optimizer: 'sgd', out: 'conf' }, ['out', 'conf', 'does not exist yet']],
    [{ optimizer: 'sgd', budget: '1%' }, ['budget', '1%', 'left out without BASE and TUNED']],
    [{ optimizer: 'sgd', shard: '3/2' }, ['shard', '3/2', 'I/N']],
  ])('refuses %j', async (flags, said) => {
    const { code, stdout, stderr } = await rankflow(line({ out: 'refused-forecast', ...flags }).split(' '));
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr.trimEnd().split('\n')).toHaveLength(1);
    for (const part of said) expect(stderr).toContain(part);
    expect(existsSync(join(work, 'refused-forecast'))).toBe(false);
  });
});
