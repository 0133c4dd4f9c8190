/** Broken and odd checkpoints against the command: one line, exit code 2, and nothing written. */
import { existsSync } from 'node:fs';
import { expect, it } from 'vitest';
import { rankflowServed as rankflow } from '../cli/support.js';
import { broken } from './broken.js';
import { work } from './support.js';

it.concurrent.each(broken)('%s', async (what, make, reason) => {
  const [base, tuned] = make();
  const out = `${work}/out-${what.replaceAll(' ', '-')}`;
  const ran = await rankflow(['advise', base, tuned, '--out', out, '--write', `${out}-adapters`]);
  expect(ran).toMatchObject({ code: 2, stdout: '' });
  const lines = ran.stderr
    .split('\n')
    .filter((line) => /^rankflow: /.test(line) && !/is flattened|fan_in/.test(line));
  expect(lines).toHaveLength(1);
  expect(lines[0]).toMatch(reason);
  expect([out, `${out}-adapters`].filter(existsSync)).toEqual([]);
});
