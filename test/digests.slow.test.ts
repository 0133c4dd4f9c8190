/**
 * Results are what they were, bit by bit: every subject of digests/cases.ts on every engine, on two workers, against
 * digests that were recorded on one (see digests/check.ts for recording).
 */
import { describe, it } from 'vitest';
import { comparable, expectRecorded, recording } from './digests/check.js';
import { computes, engines, subjects } from './digests/cases.js';
import { sweepDigests } from './digests/compute.js';

const workers = recording ? 1 : 2;

describe.skipIf(!comparable).each(engines)('results are those recorded, $name', (engine) => {
  it.each(subjects.filter((subject) => computes(engine, subject)))('$name', async (subject) => {
    expectRecorded(engine.name, subject.name, await sweepDigests(engine, subject, workers));
  });
});
