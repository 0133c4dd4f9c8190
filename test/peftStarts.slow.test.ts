/** Starts of the PEFT that is installed: what its script writes is what the tests compare with. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { computedStart } from '../src/ensemble/computedStart.js';
import { compared, matricesOf, type PeftCase } from './peftStarts.js';

const python = process.env['PYTHON'] || 'python3';
const script = fileURLToPath(new URL('reference/make_peft_starts.py', import.meta.url));

it('every start is that of the PEFT that is installed', { timeout: 600_000 }, ({ skip }) => {
  if (spawnSync(python, ['-c', 'import numpy, peft']).status !== 0) skip(`${python} has no PEFT`);
  const folder = mkdtempSync(join(tmpdir(), 'rankflow-'));
  try {
    const file = join(folder, 'starts.json');
    const { status, stderr } = spawnSync(python, [script, file], { encoding: 'utf8' });
    expect(status, stderr).toBe(0);
    const cases = JSON.parse(readFileSync(file, 'utf8')) as PeftCase[];
    expect(cases.length).toBeGreaterThan(1);
    for (const reference of cases)
      for (const [name, theirs] of Object.entries(reference.starts)) {
        const own = computedStart(name).adapter(matricesOf(reference), reference.rank, reference.scale);
        expect(compared(own, theirs, reference), name).toBeLessThan(1e-5);
      }
  } finally {
    rmSync(folder, { recursive: true });
  }
});
