/**
 * Losses as objects, compared with the source text: rooms that plan, report and show ask a loss and name none. The
 * registries of structures are compared with the kinds that losses make.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { evaluator, hostKinds, isHostStructure } from '../kernels/cpu/evaluate.js';
import { answered, fieldOf, type Asking } from '../kernels/cpu/field.js';
import type { State64 } from '../kernels/cpu/state.js';
import { flow } from '../src/flow/flow.js';
import { motionOf } from '../src/flow/motion.js';
import { dense } from '../src/numbers/dense.js';
import { builtInLoss, checkCurvatures, defaultLoss, losses, lossNames } from '../src/problem/losses.js';
import { Draws } from '../src/verify/cases.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const rooms = ['sweep', 'report', 'lab', 'cli', 'run', 'results'];
const kinds = [...hostKinds, 'autodiff'];

/** Names of losses, and kinds of structures that something is compared with, in a source text. */
const mentions = (text: string): string[] => [
  ...lossNames.filter((name) => text.includes(`'${name}'`)),
  ...kinds.filter((kind) => new RegExp(`(kind\\s*[!=]==\\s*|case\\s+)'${kind}'`).test(text)),
];

const example = (loss: (typeof losses)[number], index: number) => {
  const draws = new Draws(3, 'case', index);
  const base = draws.matrix(5, loss.square ? 5 : 4);
  return loss.examples.map(({ make }) => make(base, draws).problem);
};

describe('rooms that ask a loss', () => {
  it.each(rooms)('name no loss and no kind of structure: %s', (room) => {
    const files = readdirSync(join(root, 'src', room), { recursive: true, encoding: 'utf8' }).filter((name) =>
      name.endsWith('.ts'),
    );
    expect(files.length).toBeGreaterThan(1);
    const faults = files
      .map((name) => ({ name, found: mentions(readFileSync(join(root, 'src', room, name), 'utf8')) }))
      .filter(({ found }) => found.length > 0);
    expect(faults).toEqual([]);
  });

  it.each([
    ["if (loss === 'trace-squared') return;", ['trace-squared']],
    ["problem.structure.kind === 'trace'", ['trace']],
    ["switch (kind) { case 'autodiff': }", ['autodiff']],
    ["'$0 sweep --loss trace-squared --ranks 1'", []],
  ])('are seen to name one in %s', (text, names) => {
    expect(mentions(text)).toEqual(names);
  });
});

describe('the registry of losses', () => {
  it('finds each by its name, and none by that of a file', () => {
    for (const loss of losses) expect(builtInLoss(loss.name)).toBe(loss);
    expect(builtInLoss('loss.ts')).toBeUndefined();
    expect(lossNames).toContain(defaultLoss);
  });

  it('has examples whose problems know their loss, in structures that the host evaluates', () => {
    losses.forEach((loss, index) => {
      for (const problem of example(loss, index)) {
        expect(problem.loss).toBe(loss);
        expect(isHostStructure(problem.structure)).toBe(true);
      }
    });
  });

  it('refuses a curvature matrix that no chosen loss takes', () => {
    expect(() => checkCurvatures({ covariance: 'h.npy' }, ['frobenius'])).toThrow(
      /invalid covariance: h\.npy.*linear-regression/,
    );
    expect(() => checkCurvatures({ covariance: 'h.npy' }, ['frobenius', 'linear-regression'])).not.toThrow();
    expect(() => checkCurvatures({}, ['frobenius'])).not.toThrow();
  });
});

describe('a flow', () => {
  const error = dense(3, 2, Float64Array.of(1, 2, 3, 4, 5, 7));
  const state = [Float64Array.of(1, 2, 3), Float64Array.of(4, 5)];

  it('moves factors by the descent: the gradient flow by nothing else', () => {
    const evaluate = evaluator({ kind: 'quadratic', error, covariance: null });
    const { dX, dY } = evaluate(state[0]!, state[1]!, 1);
    function* once(): Asking<readonly State64[]> {
      return yield [state];
    }
    expect(answered(once(), fieldOf(evaluate, 1))).toEqual([[dX, dY]]);
    const halted = motionOf({ scale: 1, lrRatioA: 0, lrRatioB: 1 });
    expect(answered(once(), fieldOf(evaluate, 1, halted))).toEqual([[dX, new Float64Array(2)]]);
    const decaying = motionOf({ scale: 2, lrRatioA: 1, lrRatioB: 1 }, flow('gradient', { decay: 3 }));
    const decayed = [dX, dY].map((d, i) => d.map((value, k) => value - 1.5 * state[i]![k]!));
    expect(answered(once(), fieldOf(evaluate, 1, decaying))).toEqual([decayed]);
  });
});
