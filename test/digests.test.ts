/**
 * Results are what they were, bit by bit: digests of small sweeps, of a simulation and of the closed forms, as the
 * built command computes them, against recorded ones (see digests/check.ts for recording). This is the fast part: each
 * engine once (without fused multiply-add), each kind of input and output once. digests.slow.test.ts has the whole.
 */
import { beforeAll, describe, expect, it } from 'vitest';
import { comparable, expectDigests, expectRecorded } from './digests/check.js';
import { custom, engines, files, initializations } from './digests/cases.js';
import {
  readRecord,
  simulationDigests,
  summaryDigests,
  sweepDigests,
  theoryDigests,
} from './digests/compute.js';
import { digestOfRows } from './digests/digest.js';

const engineOf = (name: string) => engines.find((engine) => engine.name === name)!;

/** Sweeps that are computed in one process. */
const sweeps = [
  ...engines
    .filter(({ fusedKernel }) => fusedKernel !== 'wasm-relaxed-simd')
    .map((engine) => ({ engine, subject: initializations })),
  { engine: engineOf('wasm-fused-float32'), subject: files },
  { engine: engineOf('wasm-tensor-ops-float32'), subject: custom },
];

describe.skipIf(!comparable)('results are those recorded', () => {
  let digests: Awaited<ReturnType<typeof sweepDigests>>;
  beforeAll(async () => void (digests = await sweepDigests(sweeps, 1)));

  it.each(sweeps.map(({ engine, subject }, i) => [subject.name, engine.name, i] as const))(
    'of %s, %s',
    (subject, engine, i) => expectRecorded(engine, subject, digests[i]),
  );

  it('of the summary of a sweep', async () => {
    const engine = engineOf('wasm-fused-float32');
    expectRecorded('tables', 'sweep', await summaryDigests(engine, initializations));
  });

  it('of a simulation', async () => {
    expectRecorded('tables', 'simulation', await simulationDigests(engineOf('wasm-fused-float32')));
  });

  it('of the closed forms', async () => {
    const digests = await theoryDigests(
      '--loss frobenius,trace-squared,linear-regression --covariance exp:0.8 --spectrum power:1 --shape 6x6 --ranks 1,2,3 --init kaiming,gaussian:0.3,spectral --scaling none,lora --alpha 3',
    );
    expectRecorded('tables', 'theory', digests);
  });
});

describe('a digest', () => {
  const row = { loss: 0.1, name: 'a', floor: 0, rate: null };
  const columns = Object.keys(row);
  const digest = digestOfRows([row], columns);

  it.each([
    ['the last bit of a number', { loss: 0.1 + 2 ** -56 }],
    ['the sign of zero', { floor: -0 }],
    ['a text', { name: 'b' }],
    ['a number for null', { rate: 0 }],
    ['a text for a number', { loss: '0.1' }],
  ])('is another for %s', (_, change) => {
    expect(digestOfRows([{ ...row, ...change }], columns)).not.toBe(digest);
  });

  it('is another for another order of rows, and the same for a copy', () => {
    const other = { ...row, loss: 0.2 };
    expect(digestOfRows([row, other], columns)).not.toBe(digestOfRows([other, row], columns));
    expect(digestOfRows([{ ...row }], columns)).toBe(digest);
  });

  it('needs every column', () => {
    expect(() => digestOfRows([{ loss: 1 }], columns)).toThrow('no column name');
  });

  it('fails where it differs from its record, or has none', () => {
    const recorded = readRecord('wasm-fused-float32')[initializations.name]!;
    const [first] = Object.keys(recorded);
    expectDigests(recorded, recorded);
    expect(() => expectDigests({ ...recorded, [first!]: digest }, recorded)).toThrow('to match');
    expect(() => expectDigests(recorded, undefined)).toThrow('a record');
  });
});
