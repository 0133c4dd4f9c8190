/** Checks of what may be assumed of each flow: rotations, the decay of what the gradient flow conserves, one limit of updates. */
import { flow } from '../../../flow/flow.js';
import { difference, frobeniusNorm, scaled } from '../../../numbers/dense.js';
import { trace } from '../../../problem/traceSquared.js';
import { tableaus } from '../../../method/tableaus.js';
import type { State64 } from '../../../../kernels/cpu/state.js';
import { decayingAndFrozen, Draws, firstOfEach, timeOf, type Case } from '../../cases.js';
import { around, atMost, Worst, type Check, type CheckContext } from '../../check.js';
import { grams, hostField, stateOf, tangentsByDifferences } from '../../means/fields.js';
import { DELTA } from '../../means/differences.js';
import { logSlope } from '../../means/logSlope.js';
import { relativeError, trajectoryBudget } from '../../means/precision.js';
import { randomRotation, rotatedProblem, rotatedState } from '../../means/rotation.js';
import { ends, fixedSteps } from '../../means/trajectories.js';
import { gapField } from '../schemes/modifiedEquation.js';
import { descents, flows, type Setting } from '../schemes/setting.js';
import { flowCases } from './cases.js';

const STEPS = 8;
/** Over a longer time, so that things move by their own size. */
const DECAY_STEPS = 16;
const TABLEAU = tableaus.dopri5;
/** Time over which smoothed flows of cases of size 1 move by their own size. */
const TIME = 0.5;

const decayed: Check = {
  id: 'flows/decayed-imbalance',
  claim: 'under decoupled decay mu, B^T B / kB - A A^T / kA is e^(-2 mu t) of what it was, every entry of it',
  source: 'derived from the flow',
  on: 'backend',
  scope: 'any-loss',
  async measure(context) {
    const { subject, backend } = context;
    const worst = new Worst();
    const horizon = 2;
    for (const plain of context.cases) {
      const time = timeOf(plain, horizon);
      const decay = 0.5 / time;
      const at = { ...plain, flow: flow('gradient', { decay }) };
      const starts = at.adapters.map(stateOf);
      const actual = await ends(context, at, starts, fixedSteps(TABLEAU, time, DECAY_STEPS));
      starts.forEach((start, i) => {
        const [[b0, a0], [b1, a1]] = [grams(at, start), grams(at, actual[i]!)];
        const expected = scaled(difference(b0, a0), subject.theory.imbalanceLeft(decay, time));
        worst.add(frobeniusNorm(difference(difference(b1, a1), expected)) / (trace(b0) + trace(a0)), at.name);
      });
    }
    const { to, reason } = trajectoryBudget(backend, TABLEAU.b.length * DECAY_STEPS, horizon);
    return { ...worst.result, allowed: atMost(to, reason) };
  },
};

/** |end of rotated starts - rotated ends| over the latter, of every adapter of the cases. */
async function rotatedErrors(context: CheckContext, cases: readonly Case[]): Promise<Worst> {
  const worst = new Worst();
  for (const [index, at] of cases.entries()) {
    const rotation = randomRotation(new Draws(context.seed, 'rotation', index), at);
    const rotate = (state: State64) => rotatedState(at, rotation, state);
    const other = { ...at, problem: await rotatedProblem(at, rotation) };
    const starts = at.adapters.map(stateOf);
    const run = fixedSteps(TABLEAU, TIME, STEPS);
    const expected = await ends(context, at, starts, run);
    const actual = await ends(context, other, starts.map(rotate), run);
    actual.forEach((state, i) => worst.add(relativeError(state, rotate(expected[i]!)), at.name));
  }
  return worst;
}

const equivariance: Check = {
  id: 'flows/equivariance',
  claim:
    'scaled, projected and spectral flows with decay commute with (B, A) -> (U B R, R^T A V^T), U, V, R orthogonal, as the gradient flow does',
  source: 'derived from the flows',
  on: 'backend',
  scope: 'any-loss',
  async measure(context) {
    const specs = ['scaled:0.3', 'projected:0.3', 'spectral:0.3'];
    const worst = await rotatedErrors(context, flowCases(context, specs, { decay: 0.2, coupledDecay: 0.1 }));
    const { to, reason } = trajectoryBudget(context.backend, TABLEAU.b.length * STEPS, 3);
    return { ...worst.result, allowed: atMost(4 * to, `${reason}; times 4 for the inverses of the rules`) };
  },
};

const signSymmetry: Check = {
  id: 'flows/sign-symmetry',
  claim: 'the sign flow does not: its ends from rotated starts are others, in every case',
  source: 'derived from the flow',
  on: 'backend',
  async measure(context) {
    let least: { measured: number; where: string } | null = null;
    for (const at of flowCases(context, ['sign:0.1'])) {
      // A rank of 1 in a W that is all trace has no other rotation than signs.
      if (at.rank === 1) continue;
      const { result } = await rotatedErrors(context, [at]);
      if (!(result.measured >= (least?.measured ?? Infinity))) least = result;
    }
    if (!least) throw new Error('there is no case of a rank above 1');
    return {
      ...least,
      allowed: { from: 0.01, to: Infinity, reason: 'far beyond rounding: a spectral frame would be wrong' },
    };
  },
};

/** Settings of a smooth flow, in float64 on the host. */
const settingOf = (context: CheckContext, at: Case): Setting => {
  const field = hostField(context.subject, at)!;
  return {
    subject: context.subject,
    at,
    start: stateOf(at.adapters[0]!),
    time: TIME,
    counts: [32, 64, 128, 256],
    field,
    tangentField: tangentsByDifferences(field, DELTA),
  };
};

/** Two cases of each smooth flow with decay that the host evaluates. */
const smoothCases = (context: CheckContext): Case[] =>
  ['gradient', 'scaled:0.3', 'projected:0.3', 'spectral:0.3', 'sign:0.3'].flatMap((spec) =>
    flowCases(context, [spec], { decay: 0.2, coupledDecay: 0.1 })
      .filter(({ problem: { structure } }) => structure.kind !== 'autodiff')
      .slice(0, 2),
  );

const updates: Check = {
  id: 'flows/updates',
  claim:
    'under decay and the smooth flows too, simultaneous and sequential updates are O(h) from one flow: order of their distance to it',
  source: "Rushka & Klabjan 2026's claim, of other flows; derived",
  on: 'host',
  async measure(context) {
    const worst = new Worst(1);
    for (const at of smoothCases(context)) {
      const setting = settingOf(context, at);
      const [end] = await flows(setting, setting.field, [setting.start]);
      for (const order of ['simultaneous', 'a-then-b', 'b-then-a'] as const) {
        const errors = (await descents(setting, order)).map((state) => relativeError(state, end!));
        const steps = setting.counts.map((count) => 1 / count);
        worst.add(logSlope(steps, errors).slope, `${at.name}, ${order}`);
      }
    }
    return { ...worst.result, allowed: around(1, 0.05, 'terms of second order in steps of 1/32 and less') };
  },
};

const gap: Check = {
  id: 'flows/gap',
  claim:
    "the gap between sequential and simultaneous updates, over h, is the predicted d(T) there: d' = DF d + K",
  source: 'derived from the flows',
  on: 'host',
  async measure(context) {
    const worst = new Worst();
    for (const at of smoothCases(context)) {
      const setting = settingOf(context, at);
      const sequential = ['a-then-b', 'b-then-a'] as const;
      const still = setting.start.map((z) => new Float64Array(z.length));
      const starts = sequential.map(() => [...setting.start, ...still]);
      const predicted = await flows(setting, gapField(setting, sequential), starts);
      const simultaneous = (await descents(setting, 'simultaneous')).at(-1)!;
      for (const [i, order] of sequential.entries()) {
        const end = (await descents(setting, order)).at(-1)!;
        const perStep = setting.counts.at(-1)! / setting.time;
        const over = end.map((z, c) => z.map((value, j) => (value - simultaneous[c]![j]!) * perStep));
        worst.add(relativeError(over, predicted[i]!.slice(2)), `${at.name}, ${order}`);
      }
    }
    return { ...worst.result, allowed: atMost(0.02, 'O(h), at a step of 1/256 of the time') };
  },
};

const frozenUpdates: Check = {
  id: 'flows/frozen-updates',
  claim:
    'with a frozen factor, sequential updates in either order are the simultaneous one: their largest difference',
  source: 'derived from the flow: the factor that moves sees no other one move',
  on: 'host',
  async measure(context) {
    const worst = new Worst();
    for (const at of decayingAndFrozen(firstOfEach(context.cases))) {
      const { lrRatioA, lrRatioB } = at.coefficients;
      if (lrRatioA * lrRatioB > 0 || at.problem.structure.kind === 'autodiff') continue;
      const setting = { ...settingOf(context, at), counts: [32] };
      const simultaneous = await descents(setting, 'simultaneous');
      for (const order of ['a-then-b', 'b-then-a'] as const) {
        const [end] = await descents(setting, order);
        worst.add(relativeError(end!, simultaneous[0]!), `${at.name}, ${order}`);
      }
    }
    return { ...worst.result, allowed: atMost(0, 'the same numbers in the same order') };
  },
};

export const symmetryChecks: readonly Check[] = [
  decayed,
  equivariance,
  signSymmetry,
  updates,
  gap,
  frozenUpdates,
];
