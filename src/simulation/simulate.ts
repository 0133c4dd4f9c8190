/** One ensemble, watched closely: functionals of every trajectory over time, and the final adapters. */
import type { BackendInfo } from '../backend/backend.js';
import { clock, fromFactors, type Adapter } from '../ensemble/adapter.js';
import { outOfFrame } from '../problem/factors.js';
import { closedForm } from '../problem/closedForm.js';
import type { SimulationReport } from './report.js';
import type { Provenance } from '../host/provenance.js';
import { fullFineTuning } from './fullFineTuning.js';
import type { Pool } from '../solver/pool.js';
import { solve, chunkFor, type Trajectory } from '../solver/solve.js';
import { excessFloor } from '../sweep/accuracyFloor.js';
import { member, type Plan } from '../sweep/plan.js';
import { trialRow } from '../sweep/row.js';

export interface Simulation {
  readonly plan: Plan;
  readonly trajectories: readonly Trajectory[];
  /** Final adapters in the coordinates of W, per trial. */
  readonly adapters: readonly Adapter[];
}

/** Runs the one cell of a plan; `onDone` hears how many trajectories are done. */
export async function simulate(
  plan: Plan,
  backend: BackendInfo,
  pool: Pool | null,
  onDone: (done: number) => void = () => undefined,
): Promise<Simulation> {
  const { cells, config } = plan;
  const cell = cells[0]!;
  const { problem, coefficients, method, stop } = cell;
  const members = Array.from({ length: cell.trials }, (_, trial) => member(cell, trial, config.seed));
  const { kernel, precision } = config;
  const chunk = config.chunk ?? chunkFor(problem, backend, stop.saveTimes.length);
  const { check } = backend;
  const options = {
    ...{ method, stop, chunk, kernel, precision, pool, check },
    detail: 'singular-values',
  } as const;
  const trajectories: Trajectory[] = [];
  let done = 0;
  for await (const solved of solve(problem, members, options)) {
    for (const { index, trajectory } of solved) trajectories[index] = trajectory;
    onDone((done += solved.length));
  }
  const adapters = trajectories.map(({ factors }) =>
    fromFactors(outOfFrame(factors, problem.frame), coefficients),
  );
  return { plan, trajectories, adapters };
}

/** Steps that full fine-tuning of a custom loss may take, however few its adapters took. */
const LEAST_BUDGET = 1000;

/**
 * What the plots and the page are drawn from. Of a custom loss full fine-tuning is integrated for it, with the method and
 * the steadiness of the adapters and as many steps as the longest of their trajectories took.
 * @param onSave hears at how many save times full fine-tuning has been
 */
export async function simulationReport(
  { plan: { cells, config }, trajectories }: Simulation,
  provenance: Provenance,
  onSave?: (saves: number) => void,
): Promise<SimulationReport> {
  const cell = cells[0]!;
  const { problem, rank, coefficients } = cell;
  const times = cell.stop.saveTimes;
  const optimum = problem.optimum(rank);
  const path = closedForm(problem, member(cell, 0, config.seed).initial());
  const taus = times.map((time) => clock(coefficients) * time);
  const longest = Math.max(...trajectories.map((each) => each.acceptedSteps + each.rejectedSteps));
  const maxSteps = Math.min(cell.stop.maxSteps, Math.max(LEAST_BUDGET, longest));
  const full = await fullFineTuning(problem, cell.method, { ...cell.stop, maxSteps }, onSave);
  return {
    title: `${problem.loss.name}, ${problem.n} x ${problem.m}, ${cell.initialization.name}`,
    provenance,
    times,
    rank,
    trials: trajectories.map((trajectory, trial) => {
      const { outcome, saved } = trajectory;
      const loss = saved.map((at) => at?.loss ?? NaN);
      return {
        trial,
        outcome,
        stationarity: trialRow(cell, trial, config, trajectory).stationarity,
        loss,
        excess: optimum === null ? null : saved.map((at, k) => at?.excess ?? loss[k]! - optimum),
        gradientNorm: saved.map((at) => at?.gradientNorm ?? NaN),
        balancedness: saved.map((at) => at?.balancedness ?? NaN),
        singularValues: saved.map((at) => at?.singularValues ?? []),
      };
    }),
    closedForm: path && {
      name:
        trajectories.length > 1 && !cell.initialization.deterministic ? `${path.name}, trial 0` : path.name,
      loss: taus.map((tau) => path.loss(tau)),
      singularValues: taus.map((tau) => path.singularValues(tau)),
    },
    fullFineTuningLoss: full.losses,
    fullFineTuningEnd: full.outcome && { outcome: full.outcome, time: full.time },
    targetSingularValues: problem.loss.targetSingularValues(problem, rank),
    optimum,
    excessFloor: excessFloor(problem, config.precision),
  };
}
