/** Runs checks on backends and collects what they find. */
import { passes, type Check, type Context, type Finding } from './check.js';
import { flowChecks } from './flowEquations.js';
import { backendChecks } from './backends.js';
import { orderChecks } from './orders.js';
import { schemeChecks } from './schemes.js';
import { secondDerivativeChecks } from './secondDerivatives.js';

/** Every check, in the order in which they are read. */
export const checks: readonly Check[] = [
  ...flowChecks,
  ...secondDerivativeChecks,
  ...schemeChecks,
  ...backendChecks,
  ...orderChecks,
];

/** A check's measurement with its verdict; a check that throws has failed. */
export async function judge(check: Check, context: Context): Promise<Finding> {
  const { id, claim, source, on } = check;
  const measurement = await check.measure(context).catch((error: unknown) => ({
    measured: NaN,
    allowed: { from: NaN, to: NaN, reason: 'a measurement' },
    where: `it failed: ${error instanceof Error ? error.message : error}`,
  }));
  return {
    id,
    claim,
    source,
    backend: on === 'host' ? 'host' : context.backend.name,
    ...measurement,
    pass: passes(measurement),
  };
}
