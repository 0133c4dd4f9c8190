/**
 * Checks of the equations of every flow: automatic differentiation of the composed loss, or its central differences, and
 * then the rule as it is defined, in float64; against what the kernels compute.
 */
import { atMost, tightest, type Check, type CheckContext, type Measurement } from '../../check.js';
import type { Case } from '../../cases.js';
import { slopeByDefinition } from '../../means/definitions.js';
import { deviceField, hostField, slopesByAutodiff, slopeByDifferences, stateOf } from '../../means/fields.js';
import { flowBudget, relativeError } from '../../means/precision.js';
import type { State64 } from '../../../../kernels/cpu/state.js';
import { gradientFlow } from '../../../flow/flow.js';
import { conditionOf, flowCases } from './cases.js';

/** Every rule, with a damping and without where a jump is not met by rounding; and both weight decays. */
const SPECS = ['scaled', 'scaled:0.1', 'projected', 'projected:0.1', 'spectral', 'spectral:0.1', 'sign:0.1'];
const DECAY = { decay: 0.3, coupledDecay: 0.2 };

/** The gradients [gB, gA] of a case, from its plain gradient flow. */
const gradientsOf = (at: Case, slopes: State64): State64 => {
  const { lrRatioA, lrRatioB } = at.coefficients;
  return [slopes[0]!.map((value) => -value / lrRatioB), slopes[1]!.map((value) => -value / lrRatioA)];
};

const autodiff: Check = {
  id: 'flows/autodiff',
  claim:
    'scaled, projected, spectral and sign flows with decay are their rules of the gradient that automatic differentiation finds',
  source: 'definitions of the flows (src/flow/rules.ts)',
  on: 'backend',
  scope: 'any-loss',
  async measure(context) {
    const all: Measurement[] = [];
    for (const at of flowCases(context, SPECS, DECAY, 2)) {
      const states = at.adapters.map(stateOf);
      const device = deviceField(context.subject, at);
      const actual = await device.field(states);
      device.dispose();
      const expected = await slopesByAutodiff(at, states);
      const plain = await slopesByAutodiff({ ...at, flow: gradientFlow }, states);
      const { to, reason } = flowBudget(context.backend, at);
      actual.forEach((slope, i) => {
        const condition = conditionOf(at, states[i]!, gradientsOf(at, plain[i]!));
        const allowed = atMost(
          to * condition,
          `${reason}, times the condition ${condition.toPrecision(2)} of what the rule divides by`,
        );
        all.push({ measured: relativeError(slope, expected[i]!), allowed, where: at.name });
      });
    }
    return tightest(all);
  },
};

const host: Check = {
  id: 'flows/float64',
  claim: 'in float64 they are their rules of the gradient by central differences of the loss',
  source: 'definitions of the flows (src/flow/rules.ts)',
  on: 'host',
  async measure(context: CheckContext) {
    const all: Measurement[] = [];
    for (const at of flowCases(context, SPECS, DECAY, 2)) {
      if (at.problem.structure.kind === 'autodiff') continue;
      const states = at.adapters.map(stateOf);
      const field = hostField(context.subject, at)!;
      states.forEach((state, i) => {
        const plain = slopeByDifferences({ ...at, flow: gradientFlow }, at.definition.host!, state);
        const gradients = gradientsOf(at, plain);
        const condition = conditionOf(at, state, gradients);
        all.push({
          measured: relativeError(field([state])[0]!, slopeByDefinition(at, state, gradients)),
          allowed: atMost(
            1e-9 * condition,
            `truncation and rounding of five-point differences, times the condition ${condition.toPrecision(2)} of what the rule divides by`,
          ),
          where: `${at.name}, adapter ${i}`,
        });
      });
    }
    return tightest(all);
  },
};

export const equationChecks: readonly Check[] = [autodiff, host];
