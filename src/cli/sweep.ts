/** `rankflow sweep`: flags or a config file to a plan, a run and a results folder. */
import type { CommandModule } from 'yargs';
import { checkConfig } from '../input/checkConfig.js';
import { configFromText } from '../input/fromText.js';
import { readConfig } from '../input/config.js';
import { progress, type Progress } from '../report/progress.js';
import { sweepTable } from '../report/table.js';
import { defaultFolder, refuseFolder } from '../results/folder.js';
import { runProvenance, type Provenance } from '../results/provenance.js';
import { createSweepFolder, summaryRow, type SweepFolder } from '../results/sweepFolder.js';
import { sweepSchema } from '../sweep/config.js';
import { sweep } from '../sweep/run.js';
import { totalTrials } from '../sweep/sweep.js';
import { flagsOf, initializationHelp } from './flags.js';
import { howOf, note, print, printJson } from './output.js';

export const sweepCommand: CommandModule = {
  command: 'sweep',
  describe: 'simulate many ranks and initializations beside the closed-form law',
  builder: (yargs) =>
    yargs
      .options(flagsOf(sweepSchema))
      .option('config', {
        type: 'string',
        requiresArg: true,
        describe: 'YAML or JSON file with these keys; flags win',
      })
      .option('json', { type: 'boolean', describe: 'print the summary as JSON, alone, on standard output' })
      .example('$0 sweep --spectrum power:1 --shape 64x64 --ranks 1,2,4,8', 'a power-law target')
      .example(
        '$0 sweep --target w.safetensors --ranks 4,8 --init kaiming,gaussian:0.05 --trials 64 --time 50',
        '',
      )
      .example(
        '$0 sweep --loss trace-squared --spectrum power:0.5 --shape 256x256 --ranks 1,4,16 --init gaussian',
        '',
      )
      .example('$0 sweep --config sweep.yaml --backend webgpu --out results', '')
      .epilogue(initializationHelp),
  async handler(argv) {
    const fromFile = typeof argv['config'] === 'string' ? readConfig(argv['config']) : {};
    const config = checkConfig(sweepSchema, { ...fromFile, ...configFromText(sweepSchema, argv) });
    const out = config.out ?? defaultFolder('sweep');
    refuseFolder(out);
    let origin: Provenance | undefined;
    let folder: SweepFolder | undefined;
    let shown: Progress | undefined;
    const cells = await sweep(config, {
      start(plan, backend, ways) {
        origin = runProvenance(backend, plan.config, ways);
        folder = createSweepFolder(out, origin);
        note(`rankflow sweep on ${backend.name} (${backend.device})${howOf(plan, ways)}`);
        shown = progress(totalTrials(plan), 'trajectories');
      },
      chunk({ rows, done, work }) {
        folder?.writePart(rows);
        shown?.update(done, work);
      },
    });
    shown?.stop();
    await folder?.finish(cells);
    if (argv['json']) printJson({ provenance: origin, folder: out, cells: cells.map(summaryRow) });
    else print(`${sweepTable(cells)}\n\nResults: ${out} (open ${out}/report.html)`);
  },
};
