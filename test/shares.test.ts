/** The shares of a command's time (benchmarks/shares.ts), of a profile that is made up. */
import { expect, it } from 'vitest';
import { sharesOf, type Profile } from '../benchmarks/shares.js';

const node = (id: number, functionName: string, url: string, ...children: number[]) => ({
  ...{ id, callFrame: { functionName, url } },
  children,
});

const profile: Profile = {
  nodes: [
    node(1, '(root)', '', 2, 6, 7, 9),
    node(2, 'solve', 'file:///dist/src/solver/solve.js', 3, 8),
    node(3, 'advance', 'file:///dist/kernels/wasm/kernel.js', 4, 5),
    node(4, 'wasm-function[1]', 'wasm://wasm/1'),
    node(5, 'memoryPlan', 'file:///dist/kernels/wasm/memory.js'),
    node(6, '(idle)', ''),
    node(7, '(garbage collector)', ''),
    node(8, 'observe', 'file:///dist/kernels/wasm/observe.js'),
    node(9, 'toString', ''),
  ],
  samples: [2, 3, 4, 5, 6, 7, 8, 9],
  timeDeltas: [1e6, 2e6, 4e6, 8e6, 16e6, 32e6, 64e6, 128e6],
};

it('gives a sample to the innermost call that is known, and leaves out what was idle', () => {
  expect(Object.fromEntries(sharesOf(profile))).toEqual({
    ...{ 'solver and transfers': 1, kernel: 14, garbage: 32, observation: 64, other: 128 },
  });
});
