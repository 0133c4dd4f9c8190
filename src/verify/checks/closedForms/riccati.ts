/** The scalar equation behind every closed form, z' = 2c (q z + beta - gamma z^2), against its float64 integration. */
import type { Field } from '../../../../kernels/cpu/field.js';
import type { RiccatiInput } from '../../../theory/riccati.js';
import { Draws, plans } from '../../cases.js';
import { around, atMost, Worst, type Check, type CheckContext } from '../../check.js';
import { rateRatio, timeUntil } from './simulate.js';

const SOURCE = 'derived from the flow';

/** Steps per time in which z approaches its limit by a factor e: truncation is near 200^-5. */
const STEPS = 200;

interface RiccatiCase {
  readonly name: string;
  readonly input: RiccatiInput;
  /** sqrt(q^2 + 4 beta gamma). */
  readonly d: number;
}

/** Cases with each sign of q, and with beta or gamma = 0 among them. */
function riccatiCases(context: CheckContext): RiccatiCase[] {
  return Array.from({ length: 4 * plans[context.size].perLoss }, (_, index) => {
    const draws = new Draws(context.seed, 'riccati', index);
    const q = (index % 2 ? -1 : 1) * draws.ratio();
    const beta = index % 4 === 0 ? 0 : draws.ratio();
    const gamma = index % 4 === 3 ? 0 : draws.ratio();
    const input = { c: draws.ratio(), q, beta, gamma };
    const name = Object.entries(input).map(([key, value]) => `${key} = ${value.toPrecision(3)}`);
    return { name: name.join(', '), input, d: Math.hypot(q, 2 * Math.sqrt(beta * gamma)) };
  });
}

/** z at ascending times by Runge-Kutta steps in float64. */
async function integrated(
  { subject }: CheckContext,
  { input: { c, q, beta, gamma }, d }: RiccatiCase,
  times: readonly number[],
): Promise<number[]> {
  const field: Field = (states) =>
    states.map(([z]) => [z!.map((value) => 2 * c * (q * value + beta - gamma * value * value))]);
  let states = [[Float64Array.of(1)]] as readonly (readonly Float64Array[])[];
  let slope = await field(states);
  const values: number[] = [];
  for (const [i, time] of times.entries()) {
    const duration = time - (times[i - 1] ?? 0);
    const steps = Math.ceil(duration * 2 * c * d * STEPS);
    for (let step = 0; step < steps; step++)
      ({ next: states, slope } = await subject.rungeKuttaStep(field, subject.tableaus.dopri5, states, slope, [
        duration / steps,
      ]));
    values.push(states[0]![0]![0]!);
  }
  return values;
}

const path: Check = {
  id: 'closed-forms/riccati-path',
  claim: 'z(t) and d/dt ln z of the scalar equation are those of its float64 integration',
  source: SOURCE,
  on: 'host',
  async measure(context) {
    const worst = new Worst();
    for (const one of riccatiCases(context)) {
      const { c, q, beta, gamma } = one.input;
      const times = [0.3, 1, 2, 3].map((e) => e / (2 * c * one.d));
      const closed = context.subject.theory.riccati(one.input);
      (await integrated(context, one, times)).forEach((z, i) => {
        worst.add(Math.abs(closed.at(times[i]!) / z - 1), one.name);
        const residual = q + beta / z - gamma * z;
        worst.add(
          Math.abs(closed.residual(times[i]!) - residual) / (one.d + beta / z),
          `${one.name}: d/dt ln z`,
        );
      });
    }
    return { ...worst.result, allowed: atMost(3e-11, `truncation of fifth-order steps of 1 / ${STEPS}`) };
  },
};

const limit: Check = {
  id: 'closed-forms/riccati-limit',
  claim: 'z ends at z+ = (q + D) / (2 gamma), where a float64 integration ends',
  source: SOURCE,
  on: 'host',
  async measure(context) {
    const worst = new Worst();
    for (const one of riccatiCases(context)) {
      // Nothing to end at, or an end at 0, which z - z+ relative to z+ does not know.
      if (one.input.gamma === 0 || (one.input.beta === 0 && one.input.q < 0)) continue;
      const [z] = await integrated(context, one, [timeUntil(1e-15, 2 * one.input.c * one.d)]);
      worst.add(Math.abs(z! / context.subject.theory.riccati(one.input).limit - 1), one.name);
    }
    return { ...worst.result, allowed: atMost(1e-12, 'float64 rounding, and e^-34 of the way that is left') };
  },
};

const rate: Check = {
  id: 'closed-forms/riccati-rate',
  claim: 'z approaches its limit at the rate 2cD, as a float64 integration does',
  source: SOURCE,
  on: 'host',
  async measure(context) {
    const worst = new Worst(1);
    for (const one of riccatiCases(context)) {
      const expected = context.subject.theory.riccati(one.input).rate;
      if (one.input.gamma === 0) continue;
      const times = [1e-4, 1e-7].map((remains) => timeUntil(remains, 2 * one.input.c * one.d)) as [
        number,
        number,
      ];
      const [before, after, end] = await integrated(context, one, [...times, 3 * times[1]]);
      worst.add(rateRatio(Math.abs(before! - end!), Math.abs(after! - end!), times, expected), one.name);
    }
    return {
      ...worst.result,
      allowed: around(
        1,
        2e-3,
        'measured where 1e-4 to 1e-7 is left: the next terms are 1e-4 times some factor',
      ),
    };
  },
};

export const riccatiChecks: readonly Check[] = [path, limit, rate];
