/** A simulation's plan: one ensemble, its horizon, and the config with what it left open filled in. */
import { assertFollows } from '../method/method.js';
import { assertMinibatches } from '../method/minibatch.js';
import { symmetriesOf } from '../flow/flow.js';
import { flowIn, horizons, paceOf, sharedHorizon, type Horizon } from '../input/horizon.js';
import { makeProblem } from '../input/problem.js';
import { checkRank, checkTrajectories, startOf, type Start } from '../input/start.js';
import { InputError } from '../host/inputError.js';
import { checkCurvatures, checkData } from '../problem/losses.js';
import { atDraw, readSource, shapesOf } from '../problem/source.js';
import { checkObservables } from '../solver/observables.js';
import type { SimulationConfig } from './config.js';

export interface SimulationPlan extends Start, Horizon {
  readonly config: SimulationConfig;
}

/** Everything that can be refused is refused here, before anything runs or is written. @throws InputError */
export async function planSimulation(config: SimulationConfig): Promise<SimulationPlan> {
  const { loss, init, rank, scale, lrRatioA, lrRatioB, trials } = config;
  checkCurvatures(config, [loss]);
  checkData({ ...config, draws: 1 }, [loss]);
  if (config.draw > 0 && config.noise === undefined && config.samples === undefined)
    throw new InputError('draw', config.draw, '0 without noise or samples: every draw would be the same');
  const horizonAt = horizons(config);
  const source = atDraw(readSource(config), config.draw);
  const [shape] = shapesOf(config.shape === undefined ? undefined : [config.shape], source);
  checkRank(rank, shape!);
  const moved = flowIn(config, config.flow);
  const problem = await makeProblem(loss, source, shape!, source.base, symmetriesOf(moved));
  const start = await startOf(problem, source, {
    ...{ init, rank, lrRatioA, lrRatioB, trials, flow: moved },
    scale: scale === undefined ? null : { scaling: 'none', alpha: scale },
  });
  checkTrajectories(start.trials, trials);
  checkObservables(start.problem, config.observe, start.bases);
  const horizon = horizonAt(paceOf(start));
  assertFollows(horizon.method, moved);
  if (horizon.method.minibatches) assertMinibatches(horizon.method.minibatches.size, start.problem.structure);
  return { ...start, ...horizon, config: { ...config, ...sharedHorizon([horizon]) } };
}
