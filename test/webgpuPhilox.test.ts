/** Random numbers drawn on the webgpu device against those drawn on the host. */
import * as tf from '@tensorflow/tfjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { drawnOnDevice } from '../kernels/webgpu/philox.js';
import { closeBackends } from '../src/backend/useBackend.js';
import type { Factors } from '../src/problem/factors.js';
import { checkConfig } from '../src/input/checkConfig.js';
import { normals, philox4x32, streams } from '../src/numbers/philox.js';
import { openDevice, type Device } from '../src/solver/device.js';
import { solve } from '../src/solver/solve.js';
import { sweepSchema } from '../src/sweep/config.js';
import { member, type Member } from '../src/ensemble/member.js';
import { makePlan } from '../src/sweep/plan.js';
import { relativeError } from './support.js';
import { available } from './backends.js';

let device: Device;

const noWebgpu = !(await available('webgpu'));

describe.skipIf(noWebgpu)('random numbers on the webgpu device', () => {
  let check: Device['check'];
  beforeAll(async () => {
    ({ check } = device = await openDevice('webgpu', { workers: 1 }));
    await tf.setBackend('webgpu');
  });
  afterAll(closeBackends);

  const keys = [
    { seed: 0, rank: 0, trial: 0 },
    { seed: 2 ** 53 - 1, rank: 7, trial: 2 ** 32 - 1 },
    { seed: 123456789012, rank: 64, trial: 3 },
  ];

  it('gives the words of the host to the last bit', async () => {
    const tensor = drawnOnDevice('words', 4001, keys, 'loraA');
    const words = Uint32Array.from(await tensor.data());
    await check();
    // The known answer of Random123 for counter 0 and key 0.
    expect([...words.subarray(0, 4)]).toEqual([0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8]);
    keys.forEach(({ seed, rank, trial }, row) => {
      const key = [seed >>> 0, Math.floor(seed / 2 ** 32)] as const;
      const expected = Array.from({ length: 1001 }, (_, block) =>
        philox4x32([block, streams.loraA, rank, trial], key),
      ).flat();
      expect([...words.subarray(4001 * row, 4001 * (row + 1))]).toEqual(expected.slice(0, 4001));
    });
    tensor.dispose();
  });

  it('gives the normal numbers of the host to 1e-6', async () => {
    const count = 200_001;
    const tensor = drawnOnDevice('normals', count, keys, 'mixing');
    const drawn = await tensor.data();
    await check();
    let worst = 0;
    keys.forEach((key, row) =>
      normals(count, key, 'mixing').forEach((z, i) => {
        worst = Math.max(worst, Math.abs(drawn[row * count + i]! - z));
      }),
    );
    expect(worst).toBeLessThan(1e-6);
    expect(worst).toBeGreaterThan(0);
    tensor.dispose();
  });

  it.each(['gaussian:0.3', 'small:0.2', 'zero-a'])(
    'starts trajectories of %s as the host does',
    async (spec) => {
      const { cells } = await makePlan(
        checkConfig(sweepSchema, {
          ...{
            spectrum: 'power:1',
            vectors: 'random',
            shape: ['11x7'],
            ranks: [1, 3],
            init: [spec],
            time: 2,
          },
          ...{ lrRatioA: 2, lrRatioB: 0.6, alpha: 1.3 },
        }),
      );
      const { method, stop } = cells[0]!;
      const members = cells.flatMap((cell) => [0, 5].map((trial) => member(cell, trial, 9)));
      const run = (of: readonly Member[]) =>
        solve(
          { problem: cells[0]!.problem, members: of },
          {
            method,
            stop: { ...stop, maxSteps: 1 },
            chunk: 2,
            kernel: 'fused',
            device,
          },
        ).all();
      expect(members.every(({ drawn }) => drawn)).toBe(true);
      const there = await run(members);
      const here = await run(members.map((each) => ({ ...each, drawn: null })));
      await check();
      for (const [i, { factors }] of there.entries()) {
        const { x, y } = here[i]!.factors;
        const both = (of: Factors) => [...of.x.data, ...of.y.data];
        expect(relativeError(both(factors), both({ x, y }))).toBeLessThan(1e-5);
        expect(relativeError(both(factors), both(here[i ^ 1]!.factors))).toBeGreaterThan(1e-2);
      }
    },
  );

  it('draws a trajectory itself whatever others start from', async () => {
    const config = {
      spectrum: 'power:1',
      shape: ['9x6'],
      ranks: [2],
      init: ['gaussian', 'kaiming'],
      time: 1,
    };
    const { cells } = await makePlan(checkConfig(sweepSchema, config));
    const { method, stop } = cells[0]!;
    const options = { method, stop, chunk: 4, kernel: 'fused' } as const;
    const [drawn, given] = cells.map((cell) => member(cell, 0, 3));
    expect([drawn!.drawn === null, given!.drawn === null]).toEqual([false, true]);
    const [alone] = await solve(
      { problem: cells[0]!.problem, members: [drawn!] },
      { ...options, device },
    ).all();
    const among = await solve(
      { problem: cells[0]!.problem, members: [given!, drawn!, given!] },
      { ...options, device },
    ).all();
    await check();
    expect(among[1]!.factors).toEqual(alone!.factors);
    expect(among[0]!.factors).toEqual(among[2]!.factors);
  });
});
