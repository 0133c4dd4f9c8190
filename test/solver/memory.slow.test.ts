/** Tensors held against those held before: none is left by a solution, nor by one that fails. */
import * as tf from '@tensorflow/tfjs';
import { beforeAll, expect, it } from 'vitest';
import { method } from '../../src/method/methods.js';
import { frobeniusFromSpectrum } from '../../src/problem/frobenius.js';
import { linearRegression } from '../../src/problem/linearRegression.js';
import type { Problem } from '../../src/problem/problem.js';
import { namedSpectrum } from '../../src/problem/spectrum.js';
import { traceSquared } from '../../src/problem/traceSquared.js';
import type { Member } from '../../src/ensemble/member.js';
import type { Device } from '../../src/solver/device.js';
import { solve } from '../../src/solver/solve.js';
import { eachBackend, covariance, gaussian, plain, useBackend } from '../support.js';
import { adaptive, until, linspace, trace, drawnMember, quarticLoss, customProblem } from './support.js';

let device: Device;

eachBackend('memory on %s', (backend) => {
  beforeAll(async () => void (device = await useBackend(backend)));

  const problems: [string, Problem][] = [
    ['diagonal', frobeniusFromSpectrum(namedSpectrum('power:1', 10), 12, 10)],
    ['linear regression', linearRegression(gaussian(12, 10, 50, 0.3), covariance(10, 51))],
    ['trace-squared', traceSquared(10, 1)],
    ['custom', customProblem('quartic', gaussian(12, 10, 52, 0.3), quarticLoss(10))],
  ];
  const methods = [adaptive, method('rk4', { step: 0.05 }), method('gd-a-then-b', { step: 0.05 })];

  it.each(problems)('%s leaves no tensor behind', async (_, problem) => {
    for (const how of methods) {
      const before = tf.memory().numTensors;
      const members = [0, 1, 2, 3, 4].map((trial) =>
        drawnMember(problem, 'small:0.3', 2, trial, { ...plain, scale: 1 + 3 * trial }),
      );
      await solve(
        { problem, members },
        {
          method: how,
          stop: until([0, 1, 2, 20], { steadyTolerance: 1e-2 }),
          chunk: 3,
          device,
        },
      ).all();
      expect(tf.memory().numTensors).toBe(before);
    }
  });

  it.each(problems)('%s holds the same tensors at every save time', async (_, problem) => {
    for (const how of methods) {
      const { x, y } = drawnMember(problem, 'small:0.3', 2, 0, plain).initial();
      const { saved } = await trace(problem, { x, y }, how, until(linspace(0.5, 8, 16)), 1);
      expect(new Set(saved.map((seen) => seen!.tensors)).size).toBe(1);
    }
  });

  it('nothing is left after a failure', async () => {
    const problem = problems[0]![1];
    const before = tf.memory().numTensors;
    const failing = { ...drawnMember(problem, 'gaussian', 2, 0, plain) };
    const broken: Member = {
      ...failing,
      initial: () => {
        throw new Error('no start');
      },
    };
    await expect(
      solve({ problem, members: [broken] }, { method: adaptive, stop: until([1]), chunk: 1, device }).all(),
    ).rejects.toThrow('no start');
    expect(tf.memory().numTensors).toBe(before);
  });
});
