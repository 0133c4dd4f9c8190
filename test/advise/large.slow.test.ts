/** Advice on large checkpoints: one pair of weights is in memory at a time, and what is cut off leaves nothing half-written. */
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { main, node } from '../cli/support.js';
import { largePair } from './large.js';
import { work } from './support.js';

/** A module that says at its end how much memory a process took, in KiB. */
const hook = `data:text/javascript,${encodeURIComponent("process.on('exit', () => console.error('peak', process.resourceUsage().maxRSS))")}`;

/** Peak memory in MiB of advice with adapters. */
async function peakOf(name: string, size: number, layers: number): Promise<number> {
  const [base, tuned] = largePair(join(work, name), size, layers);
  const folders = ['--out', join(work, `${name}-out`), '--write', join(work, `${name}-adapters`)];
  const ran = await node(
    ['--import', hook, main, 'advise', base, tuned, '--budget', '0.5%', ...folders],
    work,
  );
  expect(ran.code, ran.stderr).toBe(0);
  const advice = JSON.parse(readFileSync(join(work, `${name}-out`, 'advice.json'), 'utf8'));
  expect(advice.weights).toHaveLength(layers);
  // Sixteen directions, and rounding.
  for (const weight of advice.weights) expect(weight.worth).toBe(16);
  const [, peak] = /^peak (\d+)$/m.exec(ran.stderr)!;
  return Number(peak) / 1024;
}

it('does not grow with the number of weights', async () => {
  const [few, many] = [await peakOf('few', 1024, 3), await peakOf('many', 1024, 12)];
  expect(many).toBeLessThan(few + 100);
});

it('a pair of 4096 x 4096 takes less than 1.5 GiB', async () => {
  expect(await peakOf('wide', 4096, 1)).toBeLessThan(1536);
});

it('leaves no adapters when it is ended while it writes them, and goes on', async () => {
  const folder = join(work, 'ended');
  const [base, tuned] = largePair(folder, 512, 16);
  const args = [
    main,
    'advise',
    base,
    tuned,
    '--out',
    join(folder, 'out'),
    '--write',
    join(folder, 'adapters'),
  ];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.on('data', (data) => {
    said += String(data);
    if (said.includes('weights are written')) child.kill('SIGINT');
  });
  const code = await new Promise((resolve) => child.on('close', resolve));
  expect(code, said).toBe(130);
  expect(said).toContain('SIGINT: ends; what is done is kept. Go on with: rankflow advise ');
  expect(readdirSync(folder).sort()).toEqual(['base', 'out', 'tuned']);
  const again = await node(args, work);
  expect(again.code, again.stderr).toBe(0);
  expect(again.stderr).toContain('0 of 16 weights are decomposed');
  expect(readdirSync(folder).sort()).toEqual(['adapters', 'base', 'out', 'tuned']);
});
