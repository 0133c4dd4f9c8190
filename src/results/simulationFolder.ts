/**
 * The results folder of a simulation: config.json, functionals over time and singular values as Parquet, the final
 * adapters as safetensors, the plots and the report.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { writeSafetensors } from '../files/writeSafetensors.js';
import { writeWhole } from '../files/writeWhole.js';
import type { Dense } from '../numbers/dense.js';
import { simulationHtml } from '../report/html.js';
import { renderPng, renderSvg, simulationFigures } from '../report/plots.js';
import type { SimulationReport } from '../simulation/report.js';
import type { Simulation } from '../simulation/simulate.js';
import { turnEventLoop } from '../host/eventLoop.js';
import { unobserved } from '../solver/observables.js';
import { observableColumns } from '../sweep/row.js';
import { fillFolder } from './folder.js';
import { columnsParquet, parquet, type Value } from './tables.js';

const finite = (value: number | undefined): Value =>
  value !== undefined && Number.isFinite(value) ? value : null;

/**
 * Makes the folder with everything in it: it appears whole or not at all, however the process ends.
 * @throws InputError if there is something at `path` already, or nothing can be made there
 */
export async function writeSimulation(
  path: string,
  simulation: Simulation,
  report: SimulationReport,
): Promise<void> {
  await fillFolder(path, async (temporary) => {
    mkdirSync(join(temporary, 'plots'));
    await fill(temporary, simulation, report);
  });
}

async function fill(
  path: string,
  { trajectories, adapters }: Simulation,
  report: SimulationReport,
): Promise<void> {
  const at = (...names: string[]) => join(path, ...names);
  writeWhole(at('config.json'), `${JSON.stringify(report.provenance, null, 2)}\n`);
  const { times, trials } = report;
  const functionals = trials.flatMap((trial, i) =>
    times.map((time, k) => ({
      trial: trial.trial,
      time,
      loss: finite(trial.loss[k]),
      ...(report.risk && { risk: finite(report.risk.trials[i]?.[k]) }),
      excess: finite(trial.excess?.[k]),
      gradient_norm: finite(trial.gradientNorm[k]),
      balancedness: finite(trial.balancedness[k]),
      distance: finite(trajectories[i]?.saved[k]?.distance ?? undefined),
      ...observableColumns(trial.observables[k] ?? unobserved),
    })),
  );
  writeWhole(
    at('functionals.parquet'),
    parquet(functionals, { integers: ['trial', 'intruders'], texts: [] }),
  );
  const singularValues = trials.flatMap(({ trial, singularValues: perTime }) =>
    times.flatMap((time, k) => (perTime[k] ?? []).map((value, index) => ({ trial, time, index, value }))),
  );
  // Without rows, of trajectories that failed at once, it still has its columns.
  const columns = (['trial', 'time', 'index', 'value'] as const).map((name) => [
    name,
    singularValues.map((row) => row[name]),
  ]);
  writeWhole(
    at('singular-values.parquet'),
    columnsParquet(Object.fromEntries(columns), { integers: ['trial', 'index'], texts: [] }),
  );
  const outcomes = trajectories.map((trajectory, trial) => ({
    trial,
    outcome: trajectory.outcome,
    time: trajectory.time,
    accepted_steps: trajectory.acceptedSteps,
    rejected_steps: trajectory.rejectedSteps,
    evaluations: trajectory.evaluations,
    loss: finite(trajectory.last.loss),
    ...(report.risk && { risk: finite(trajectory.last.risk ?? undefined) }),
  }));
  writeWhole(
    at('trials.parquet'),
    parquet(outcomes, {
      integers: ['trial', 'accepted_steps', 'rejected_steps', 'evaluations'],
      texts: ['outcome'],
    }),
  );
  writeSafetensors(at('adapters.safetensors'), {
    lora_A: stack(adapters.map(({ loraA }) => loraA)),
    lora_B: stack(adapters.map(({ loraB }) => loraB)),
  });
  for (const figure of simulationFigures(report)) {
    await turnEventLoop();
    const svg = await renderSvg(figure.spec);
    writeWhole(at('plots', `${figure.id}.svg`), svg);
    writeWhole(at('plots', `${figure.id}.png`), await renderPng(svg));
  }
  writeWhole(at('report.html'), await simulationHtml(report));
}

/** Matrices of one shape as [trials, rows, cols] in float32. */
function stack(matrices: readonly Dense[]) {
  const { rows, cols } = matrices[0] as Dense;
  const data = new Float32Array(matrices.length * rows * cols);
  matrices.forEach((matrix, i) => data.set(matrix.data, i * rows * cols));
  return { shape: [matrices.length, rows, cols], data };
}
