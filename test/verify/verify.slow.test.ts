/** Verification on every backend that there is, and all checks of losses that a module exports. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { closeBackends, listBackends } from '../../src/backend/useBackend.js';
import type { Finding } from '../../src/verify/check.js';
import type { VerifyInput } from '../../src/verify/config.js';
import { verify } from '../../src/verify/verify.js';

afterEach(closeBackends);

const work = mkdtempSync(join(tmpdir(), 'rankflow-verify-'));
afterAll(() => rmSync(work, { recursive: true }));

const fixture = (name: string) => fileURLToPath(new URL(`../fixtures/losses/${name}.ts`, import.meta.url));

/** A module with that text, under a name of its own. */
function moduleOf(name: string, text: string): string {
  const file = join(work, `${name}.ts`);
  writeFileSync(file, text);
  return file;
}

const idsOf = (findings: readonly Finding[]) => findings.map(({ id }) => id);

describe('verify', () => {
  it('makes checks of all backends that there are, and those on the host once', async () => {
    const reports = await listBackends();
    const there = reports.filter(({ available }) => available).map(({ name }) => name);
    const said: string[][] = [];
    const { findings, provenance } = await verify(
      { backend: 'all', only: ['flow/autodiff', 'flow/float64'] },
      {
        start: (_, ...lists) => said.push(...lists.map((list) => list.map(({ name }) => name))),
      },
    );
    expect(findings.map(({ id, backend }) => `${id} ${backend}`).sort()).toEqual(
      [...there.map((name) => `flow/autodiff ${name}`), 'flow/float64 host'].sort(),
    );
    expect(there.length).toBeGreaterThan(1);
    expect(said).toEqual([
      there,
      reports.filter(({ available }) => !available).map(({ name }) => name as string),
    ]);
    expect(provenance.backend).toBe(there.join('; '));
  });
});

describe('a loss of the user', () => {
  const own = (loss: string, input: VerifyInput = {}) => verify({ backend: 'wasm', loss, ...input });
  const passing = (findings: readonly Finding[]) => findings.filter(({ pass }) => pass).map(({ id }) => id);

  it('passes with its gradient and in float64, at any shape and base', async () => {
    const base = join(work, 'base.csv');
    writeFileSync(base, '0.3,-0.2\n0.1,0.7\n-0.5,0.25\n');
    // All checks at a small shape: their cost grows with the third power of its entries, which differences are taken in.
    const flow = { only: ['flow'] };
    for (const input of [{ shape: '3x2' }, flow, { ...flow, shape: '4x7', seed: 9 }, { ...flow, base }]) {
      const { findings } = await own(fixture('logCosh'), input);
      expect(passing(findings)).toEqual(idsOf(findings));
      expect(idsOf(findings)).toEqual(expect.arrayContaining(['flow/own-gradient', 'flow/differences']));
      expect(idsOf(findings)).not.toContain('flow/float64');
      for (const { allowed, where } of findings.filter(({ id }) => id.startsWith('flow/'))) {
        expect(allowed.to).toBeLessThan(1e-5);
        expect(where).toMatch(/^(.+, )?logCosh.ts \d x \d, r = \d$/);
      }
    }
  });

  it('is followed by all schemes where TensorFlow.js cannot differentiate its gradient', async () => {
    const { findings } = await own(fixture('poisson'));
    expect(findings.filter(({ pass }) => !pass)).toEqual([]);
    expect(idsOf(findings)).toEqual(
      expect.arrayContaining(['schemes/gap', 'schemes/modified-equation', 'flow/own-float64-gradient']),
    );
    const text = readFileSync(fixture('poisson'), 'utf8');
    const wrong = moduleOf(
      'wrong-float64',
      text.replace('Math.exp(value) - y)', '1.001 * Math.exp(value) - y)'),
    );
    const only = ['flow/own-float64-gradient'];
    expect(passing((await own(wrong, { only })).findings)).toEqual([]);
  });
});
