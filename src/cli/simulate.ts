/** `rankflow simulate`: one ensemble, its functionals over time, and its final adapters. */
import type { CommandModule } from 'yargs';
import { checkConfig } from '../input/checkConfig.js';
import { configFromText } from '../input/fromText.js';
import { bareFlags } from '../sweep/horizon.js';
import { readConfig } from '../input/config.js';
import { formatAbove, formatNumber } from '../report/format.js';
import { progress, type Progress } from '../report/progress.js';
import { endOf, trialNotes } from '../report/stationarity.js';
import { table } from '../report/table.js';
import { defaultFolder, refuseFolder } from '../results/folder.js';
import { runProvenance, type Provenance } from '../host/provenance.js';
import { writeSimulation } from '../results/simulationFolder.js';
import { fullFineTuningNotes } from '../report/outcomes.js';
import { simulationSchema } from '../simulation/config.js';
import { simulation } from '../run/simulation.js';
import { isIntegrated } from '../simulation/fullFineTuning.js';
import { simulationReport } from '../simulation/simulate.js';
import { flagsOf, initializationHelp } from './flags.js';
import { howOf, note, print, printJson } from './output.js';

/** Answers the first signal by a line and the end: what is half written is removed on exit. */
function endOnSignal(): void {
  for (const [name, number] of [
    ['SIGINT', 2],
    ['SIGTERM', 15],
  ] as const)
    process.once(name, () => {
      note(`rankflow: ${name}: ends; nothing is written`);
      process.exit(128 + number);
    });
}

export const simulateCommand: CommandModule = {
  command: 'simulate',
  describe: 'follow one ensemble over time and keep its final adapters',
  builder: (yargs) =>
    yargs
      .options(flagsOf(simulationSchema))
      .option('config', {
        type: 'string',
        requiresArg: true,
        describe: 'YAML or JSON file with these keys; flags win',
      })
      .option('json', {
        type: 'boolean',
        describe: 'print the functionals as JSON, alone, on standard output',
      })
      .example('$0 simulate --spectrum power:1 --shape 64x48 --rank 4 --init balanced:0.1 --time 40', '')
      .example('$0 simulate --loss trace-squared --base w0.npy --rank 2 --init gaussian --time 1', '')
      .example(
        '$0 simulate --loss ./myLoss.ts --shape 32x32 --rank 4 --time 20',
        'a custom TensorFlow.js loss',
      )
      .epilogue(initializationHelp),
  async handler(argv) {
    const fromFile = typeof argv['config'] === 'string' ? readConfig(argv['config']) : {};
    const config = checkConfig(simulationSchema, {
      ...fromFile,
      ...configFromText(simulationSchema, argv, bareFlags),
    });
    const out = config.out ?? defaultFolder('simulate');
    refuseFolder(out);
    let origin: Provenance | undefined;
    let shown: Progress | undefined;
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
        shown = progress(plan.cells[0]!.trials, 'trajectories');
        endOnSignal();
      },
      done: (trajectories) => shown?.update(trajectories),
    });
    shown?.stop();
    if (isIntegrated(result.plan.cells[0]!.problem)) {
      note('full fine-tuning of the custom loss beside it');
      shown = progress(result.plan.cells[0]!.stop.saveTimes.length, 'save times');
    }
    const report = await simulationReport(result, origin!, (saves) => shown?.update(saves));
    shown?.stop();
    await writeSimulation(out, result, report);
    if (argv['json']) printJson({ ...report, folder: out });
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
      for (const each of [...trialNotes(report.trials), ...fullFineTuningNotes(report)]) print(each);
      print(`\nResults: ${out} (open ${out}/report.html)`);
    }
  },
};
