/** `rankflow verify`: what it prints, writes and exits with against the findings that it must have. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { formatNumber } from '../../src/report/format.js';
import { everyBackend } from '../backends.js';
import { root, work, rankflow, done, type Row, number, json, put } from './support.js';

describe.concurrent('verify', () => {
  const losses = join(root, 'test/fixtures/losses');

  it('passes, and writes the same as a table, as a page and as JSON', async () => {
    put('old.json', 'an older result');
    const { stdout, stderr } = await done(
      'verify --backend cpu --only flow --seed 6 --json old.json --html new/verify.html',
    );
    const findings: Row[] = json('old.json');
    expect(findings.map(({ id }) => id)).toContain('flow/autodiff');
    for (const finding of findings) {
      expect(Object.keys(finding)).toEqual([
        ...['id', 'claim', 'source', 'backend', 'measured', 'allowed', 'where', 'pass'],
      ]);
      expect(finding['pass']).toBe(true);
      expect(stdout).toContain(`│ ${finding['id']} `);
      expect(stdout).toContain(formatNumber(number(finding, 'measured')));
    }
    expect(stdout).toContain(`\n${findings.length} of ${findings.length} checks pass.\n`);
    expect(stdout).toContain('Results: new/verify.html');
    expect(stderr).toMatch(/rankflow verify on cpu[^]*100 %/);
    const page = readFileSync(join(work, 'new', 'verify.html'), 'utf8');
    expect(page).toContain(`${findings.length} of ${findings.length} checks pass.`);
    expect(page.match(/<tr>/g)).toHaveLength(1 + findings.length);
    expect(readdirSync(join(work, 'new'))).toEqual(['verify.html']);
  });

  it.skipIf(!everyBackend)('takes every backend, and says which are absent', async () => {
    const [{ stdout }, { stderr }] = await Promise.all([
      done('devices --json'),
      done('verify --backend all --only flow/full-fine-tuning --html all.html'),
    ]);
    for (const { name, available } of JSON.parse(stdout))
      expect(stderr).toMatch(new RegExp(available ? `verify on ${name} \\(` : `not on ${name}: .{5}`));
  });

  it('passes a loss of the user, and puts the page in its folder', async () => {
    const { stdout } = await done(
      `verify --loss ${losses}/logCosh.ts --shape 7x4 --only flow --backend wasm`,
    );
    expect(stdout).toMatch(/logCosh\.ts/);
    expect(stdout).toContain('\n5 of 5 checks pass.');
    const [, page] = /Results: (\S+)/.exec(stdout) ?? [];
    expect(page).toMatch(/^rankflow-results\/verify-[\dTZ-]+\.html$/);
    expect(readFileSync(join(work, page!), 'utf8')).toContain('logCosh.ts');
  });

  it('fails with code 1 for a wrong gradient, after all is written', async () => {
    const { code, stdout } = await rankflow(
      `verify --loss ${losses}/wrongGradient.ts --only flow --json w.json --html w.html`.split(' '),
    );
    expect(code).toBe(1);
    expect(stdout).toMatch(/4 of 5 checks pass. Failed: flow\/own-gradient on \w+/);
    const findings: Row[] = json('w.json');
    expect(findings.filter(({ pass }) => !pass).map(({ id }) => id)).toEqual(['flow/own-gradient']);
    expect(readFileSync(join(work, 'w.html'), 'utf8')).toContain('FAIL');
  });
});
