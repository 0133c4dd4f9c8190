/** What the tests of matrix files share: fixtures, files made here, and refusals. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect } from 'vitest';
import { InputError } from '../../src/host/inputError.js';

export const folder = mkdtempSync(join(tmpdir(), 'rankflow-files-'));

afterAll(() => rmSync(folder, { recursive: true }));

export const fixture = (name: string) => fileURLToPath(new URL('../fixtures/', import.meta.url)) + name;

/** What test/fixtures/make.py calls VALUES. */
export const values = [1.5, -2.25, 3, 0.1, 1e-3, -7];

export function stored(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

/** A safetensors file from a header, as an object or as text, and a number of data bytes (all zero). */
export function safetensorsBytes(header: unknown, dataBytes = 0): Buffer {
  const json = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  return Buffer.concat([length, json, Buffer.alloc(dataBytes)]);
}

/** Expects `work` to throw an InputError for `field` whose message matches `reason`. */
export function expectRefusal(work: () => unknown, field: string, reason: RegExp): void {
  try {
    work();
  } catch (error) {
    expect(error).toBeInstanceOf(InputError);
    expect((error as InputError).field).toBe(field);
    expect((error as InputError).message).toMatch(reason);
    return;
  }
  expect.unreachable(`nothing was refused; expected ${reason}`);
}
