/**
 * Results are what they were, bit by bit: every subject of digests/cases.ts on every engine, on two workers, against
 * digests that were recorded on one (see digests/check.ts for recording).
 */
import { beforeAll, describe, it } from 'vitest';
import { comparable, expectRecorded, recording } from './digests/check.js';
import { computes, engines, subjects } from './digests/cases.js';
import { sweepDigests } from './digests/compute.js';

const workers = recording ? 1 : 2;

describe.skipIf(!comparable).each(engines)('results are those recorded, $name', (engine) => {
  const own = subjects.filter((subject) => computes(engine, subject));
  let digests: Awaited<ReturnType<typeof sweepDigests>>;
  beforeAll(async () => {
    digests = await sweepDigests(
      own.map((subject) => ({ engine, subject })),
      workers,
    );
  });

  it.each(own.map(({ name }, i) => [name, i] as const))('%s', (name, i) =>
    expectRecorded(engine.name, name, digests[i]),
  );
});
