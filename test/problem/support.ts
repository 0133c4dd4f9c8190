/** What the tests of problems share: the sides of small ones, and the value and gradient of built-in ones. */
import type { Dense } from '../../src/numbers/dense.js';
import type { Problem } from '../../src/problem/problem.js';

export const [n, m] = [9, 6];

export const valueAndGradient = (problem: Problem, update: Dense) => problem.valueAndGradient(update)!;
