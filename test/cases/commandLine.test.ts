/** Options given twice, commas in paths, and output that cannot be written. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
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
