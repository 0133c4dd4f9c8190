/** `rankflow simulate`: one ensemble, its functionals over time, and its final adapters. */
import { formatAbove, formatNumber } from '../report/format.js';
import { progress, type Progress } from '../report/progress.js';
import { endOf, trialNotes } from '../report/stationarity.js';
import { table } from '../report/table.js';
import { runProvenance, type Provenance } from '../host/provenance.js';
import { writeSimulation } from '../results/simulationFolder.js';
import { fullFineTuningNotes } from '../report/outcomes.js';
import type { SimulationConfig } from '../simulation/config.js';
import { simulation } from '../run/simulation.js';
import { isIntegrated } from '../simulation/fullFineTuning.js';
import { simulationReport } from '../simulation/simulate.js';
import { howOf, note, print, printJson } from './output.js';
import { onEndSignals } from './signals.js';

/** Simulates a config, and writes its results to a folder that it makes. */
export async function simulate(config: SimulationConfig, out: string, json: boolean): Promise<void> {
  let origin: Provenance | undefined;
  let display: Progress | undefined;
  const result = await simulation(config, {
    start(plan, backend, ways) {
      const { method, time, steady, saveTimes } = plan.config;
      const resolved = { ...config, method, time, steady, saveTimes };
      origin = runProvenance(
        backend,
        resolved,
        ways.map(({ path }) => path),
      );
      note(`rankflow simulate on ${backend.name} (${backend.device})${howOf(plan, ways)}`);
      display = progress(plan.cells[0]!.trials, 'trajectories');
      // What is half written is removed on exit.
      onEndSignals((name, exitCode) => {
        note(`rankflow: ${name}: ends; nothing is written`);
        process.exit(exitCode);
      });
    },
    done: (trajectories) => display?.update(trajectories),
  });
  display?.stop();
  if (isIntegrated(result.plan.cells[0]!.problem)) {
    note('full fine-tuning of the custom loss beside it');
    display = progress(result.plan.cells[0]!.stop.saveTimes.length, 'save times');
  }
  const report = await simulationReport(result, origin!, (saves) => display?.update(saves));
  display?.stop();
  await writeSimulation(out, result, report);
  if (json) printJson({ ...report, folder: out });
  else {
    const rows = result.trajectories.map(({ time, acceptedSteps, rejectedSteps, last }, trial) => [
      String(trial),
      formatNumber(last.loss),
      formatAbove(
        report.optimum === null ? null : (last.excess ?? last.loss - report.optimum),
        report.excessFloor,
      ),
      formatNumber(last.gradientNorm),
      formatNumber(time),
      `${acceptedSteps} + ${rejectedSteps}`,
      endOf(report.trials[trial]!),
    ]);
    print(table(['trial', 'loss', 'excess', 'gradient norm', 'time', 'steps + rejected', 'outcome'], rows));
    for (const sentence of [...trialNotes(report.trials), ...fullFineTuningNotes(report)]) print(sentence);
    print(`\nResults: ${out} (open ${out}/report.html)`);
  }
}
