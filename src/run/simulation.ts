/** A whole simulation in one call: config to trajectories, adapters and what is seen beside them. */
import type { BackendInfo } from '../backend/backend.js';
import { motionOf } from '../flow/motion.js';
import { clock } from '../flow/normalization.js';
import { checkConfig } from '../input/checkConfig.js';
import { solveOptions } from '../input/execution.js';
import { simulationSchema, type SimulationInput } from '../simulation/config.js';
import { planSimulation, type SimulationPlan } from '../simulation/plan.js';
import { simulate, type Simulation, type SimulationProgress } from '../simulation/simulate.js';
import { wayOf, type Way } from '../solver/path.js';
import { withDevice } from './device.js';

/** Hears of a simulation while it runs. */
export interface SimulationWatch extends SimulationProgress {
  /** Called once, after everything that can be refused has been checked and before the first trajectory. */
  start?(plan: SimulationPlan, backend: BackendInfo, way: Way): void;
}

/**
 * Simulates one ensemble and returns its trajectories and final adapters, with full fine-tuning beside them.
 * @throws InputError if the config is wrong or the backend is absent
 */
export async function simulation(input: SimulationInput, watch: SimulationWatch = {}): Promise<Simulation> {
  const plan = await planSimulation(checkConfig(simulationSchema, input));
  const { problem, rank, coefficients, flow, stop, config } = plan;
  return withDevice(config, (device) => {
    const options = { ...solveOptions(plan, config, device), stop };
    watch.start?.(
      plan,
      device.info,
      wayOf(problem, rank, options, [clock(coefficients, flow)], [motionOf(coefficients, flow)]),
    );
    return simulate(plan, device, watch);
  });
}
