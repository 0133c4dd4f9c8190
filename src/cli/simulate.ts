/** `rankflow simulate`: one ensemble, its functionals over time, and its final adapters. */
import { formatAbove, formatNumber } from '../report/format.js';
import { progress, type Progress } from '../report/progress.js';
import { simulationAnswers } from '../report/riskWords.js';
import { endOf, trialNotes } from '../report/stationarity.js';
import { table } from '../report/table.js';
import { runProvenance, type Provenance } from '../host/provenance.js';
import { writeSimulation } from '../results/simulationFolder.js';
import { fullFineTuningNotes } from '../report/outcomes.js';
import type { SimulationConfig } from '../simulation/config.js';
import { simulation } from '../run/simulation.js';
import { simulationReport } from '../simulation/simulate.js';
import { howOf, note, print, printJson } from './output.js';
import { onEndSignals } from './signals.js';

/** Simulates a config, and writes its results to a folder that it makes. */
export async function simulate(config: SimulationConfig, out: string, json: boolean): Promise<void> {
  let origin: Provenance | undefined;
  let display: Progress | undefined;
  let saveTimes = 0;
  const result = await simulation(config, {
    start(plan, backend, way) {
      origin = runProvenance(backend, plan.config, [way.path]);
      note(`rankflow simulate on ${backend.name} (${backend.device})${howOf([plan], [way])}`);
      display = progress(plan.trials, 'trajectories');
      saveTimes = plan.stop.saveTimes.length;
      // What is half written is removed on exit.
      onEndSignals((name, exitCode) => {
        note(`rankflow: ${name}: ends; nothing is written`);
        process.exit(exitCode);
      });
    },
    done: (trajectories) => display?.update(trajectories),
    fullFineTuning(saves) {
      if (saves === 0) {
        display?.stop();
        note('full fine-tuning of the custom loss beside it');
        display = progress(saveTimes, 'save times');
      } else display?.update(saves);
    },
  });
  display?.stop();
  const report = simulationReport(result, origin!);
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
      ...(report.risk ? [formatNumber((last.risk ?? NaN) / report.risk.scale)] : []),
      formatNumber(last.gradientNorm),
      formatNumber(time),
      `${acceptedSteps} + ${rejectedSteps}`,
      endOf(report.trials[trial]!),
    ]);
    const risk = report.risk ? ['relative risk'] : [];
    print(
      table(
        ['trial', 'loss', 'excess', ...risk, 'gradient norm', 'time', 'steps + rejected', 'outcome'],
        rows,
      ),
    );
    const notes = [...trialNotes(report.trials), ...fullFineTuningNotes(report)];
    for (const sentence of [...simulationAnswers(report), ...notes]) print(sentence);
    print(`\nResults: ${out} (open ${out}/report.html)`);
  }
}
