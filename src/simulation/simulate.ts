/** One ensemble, watched closely: functionals of every trajectory over time, and the final adapters. */
import { fromFactors, type Adapter } from '../ensemble/adapter.js';
import { nameOf } from '../flow/flow.js';
import { clock } from '../flow/normalization.js';
import { membersOf } from '../ensemble/member.js';
import type { Provenance } from '../host/provenance.js';
import { solveOptions } from '../input/execution.js';
import { riskAlong, type ClosedForm } from '../problem/closedForm.js';
import { outOfFrame } from '../problem/factors.js';
import type { Trajectory } from '../solver/chunk.js';
import type { Device } from '../solver/device.js';
import { observeTask, unobserved } from '../solver/observables.js';
import type { Solved } from '../solver/solution.js';
import { solve } from '../solver/solve.js';
import { excessFloor } from '../sweep/accuracyFloor.js';
import { followsGradientFlow, pathOf, sharesTimeOfFullFineTuning } from '../sweep/law.js';
import { conditionsOf, conditionWords } from '../sweep/conditions.js';
import { endOf } from '../sweep/stationarity.js';
import { marchenkoPasturEdge } from '../theory/marchenkoPastur.js';
import { fullFineTuning, type FullFineTuning } from './fullFineTuning.js';
import type { SimulationPlan } from './plan.js';
import type { SimulationReport, SimulationRisk } from './report.js';

export interface Simulation {
  readonly plan: SimulationPlan;
  /** Per trial. */
  readonly trajectories: readonly Trajectory[];
  /** Final adapters in the coordinates of W, per trial. */
  readonly adapters: readonly Adapter[];
  /** Null where trajectories have another time than it (sweep/law.ts). */
  readonly fullFineTuning: FullFineTuning | null;
}

/** Hears of a simulation while it is computed. */
export interface SimulationProgress {
  /** Called with the number of trajectories done so far. */
  done?(trajectories: number): void;
  /** Called with the save times that full fine-tuning of a custom loss has reached: 0 before the first. */
  fullFineTuning?(saves: number): void;
}

/** Computes the ensemble of a plan on a device, and full fine-tuning beside it. */
export async function simulate(
  plan: SimulationPlan,
  device: Device,
  watch: SimulationProgress = {},
): Promise<Simulation> {
  const { problem, coefficients, flow, trials, config } = plan;
  const members = membersOf(plan, 0, trials, config.seed);
  const options = {
    ...solveOptions(plan, config, device),
    detail: 'singular-values' as const,
    observe: observeTask(problem, config.observe, plan.rank, plan.bases),
  };
  const trajectories: Solved[] = [];
  let done = 0;
  for await (const trajectory of solve({ problem, members }, options)) {
    trajectories[trajectory.member.trial] = trajectory;
    watch.done?.(++done);
  }
  const adapters = trajectories.map(({ factors }) =>
    fromFactors(outOfFrame(factors, problem.frame), coefficients, flow),
  );
  return {
    ...{ plan, trajectories, adapters },
    fullFineTuning: sharesTimeOfFullFineTuning(plan)
      ? await fullFineTuningBeside(plan, trajectories, device, watch)
      : null,
  };
}

/** Steps that full fine-tuning of a custom loss may take, however few its adapters took. */
const LEAST_BUDGET = 1000;

/**
 * Full fine-tuning beside adapters: of a custom loss with their method and steadiness, and as many steps as the longest
 * of their trajectories took.
 */
function fullFineTuningBeside(
  { problem, method, stop }: SimulationPlan,
  trajectories: readonly Trajectory[],
  device: Device,
  watch: SimulationProgress,
): Promise<FullFineTuning> {
  const longest = Math.max(...trajectories.map((each) => each.acceptedSteps + each.rejectedSteps));
  const maxSteps = Math.min(stop.maxSteps, Math.max(LEAST_BUDGET, longest));
  return fullFineTuning(problem, method, { ...stop, maxSteps }, device, (saves) =>
    watch.fullFineTuning?.(saves),
  );
}

/** The risk at the saved times, of trials and beside them; null without one. */
function riskOf(
  plan: SimulationPlan,
  trajectories: readonly Trajectory[],
  path: ClosedForm | null,
): SimulationRisk | null {
  const { problem, coefficients, flow, stop, config } = plan;
  const { risk, n, m } = problem;
  if (!risk) return null;
  const times = stop.saveTimes;
  const along = path && riskAlong(problem, path);
  const { noise = null } = config;
  const at = (time: number) => clock(coefficients, flow) * time;
  return {
    trials: trajectories.map(({ saved }) => saved.map((point) => point?.risk ?? NaN)),
    scale: risk.scale,
    noise,
    noiseEdge: noise === null ? null : noise * marchenkoPasturEdge(n / m),
    closedForm: along && times.map((time) => along(at(time))),
    fullFineTuning:
      problem.fullFineTuningRisk && sharesTimeOfFullFineTuning(plan)
        ? times.map((time) => problem.fullFineTuningRisk!(time))
        : null,
  };
}

/** The report that the plots and the page are drawn from. */
export function simulationReport(
  { plan, trajectories, fullFineTuning: full }: Simulation,
  provenance: Provenance,
): SimulationReport {
  const { problem, rank, coefficients, flow, initialization, config } = plan;
  const times = plan.stop.saveTimes;
  const optimum = problem.optimum(rank);
  const path = pathOf(plan, 0, config.seed);
  const taus = times.map((time) => clock(coefficients, flow) * time);
  return {
    title: [
      ...[problem.loss.name, `${problem.n} x ${problem.m}`, initialization.name],
      ...(flow.rule === 'gradient' ? [] : [`${nameOf(flow)} flow`]),
      ...conditionWords(conditionsOf(plan, config)),
    ].join(', '),
    isGradientFlow: followsGradientFlow(plan),
    provenance,
    times,
    rank,
    observed: config.observe,
    trials: trajectories.map((trajectory, trial) => {
      const { outcome, saved } = trajectory;
      const loss = saved.map((at) => at?.loss ?? NaN);
      return {
        trial,
        outcome,
        stationarity: endOf(plan, config.precision, trajectory),
        loss,
        excess: optimum === null ? null : saved.map((at, k) => at?.excess ?? loss[k]! - optimum),
        gradientNorm: saved.map((at) => at?.gradientNorm ?? NaN),
        balancedness: saved.map((at) => at?.balancedness ?? NaN),
        singularValues: saved.map((at) => at?.singularValues ?? []),
        observables: saved.map((at) => at?.observables ?? unobserved),
      };
    }),
    closedForm: path && {
      name: trajectories.length > 1 && !initialization.deterministic ? `${path.name}, trial 0` : path.name,
      loss: taus.map((tau) => path.loss(tau)),
      singularValues: taus.map((tau) => path.singularValues(tau)),
    },
    fullFineTuningLoss: full && full.losses,
    fullFineTuningEnd: full?.outcome ? { outcome: full.outcome, time: full.time } : null,
    targetSingularValues: problem.loss.targetSingularValues(problem, rank),
    optimum,
    excessFloor: excessFloor(problem, config.precision),
    risk: riskOf(plan, trajectories, path),
  };
}
