/** Options given twice, commas in paths, and output that cannot be written. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { progress, timeLeft } from '../../src/report/progress.js';
import { run } from './run.js';

const small = '--backend wasm --spectrum power:1 --shape 8x8 --trials 3';

it('takes all items of a list that is given twice', async () => {
  const { code, folder } = await run(
    `rankflow sweep ${small} --ranks 2,2 --init kaiming --init gaussian --out out`,
  );
  expect(code).toBe(0);
  const rows = readFileSync(join(folder, 'out/summary.csv'), 'utf8').trim().split('\n');
  expect(rows.slice(1).map((row) => row.split(',')[6])).toEqual(['kaiming', 'gaussian']);
});

it.each([
  ['seed', `sweep ${small} --ranks 1 --seed 1 --seed 2`],
  ['out', 'sweep merge a --out b --out c'],
  ['resume', 'sweep --resume a --resume b'],
  ['config', 'sweep --config a --config b'],
  ['shape', 'verify --shape 3x3 --shape 4x4'],
])('refuses %s given twice', async (name, words) => {
  const { code, stderr } = await run(`rankflow ${words}`);
  expect(stderr).toMatch(new RegExp(`^rankflow: invalid ${name}: \\[.*\\]; must be given once\\n$`));
  expect(code).toBe(2);
});

it('takes a file whose path has a comma', async () => {
  const { code, stderr } = await run(
    'mkdir -p a,b && cp $CASE/loss.ts a,b/ && rankflow sweep --backend wasm --loss a,b/loss.ts --shape 6x5 --ranks 1 --trials 2 --time 1 --out out',
    { inputs: 'comma-in-path' },
  );
  expect(stderr).not.toContain('invalid');
  expect(code).toBe(0);
});

it.each(['--shard 1/2', '--ranks 2', '--resume out'])('refuses %s, which is not of merge', async (flag) => {
  const { code, stderr } = await run(`rankflow sweep merge out ${flag}`);
  expect(code).toBe(2);
  expect(stderr).toMatch(/unknown argument/i);
});

describe('output that cannot be written', () => {
  it.each([
    ['JSON on a full disk', 'theory --json --spectrum power:1 --shape 8x8 --ranks 1,2 > /dev/full', 1],
    ['a table on a full disk', 'theory --spectrum power:1 --shape 8x8 --ranks 1,2 > /dev/full', 1],
  ])('is told in a line: %s', async (_, words, status) => {
    const { code, stderr } = await run(`rankflow ${words}`, { alone: true });
    expect(stderr).toBe(
      'rankflow: standard output cannot be written: ENOSPC: no space left on device, write\n',
    );
    expect(code).toBe(status);
  });

  it('does not end a run if it is what is said beside the results', async () => {
    const { code, stdout, stderr } = await run(
      `rankflow sweep ${small} --ranks 1,2 --out a 2>&- | tail -1
      rankflow sweep ${small} --ranks 1,2 --out b 2> /dev/full | tail -1
      rankflow sweep ${small} --ranks 1,2 --out c 2> >(exec true) | tail -1
      rankflow sweep ${small} --ranks 1,2 --out d >&-; echo $?
      rankflow sweep --resume d | head -1 > /dev/null; echo \${PIPESTATUS[0]}`,
      { alone: true },
    );
    const results = ['a', 'b', 'c'].map((name) => `Results: ${name} (open ${name}/report.html)\n`);
    expect(stdout).toBe(`${results.join('')}0\n0\n`);
    expect(stderr).not.toMatch(/Error|at /);
    expect(code).toBe(0);
  });
});

it('says that it estimates before it knows the time left', () => {
  expect(timeLeft(0, 3)).toBe('estimating');
  expect(timeLeft(0.25, 3)).toBe('9 s left');
  expect(timeLeft(0.001, 7.4)).toBe('2 h 03 min left');
  const written: string[] = [];
  const stream = {
    isTTY: true,
    columns: 200,
    write: (text: string) => void written.push(text),
    on: () => stream,
  };
  const shown = progress(10, 'checks', stream as unknown as NodeJS.WriteStream);
  shown.stop();
  expect(written.join('')).toContain('estimating');
  expect(written.join('')).not.toContain('0s');
});
