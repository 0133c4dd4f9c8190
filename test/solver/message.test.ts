/** Trajectories that workers send, and starts that they draw: the same, bit by bit, as in the thread that asks. */
import { describe, expect, it } from 'vitest';
import { writeDrawn } from '../../src/ensemble/drawn.js';
import { initialization } from '../../src/ensemble/initialization.js';
import { member, type MemberLaw } from '../../src/ensemble/member.js';
import { outcomes, type Outcome } from '../../src/method/outcome.js';
import { dense } from '../../src/numbers/dense.js';
import { frobeniusFromSpectrum } from '../../src/problem/frobenius.js';
import type { Chunk, Trajectory } from '../../src/solver/chunk.js';
import { fromMessage, toMessage } from '../../src/solver/message.js';

const saveTimes = [0, 1, 2, 4];

/** A trajectory that came to so many save times, all of whose numbers tell it from others. */
function trajectory(number: number, rank: number, kept: number, outcome: Outcome, risk: boolean): Trajectory {
  const at = (time: number) => ({ time, loss: number + time / 7, risk: risk ? number - time / 3 : null });
  const last = {
    ...at(3.5),
    ...{ gradientNorm: number / 9, balancedness: number % 2 ? null : -0, distance: null, excess: Infinity },
    ...{ singularValues: null, observables: null },
  };
  const numbers = (rows: number) => Float64Array.from({ length: rows * rank }, (_, i) => number + i / 11);
  return {
    ...{ outcome, time: 3.5, acceptedSteps: 10 + number, rejectedSteps: number, evaluations: 60 },
    saved: saveTimes.map((time, k) => (k < kept ? at(time) : outcome === 'stationary' ? last : null)),
    last,
    factors: { x: dense(3, rank, numbers(3)), y: dense(2, rank, numbers(2)) },
  };
}

const chunkOf = (trajectories: readonly Trajectory[], risk: boolean, detail: Chunk['detail']) =>
  ({
    problem: { n: 3, m: 2, structure: { kind: 'trace' }, ...(risk && { risk: {} }) },
    ...{ detail, stop: { saveTimes } },
    starts: trajectories.map(({ factors }) => ({ rank: factors.x.cols })),
  }) as unknown as Chunk;

describe.each([true, false])('a message of trajectories, of which risks are known: %s', (risk) => {
  const all = (Object.keys(outcomes) as Outcome[]).map((outcome, i) =>
    trajectory(i, 1 + (i % 3), outcome === 'end-time' ? 4 : i % 4, outcome, risk),
  );

  it.each(['loss', 'flow'] as const)('has all of them with the detail %s, across threads', (detail) => {
    const chunk = chunkOf(all, risk, detail);
    const { message, buffers } = toMessage(all, chunk);
    const bytes = all.reduce((sum, { factors: { x, y } }) => sum + x.data.length + y.data.length, 0) * 8;
    const received = structuredClone(message, { transfer: [...buffers] });
    expect([buffers[0]!.byteLength, received.factors.byteLength]).toEqual([0, bytes]);
    expect([...fromMessage(received, chunk)]).toStrictEqual(all);
  });

  it('is not of others', () => {
    const chunk = chunkOf(all, risk, 'loss');
    const received = toMessage(all.toReversed(), { ...chunk, starts: chunk.starts.toReversed() }).message;
    const [first] = fromMessage(received, { ...chunk, starts: chunk.starts.toReversed() });
    expect(first).toStrictEqual(all.at(-1));
    expect(first).not.toEqual(all[0]);
  });
});

describe.each(['gaussian', 'gaussian:0.3', 'small:0.02', 'zero-a:0.7'])('draws of %s', (name) => {
  it.each([Float64Array, Float32Array])('are written with the digits of their members: %o', (Numbers) => {
    const problem = frobeniusFromSpectrum(Float64Array.of(3, 2, 1), 5, 4);
    const coefficients = { scale: 1.7, lrRatioA: 0.4, lrRatioB: 1.3 };
    const law: MemberLaw = { problem, rank: 3, initialization: initialization(name), coefficients, draw: 2 };
    const own = member(law, 5, 11);
    const written = new Numbers(9 * 3);
    writeDrawn(own.drawn!, 5, 4, written);
    const { x, y } = own.initial();
    expect(written).toEqual(Numbers.from([...x.data, ...y.data]));
    // One object, which is sent to a worker once.
    expect(member(law, 6, 12).drawn!.law).toBe(own.drawn!.law);
    expect(own.drawn!.key).toEqual({ seed: 11, rank: 3, trial: 5, draw: 2 });
  });
});
