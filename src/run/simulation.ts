/** A whole simulation in one call: config to trajectories and adapters. */
import type { BackendInfo } from '../backend/backend.js';
import { useBackend } from '../backend/useBackend.js';
import { checkConfig } from '../input/checkConfig.js';
import type { Way } from '../solver/path.js';
import { makePlan, type Plan } from '../sweep/plan.js';
import { waysOf } from './trials.js';
import { asSweep, simulationSchema, type SimulationInput } from '../simulation/config.js';
import { simulate, type Simulation } from '../simulation/simulate.js';

/** Hears of a simulation while it runs. */
export interface SimulationWatch {
  /** Called once, after everything that can be refused has been checked and before the first trajectory. */
  start?(plan: Plan, backend: BackendInfo, ways: readonly Way[]): void;
  /** Called with the number of trajectories done so far. */
  done?(trajectories: number): void;
}

/**
 * Simulates one ensemble and returns its trajectories and final adapters.
 * @throws InputError if the config is wrong or the backend is absent
 */
export async function simulation(input: SimulationInput, watch: SimulationWatch = {}): Promise<Simulation> {
  const config = checkConfig(simulationSchema, input);
  // A custom loss is tried on the processor: what is wrong is said before a device is opened.
  await useBackend('cpu');
  const plan = await makePlan(asSweep(config));
  const backend = await useBackend(config.backend, { tf32: config.tf32 });
  const { poolFor } = await import('../solver/pool.js');
  const pool = poolFor(backend, config.workers);
  try {
    watch.start?.(plan, backend, waysOf(plan));
    return await simulate(plan, backend, pool, watch.done);
  } finally {
    await pool?.close();
  }
}
