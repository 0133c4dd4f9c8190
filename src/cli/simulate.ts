/** `rankflow simulate`: one ensemble, its functionals over time, and its final adapters. */
import type { CommandModule } from 'yargs';
import { useBackend } from '../backend/useBackend.js';
import { checkConfig, readConfig } from '../input/config.js';
import { formatNumber } from '../report/format.js';
import { progress } from '../report/progress.js';
import { table } from '../report/table.js';
import { createFolder, defaultFolder, refuseFolder } from '../results/folder.js';
import { provenance } from '../results/provenance.js';
import { writeSimulation } from '../results/simulationFolder.js';
import { asSweep, simulationSchema } from '../simulation/config.js';
import { simulate, simulationReport } from '../simulation/simulate.js';
import { makePlan } from '../sweep/plan.js';
import { configFromFlags, flagsOf } from './flags.js';
import { note, print, printJson } from './output.js';

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
      ),
  async handler(argv) {
    const fromFile = typeof argv['config'] === 'string' ? readConfig(argv['config']) : {};
    const config = checkConfig(simulationSchema, { ...fromFile, ...configFromFlags(simulationSchema, argv) });
    const out = config.out ?? defaultFolder('simulate');
    refuseFolder(out);
    await useBackend('cpu');
    const plan = await makePlan(asSweep(config));
    const backend = await useBackend(config.backend);
    const { time, steady, saveTimes } = plan.config;
    const origin = provenance(backend, config.seed, { ...config, time, steady, saveTimes });
    createFolder(out, 'plots');
    note(`rankflow simulate on ${backend.name} (${backend.device})`);
    const shown = progress(plan.cells[0]!.trials, 'trajectories');
    const simulation = await simulate(plan, backend, (done) => shown.update(done));
    shown.stop();
    const report = await simulationReport(plan, simulation, origin);
    await writeSimulation(out, simulation, report);
    if (argv['json']) printJson({ ...report, folder: out });
    else {
      const rows = simulation.trajectories.map(
        ({ outcome, time, acceptedSteps, rejectedSteps, last }, trial) => [
          String(trial),
          formatNumber(last.loss),
          formatNumber(report.optimum === null ? null : last.loss - report.optimum),
          formatNumber(last.gradientNorm),
          formatNumber(time),
          `${acceptedSteps} + ${rejectedSteps}`,
          outcome,
        ],
      );
      print(table(['trial', 'loss', 'excess', 'gradient norm', 'time', 'steps + rejected', 'outcome'], rows));
      print(`\nResults: ${out} (open ${out}/report.html)`);
    }
  },
};
