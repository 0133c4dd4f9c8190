/** Computed starts in plans: which problem they move on, which factor they freeze, and where the model starts. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { member } from '../src/ensemble/member.js';
import { checkConfig } from '../src/input/checkConfig.js';
import { multiply } from '../src/numbers/products.js';
import { norm } from '../src/numbers/norm.js';
import { outOfFrame } from '../src/problem/factors.js';
import { pathOf } from '../src/sweep/law.js';
import { makePlan } from '../src/sweep/plan.js';
import { sweepSchema } from '../src/sweep/config.js';
import { theoryProblems } from '../src/sweep/theoryProblem.js';
import { theoryRows } from '../src/sweep/theory.js';
import { gaussian, product, relativeError } from './support.js';

const folder = mkdtempSync(join(tmpdir(), 'rankflow-'));
afterAll(() => rmSync(folder, { recursive: true }));

const csv = (name: string, seed: number) => {
  const { data } = gaussian(6, 5, seed);
  const rows = Array.from({ length: 6 }, (_, i) => data.slice(5 * i, 5 * i + 5).join(','));
  writeFileSync(join(folder, name), rows.join('\n'));
  return join(folder, name);
};
const [target, base] = [csv('m.csv', 1), csv('w0.csv', 2)];

const planOf = (config: object) => makePlan(checkConfig(sweepSchema, { ranks: [2], alpha: 3, ...config }));

/** f at the start of the only cell, and f(W0). */
async function startingLoss(config: object) {
  const { cells } = await planOf(config);
  const [cell] = cells;
  const { problem } = cell!;
  const factors = member(cell!, 0, 0).initial();
  return {
    cell: cell!,
    loss: problem.valueAndGradient(product(factors))!.value,
    atBase: problem.initialLoss!,
  };
}

describe.each([
  ['matrices of files', { target, base }],
  ['a spectrum', { spectrum: [3, 2, 1, 0.5], shape: ['5x4'] }],
  ['a spectrum along random vectors', { spectrum: [3, 2, 1, 0.5], shape: ['5x4'], vectors: 'random' }],
])('of %s', (_, source) => {
  const losses = [{}, { loss: ['linear-regression'], covariance: 'exp:0.4' }];

  it.each(['lora-ga', 'lora-ga-paper'])('%s starts the model at W0', async (init) => {
    for (const loss of losses) {
      const { cell, loss: start, atBase } = await startingLoss({ ...source, ...loss, init: [init] });
      expect(Math.abs(start / atBase - 1)).toBeLessThan(1e-12);
      expect(cell.trials).toBe(1);
      // Another problem than that of starts that leave W0.
      const { cells } = await planOf({ ...source, ...loss, init: ['spectral'] });
      expect(cell.problem.optimum(2)).not.toBeCloseTo(cells[0]!.problem.optimum(2)!, 6);
    }
  });

  it('lora-one starts below f(W0), on the problem itself', async () => {
    for (const loss of losses) {
      const { cell, loss: start, atBase } = await startingLoss({ ...source, ...loss, init: ['lora-one'] });
      expect(start).toBeLessThan(atBase);
      const { cells } = await planOf({ ...source, ...loss, init: ['spectral'] });
      expect(cell.problem.optimum(2)).toBeCloseTo(cells[0]!.problem.optimum(2)!, 12);
    }
  });
});

describe('of a base matrix', () => {
  it.each(['pissa', 'olora'])('%s starts the model at W0', async (init) => {
    const { loss, atBase } = await startingLoss({ target, base, init: [init] });
    expect(Math.abs(loss / atBase - 1)).toBeLessThan(1e-12);
  });

  it.each(['pissa', 'olora'])('%s has the path of a frozen factor from W0', async (init) => {
    const { cells } = await planOf({ target, base, init: [init], lrRatioA: 0, alpha: 1 });
    const { problem } = cells[0]!;
    const path = pathOf(cells[0]!, 0, 0)!;
    expect(path.loss(0) / problem.initialLoss!).toBeCloseTo(1, 12);
    // It falls from there by the square of the gradient G Y of the other factor.
    const { x, y } = member(cells[0]!, 0, 0).initial();
    const { gradient } = problem.valueAndGradient(product({ x, y }))!;
    const descent = norm(multiply(gradient, y).data) ** 2;
    const h = 1e-6;
    expect((path.loss(0) - path.loss(h)) / (h * descent)).toBeCloseTo(1, 4);
  });

  it.each(['pissa', 'olora'])('%s has full fine-tuning from W0 under noise too', async (init) => {
    const { cells } = await planOf({ target, base, init: [init, 'kaiming'], noise: 0.5 });
    const [moved, plain] = cells.map(({ problem }) => problem);
    for (const t of [0, 0.7]) {
      expect(moved!.fullFineTuningRisk!(t) / plain!.fullFineTuningRisk!(t)).toBeCloseTo(1, 12);
      expect(moved!.fullFineTuningLoss(t)! / plain!.fullFineTuningLoss(t)!).toBeCloseTo(1, 12);
    }
    expect(moved!.fullFineTuningRisk!(0) / moved!.risk!.scale).toBeCloseTo(1, 12);
  });

  it('mica freezes B, whatever its learning rate, and other starts do not', async () => {
    const { cells } = await planOf({ target, base, init: ['mica', 'kaiming'], lrRatioB: 4 });
    expect(cells.map(({ coefficients }) => coefficients.lrRatioB)).toEqual([0, 4]);
  });

  it('the covariance gives eva its rows, in the coordinates of W', async () => {
    const { cells } = await planOf({
      ...{ target, base, init: ['eva'], loss: ['linear-regression'], covariance: 'exp:0.4' },
    });
    const { y } = outOfFrame(member(cells[0]!, 0, 0).initial(), cells[0]!.problem.frame);
    // The covariance is diagonal, its largest entries first: the rows are along the first axes.
    const along = [0, 1].map(
      (j) => Math.abs(y.data[j * 2 + j]!) / Math.hypot(...[0, 1, 2, 3, 4].map((i) => y.data[i * 2 + j]!)),
    );
    expect(relativeError(along, [1, 1])).toBeLessThan(1e-12);
  });
});

it('theory gives the optimum of a start on its own problem', async () => {
  const config = checkConfig(sweepSchema, {
    target,
    base,
    ranks: [2],
    init: ['lora-ga', 'lora-one', 'kaiming'],
  });
  const plan = await makePlan(
    config,
    theoryProblems(config, () => undefined),
  );
  const [moved, one, drawn] = theoryRows(plan);
  expect(one!.optimum).toBeCloseTo(drawn!.optimum!, 12);
  expect(moved!.optimum).not.toBeCloseTo(drawn!.optimum!, 6);
});
