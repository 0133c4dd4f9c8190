/** Makes the demonstrations of claims, one after another, on one device. */
import type { BackendInfo } from '../backend/backend.js';
import { checkConfig } from '../input/checkConfig.js';
import { InputError } from '../host/inputError.js';
import { provenance, type Provenance } from '../host/provenance.js';
import { withDevice } from '../run/device.js';
import { solve } from '../solver/solve.js';
import type { Claim, ClaimContext, Reproduced } from './claim.js';
import { claims } from './claims.js';
import { reproductionSchema, type ReproductionInput } from './config.js';

export interface Reproduction {
  readonly reproduced: readonly Reproduced[];
  readonly provenance: Provenance;
}

/** Hears of a reproduction while it is made. */
export interface ReproductionWatch {
  /** Called once, before the first claim: how many there are. */
  start?(total: number, backend: BackendInfo): void;
  /** Called with every claim, and how many are done. */
  reproduced?(each: Reproduced, done: number): void;
}

/**
 * Demonstrates the claims of the paper and of the theory behind rankflow, or some of them.
 * @throws InputError if the config is wrong, there is no such claim, or the backend is absent
 */
export async function reproduce(
  input: ReproductionInput = {},
  watch: ReproductionWatch = {},
): Promise<Reproduction> {
  const config = checkConfig(reproductionSchema, input);
  const chosen = select(config.only);
  return withDevice({ tf32: false, ...config }, async (device) => {
    const origin = provenance(device.info, config.seed, config);
    watch.start?.(chosen.length, device.info);
    const reproduced: Reproduced[] = [];
    for (const claim of chosen) {
      const each = await demonstrated(claim, { device, solve, seed: config.seed });
      reproduced.push(each);
      watch.reproduced?.(each, reproduced.length);
    }
    return { reproduced, provenance: origin };
  });
}

/** A claim with its demonstration; one that throws is not shown. */
export async function demonstrated(claim: Claim, context: ClaimContext): Promise<Reproduced> {
  try {
    return { claim, demonstration: await claim.demonstrate(context), failure: null };
  } catch (error) {
    return { claim, demonstration: null, failure: error instanceof Error ? error.message : String(error) };
  }
}

/** @throws InputError if no claim begins with one of the names */
function select(names: readonly string[] | undefined): readonly Claim[] {
  for (const name of names ?? [])
    if (!claims.some(({ id }) => id.startsWith(name)))
      throw new InputError('only', name, `one of ${claims.map(({ id }) => id).join(', ')}`);
  return names ? claims.filter(({ id }) => names.some((name) => id.startsWith(name))) : claims;
}
