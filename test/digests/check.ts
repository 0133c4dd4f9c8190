/**
 * Compares digests with recorded ones. RANKFLOW_RECORD=1 records them instead:
 *
 *     npm run build && RANKFLOW_RECORD=1 npx vitest run test/digests
 *
 * is to be run only where numbers are meant to change, or for a case that is new.
 */
import { expect } from 'vitest';
import type { Digests } from './digest.js';
import { readRecord, writeRecord } from './compute.js';

/** Whether digests are recorded, on one worker, instead of compared. */
export const recording = process.env['RANKFLOW_RECORD'] === '1';

/** V8's powers, of which save times and step sizes are made, differ in last digits from Node 24 on. */
const powersAreRecorded = Math.pow(16 / 37, 3 / 7 - 0.9) === 1.484699407568331;

/** Whether digests hold on this machine: they were recorded on x64, under Node 20. */
export const comparable = process.arch === 'x64' && powersAreRecorded;

/**
 * Checks that digests are those recorded of a case; what is new in a table, such as a column, has none yet.
 * @param record name of the file under recorded/
 */
export function expectRecorded(record: string, name: string, digests: Digests | undefined): void {
  expect(digests, 'what was computed').toBeDefined();
  if (recording) writeRecord(record, { ...readRecord(record), [name]: digests! });
  expectDigests(digests!, readRecord(record)[name]);
}

/** Checks that digests are those recorded, which there are. */
export function expectDigests(digests: Digests, recorded: Digests | undefined): void {
  expect(recorded, 'a record').toBeDefined();
  expect(Object.keys(recorded!)).not.toEqual([]);
  expect(digests).toMatchObject(recorded!);
}
