/** What is said of trials that do not follow the gradient flow: where they end, and nothing that is known of it alone. */
import { beforeAll, describe, expect, it } from 'vitest';
import { checkConfig } from '../../src/input/checkConfig.js';
import type { MethodName } from '../../src/method/methods.js';
import { dense } from '../../src/numbers/dense.js';
import type { Factors } from '../../src/problem/factors.js';
import { simulationFigures } from '../../src/report/plots.js';
import { sweep } from '../../src/run/sweep.js';
import { simulationSchema, type SimulationInput } from '../../src/simulation/config.js';
import { planSimulation } from '../../src/simulation/plan.js';
import { simulate, simulationReport } from '../../src/simulation/simulate.js';
import { openDevice, type Device } from '../../src/solver/device.js';
import { sweepSchema, type SweepInput } from '../../src/sweep/config.js';
import { makePlan } from '../../src/sweep/plan.js';
import { endOf } from '../../src/sweep/stationarity.js';
import { theoryRows } from '../../src/sweep/theory.js';
import { provenance } from '../report/support.js';

const sigma = [2, 1, 0.5];

/** Methods by what they take; all but the first two are no steps along a flow. */
const methods: Readonly<Record<string, Pick<SweepInput, 'method' | 'step' | 'momentum' | 'schedule'>>> = {
  dopri5: { method: 'dopri5' },
  gd: { method: 'gd-simultaneous', step: 0.01 },
  adamw: { method: 'adamw', step: 0.01 },
  muon: { method: 'muon', step: 0.01 },
  momentum: { method: 'gd-simultaneous', step: 0.01, momentum: 0.9 },
  schedule: { method: 'gd-simultaneous', step: 0.01, schedule: 'cosine' },
};
const followers = ['dopri5', 'gd'];

describe('a stationary end', () => {
  /** The end of rank one that is said of factors x, y where s B A = x y^T. */
  const said = async (
    name: string,
    x: readonly number[],
    y: readonly number[],
    more: Partial<SimulationInput>,
  ) => {
    const config = {
      spectrum: sigma,
      shape: '3x3',
      rank: 1,
      init: 'small',
      time: 1,
      ...methods[name],
      ...more,
    };
    const plan = await planSimulation(checkConfig(simulationSchema, config));
    const factors: Factors = { x: dense(3, 1, Float64Array.from(x)), y: dense(3, 1, Float64Array.from(y)) };
    const update = x.map((a) => y.map((b) => a * b));
    const loss = update.flat().reduce((sum, w, k) => sum + (w - (k % 4 ? 0 : sigma[k / 4]!)) ** 2, 0) / 2;
    return endOf(plan, 'float64', { outcome: 'stationary', factors, last: { loss } as never });
  };
  const y = [1, -2, 0.5];
  const square = y.reduce((sum, each) => sum + each * each, 0);
  // The least squares of x against the frozen y: x = E y / |y|^2.
  const least = y.map((each, i) => (sigma[i]! * each) / square);

  it.each(Object.keys(methods))('under decay is known of the flow, here by %s', async (name) => {
    const root = Math.sqrt(sigma[0]! - 0.5);
    const threshold = await said(name, [root, 0, 0], [root, 0, 0], { decay: 0.5 });
    const shrunk = least.map((each) => (each * square) / (square + 0.5));
    const frozen = await said(name, shrunk, y, { decay: 0.5, lrRatioA: 0 });
    expect([threshold, frozen]).toEqual(Array(2).fill(followers.includes(name) ? 'end' : 'unknown'));
  });

  it.each(Object.keys(methods))(
    'with a frozen factor is the least loss over the other, by %s',
    async (name) => {
      for (const scale of [1, 2]) {
        expect(await said(name, least, y, { lrRatioA: 0, scale })).toBe('end');
        expect(await said(name, y, least, { lrRatioB: 0, scale })).toBe('end');
        expect(
          await said(
            name,
            least.map((each) => 0.9 * each),
            y,
            { lrRatioA: 0, scale },
          ),
        ).toBe('before-end');
      }
    },
  );
});

describe('what is known of the flow alone', () => {
  const clean: SweepInput = {
    ...{ spectrum: [3], shape: ['32x40'], ranks: [1], trials: 2, time: 0.02, saveTimes: [0.01], steady: 1 },
    ...{ backend: 'cpu', workers: 1 },
  };
  const knownOf = async (input: SweepInput) => {
    const [cell] = await sweep(input);
    const { law, zScore, riskLaw, accuracyBias } = cell!;
    const { closedForm, closedFormRisk, fullFineTuning, fullFineTuningRisk } = cell!.curve[0]!;
    const all = { law, zScore, riskLaw, accuracyBias, closedForm, closedFormRisk };
    const known = Object.entries({ ...all, fullFineTuning, fullFineTuningRisk }).filter(
      ([, value]) => value !== null,
    );
    return known.map(([name]) => name);
  };
  const settings: readonly (readonly [string, Partial<SweepInput>, readonly string[]])[] = [
    [
      'a balanced start',
      { init: ['balanced:0.1'], trials: 1 },
      ['law', 'accuracyBias', 'closedForm', 'fullFineTuning'],
    ],
    ['decay', { init: ['aligned:0.1'], trials: 1, decay: 0.3 }, ['law', 'closedForm', 'fullFineTuning']],
    ['a frozen factor', { init: ['gaussian:0.1'], lrRatioA: 0 }, ['law', 'zScore', 'fullFineTuning']],
    [
      'noise, of one draw',
      { init: ['balanced:0.1'], trials: 1, noise: 0.3 },
      [
        ...['law', 'riskLaw', 'accuracyBias', 'closedForm', 'closedFormRisk'],
        ...['fullFineTuning', 'fullFineTuningRisk'],
      ],
    ],
    ['noise, of several draws', { noise: 0.3, draws: 2 }, ['riskLaw', 'accuracyBias', 'fullFineTuningRisk']],
  ];
  describe.each(settings)('under %s', (_, setting, known) => {
    it('is there along the flow', async () => {
      expect(await knownOf({ ...clean, ...methods['gd'], ...setting })).toEqual(known);
    });

    it.each(Object.keys(methods).filter((name) => !followers.includes(name)))(
      'is null beside %s',
      async (name) => {
        expect(await knownOf({ ...clean, ...methods[name], ...setting })).toEqual([]);
      },
    );
  });

  it.each(Object.keys(methods))('is in theory of flows alone, here of %s', async (name) => {
    const input = { ...clean, init: ['balanced:0.1'], ...methods[name] };
    const [row] = theoryRows(await makePlan(checkConfig(sweepSchema, input)), 0.3);
    const { law, distance, rate, noise } = row!;
    const isKnown = [law, distance, rate, noise].map((value) => value !== null);
    expect(isKnown).toEqual(Array(4).fill(followers.includes(name)));
  });

  it('has no full fine-tuning beside a flow of unit steps', async () => {
    const unit = {
      ...clean,
      ...methods['gd'],
      init: ['aligned:0.1'],
      flow: ['spectral'],
      method: 'rk4' as MethodName,
    };
    expect(await knownOf(unit)).not.toContain('fullFineTuning');
  });
});

describe('a simulation', () => {
  let device: Device;
  beforeAll(async () => void (device = await openDevice('cpu', { workers: 1 })));

  const reportOf = async (name: string, more: Partial<SimulationInput>) => {
    const config = { spectrum: [2, 1], shape: '6x8', rank: 2, trials: 1, time: 0.02, noise: 0.2, ...more };
    const plan = await planSimulation(checkConfig(simulationSchema, { ...config, ...methods[name] }));
    return simulationReport(await simulate(plan, device), provenance);
  };
  const balancedness = (report: Awaited<ReturnType<typeof reportOf>>) =>
    simulationFigures(report).find(({ id }) => id === 'balancedness')?.caption;

  it('of the flow has full fine-tuning beside it, and says what it keeps', async () => {
    const report = await reportOf('gd', { init: 'balanced:0.1' });
    expect(report.fullFineTuningLoss).not.toBeNull();
    expect(report.risk).toMatchObject({ closedForm: expect.any(Array), fullFineTuning: expect.any(Array) });
    expect(report.title).toBe('frobenius, 6 x 8, balanced:0.1, noise 0.2');
    expect(balancedness(report)).toMatch(/^The flow conserves it/);
  });

  it('of another method has none, nor a closed form, and says what it is of', async () => {
    const report = await reportOf('adamw', { init: 'balanced:0.1', decay: 0.3 });
    expect(report).toMatchObject({ fullFineTuningLoss: null, fullFineTuningEnd: null, closedForm: null });
    expect(report.risk).toMatchObject({ closedForm: null, fullFineTuning: null });
    expect(report.title).toBe('frobenius, 6 x 8, balanced:0.1, adamw, decay 0.3, noise 0.2');
    expect(balancedness(report)).not.toMatch(/^The flow conserves it/);
  });

  it('under decay says that full fine-tuning has none, and with a frozen factor draws no balancedness', async () => {
    const report = await reportOf('gd', { init: 'gaussian', decay: 0.3, lrRatioA: 0 });
    const [loss] = simulationFigures(report);
    expect(loss!.caption).toContain('Full fine-tuning is the gradient flow of W, without decay.');
    expect(report.title).toContain('frozen A, decay 0.3');
    expect(balancedness(report)).toBeUndefined();
  });
});
