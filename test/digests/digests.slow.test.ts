/**
 * Results are what they were, bit by bit: every subject of cases.ts on every engine, on two workers, against digests
 * that were recorded on one (see check.ts for recording).
 */
import { describe, it } from 'vitest';
import { comparable, expectRecorded } from './check.js';
import { computes, engines, subjects } from './cases.js';
import { sweepDigests } from './compute.js';

const workers = Number(process.env['RANKFLOW_RECORD_WORKERS'] ?? 2);

describe.skipIf(!comparable).each(engines)('results are those recorded, $name', (engine) => {
  it.each(subjects.filter((subject) => computes(engine, subject)))('$name', async (subject) => {
    expectRecorded(engine.name, subject.name, await sweepDigests(engine, subject, workers));
  });
});
