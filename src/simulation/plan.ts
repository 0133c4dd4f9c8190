/** A simulation's plan: one ensemble, its horizon, and the config with what it left open filled in. */
import { clock } from '../flow/normalization.js';
import { flow } from '../flow/flow.js';
import { horizons, sharedHorizon, type Horizon } from '../input/horizon.js';
import { makeProblem } from '../input/problem.js';
import { checkRank, checkTrajectories, startOf, type Start } from '../input/start.js';
import { checkCurvatures } from '../problem/losses.js';
import { readSource, shapesOf } from '../problem/source.js';
import type { SimulationConfig } from './config.js';

export interface SimulationPlan extends Start, Horizon {
  readonly config: SimulationConfig;
}

/** Everything that can be refused is refused here, before anything runs or is written. @throws InputError */
export async function planSimulation(config: SimulationConfig): Promise<SimulationPlan> {
  const { loss, init, rank, scale, lrRatioA, lrRatioB, trials } = config;
  checkCurvatures(config, [loss]);
  const horizonAt = horizons(config);
  const source = readSource(config);
  const [shape] = shapesOf(config.shape === undefined ? undefined : [config.shape], source);
  checkRank(rank, shape!);
  const start = await startOf(await makeProblem(loss, source, shape!), source, {
    ...{ init, rank, lrRatioA, lrRatioB, trials },
    flow: flow(config.flow, config),
    scale: scale === undefined ? null : { scaling: 'none', alpha: scale },
  });
  checkTrajectories(start.trials, trials);
  const horizon = horizonAt(start.problem.rate * clock(start.coefficients, start.flow));
  return { ...start, ...horizon, config: { ...config, ...sharedHorizon([horizon]) } };
}
