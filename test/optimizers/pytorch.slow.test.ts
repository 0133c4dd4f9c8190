/**
 * Optimizers against the PyTorch of this machine ($PYTHON, with torch and transformers; skipped without): its numbers are
 * those on record, and tensor operations end where it does in float32.
 */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { closeBackends } from '../../src/backend/useBackend.js';
import { openDevice, type Device } from '../../src/solver/device.js';
import { relativeError } from '../support.js';
import { errors, named, reference, type Reference } from './support.js';

const python = process.env['PYTHON'] ?? 'python3';
const script = fileURLToPath(new URL('../reference/make_optimizers.py', import.meta.url));

const hasTorch = (() => {
  try {
    execFileSync(python, ['-c', 'import torch, transformers'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
})();

it.skipIf(!hasTorch)("PyTorch's steps are those on record", () => {
  const now = JSON.parse(
    execFileSync(python, [script, '--print'], { encoding: 'utf8', maxBuffer: 2 ** 24 }),
  ) as Reference;
  expect(now.cases).toHaveLength(reference.cases.length);
  now.cases.forEach(({ A, B }, i) => {
    expect(relativeError(A, reference.cases[i]!.A)).toBeLessThan(1e-9);
    expect(relativeError(B, reference.cases[i]!.B)).toBeLessThan(1e-9);
  });
});

describe('tensor operations in float32', () => {
  let devices: Device[];
  beforeAll(async () => {
    devices = [await openDevice('cpu', { workers: 1 }), await openDevice('wasm', { workers: 1 })];
  });
  afterAll(closeBackends);

  it.each(named)("end where PyTorch's float64 does: %s", async (_, each) => {
    for (const device of devices) {
      const [a, b] = await errors(each, { device, kernel: 'tensor-ops' });
      expect(Math.max(a!, b!)).toBeLessThan(1e-4);
    }
  });
});
