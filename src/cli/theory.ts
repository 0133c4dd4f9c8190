/** `rankflow theory`: the closed forms alone. */
import type { CommandModule } from 'yargs';
import { useBackend } from '../backend/useBackend.js';
import { checkConfig } from '../input/checkConfig.js';
import { configFromText } from '../input/fromText.js';
import { bareFlags } from '../sweep/horizon.js';
import { formatAbove, formatNumber } from '../report/format.js';
import { table } from '../report/table.js';
import { sweepSchema } from '../sweep/config.js';
import { curvatureKeys, type CurvatureKey } from '../problem/source.js';
import { isLeading } from '../problem/leading.js';
import { makePlan, type Plan } from '../sweep/plan.js';
import { theoryRows, type TheoryRow } from '../sweep/theory.js';
import { theoryProblems } from '../sweep/theoryProblem.js';
import { flagsOf } from './flags.js';
import { note, print, printJson } from './output.js';

const theorySchema = sweepSchema.pick({
  loss: true,
  target: true,
  base: true,
  transpose: true,
  ...(Object.fromEntries(curvatureKeys.map((key) => [key, true])) as Record<CurvatureKey, true>),
  spectrum: true,
  vectors: true,
  shape: true,
  ranks: true,
  init: true,
  scaling: true,
  alpha: true,
  lrRatioA: true,
  lrRatioB: true,
  seed: true,
});

export const theoryCommand: CommandModule = {
  command: 'theory',
  describe: 'print what the closed forms say of each rank; nothing is simulated',
  builder: (yargs) =>
    yargs
      .options(flagsOf(theorySchema))
      .option('json', { type: 'boolean', describe: 'print JSON, alone, on standard output' })
      .example('$0 theory --spectrum power:1 --shape 4096x4096 --ranks 1,4,16,64', '')
      .example(
        '$0 theory --loss trace-squared --spectrum power:0.5 --shape 64x64 --ranks 1,2,4 --init gaussian',
        '',
      ),
  async handler(argv) {
    const config = checkConfig(theorySchema, configFromText(theorySchema, argv, bareFlags));
    await useBackend('cpu');
    const asked = checkConfig(sweepSchema, config);
    const plan = await makePlan(
      asked,
      theoryProblems(asked, (line) => note(`rankflow theory: ${line}`)),
    );
    const rows = theoryRows(plan);
    if (argv['json']) printJson(rows);
    else {
      print(
        table(
          [
            'loss',
            'shape',
            'init',
            'scale',
            'rank',
            'optimum',
            'relative error',
            'distance',
            'rate',
            'full rate',
          ],
          rows.map((row) => [
            row.loss,
            `${row.n}x${row.m}`,
            row.initialization,
            formatNumber(row.scale),
            String(row.rank),
            ...knownNumbers(row),
            formatNumber(row.rate),
            formatNumber(row.fullFineTuningRate),
          ]),
        ),
      );
      print(
        'optimum: least loss of that rank; relative error: sqrt(optimum / loss at W0); distance: |dW_LoRA - dW_full|_F\n' +
          'at the end points; rate: of late approach, at the mean |A0|^2 or |B0|^2 of the draws (where both are drawn, on\n' +
          "the Frobenius loss: in the limit of small ones); full rate: full fine-tuning's. A rate of 0: slower than any\n" +
          'exponential, or at rest. A dash: no closed form.',
      );
      for (const line of boundsOf(plan)) print(line);
    }
  },
};

/** Optimum, relative error and distance, or the floor below which they are rounding alone. */
function knownNumbers({ optimum, relativeError, distance, floor }: TheoryRow): string[] {
  if (optimum === null || !relativeError || floor === 0)
    return [optimum, relativeError, distance].map((value) => formatNumber(value));
  const unit = Math.sqrt(2 * optimum) / relativeError; // of distances, from the loss at W0
  return [
    formatAbove(optimum, (floor * unit) ** 2 / 2),
    formatAbove(relativeError, floor),
    formatAbove(distance, floor * unit),
  ];
}

/** What is said of optima that come from a truncated decomposition, by problem. */
function boundsOf({ cells }: Plan): string[] {
  const problems = new Set(cells.map(({ problem }) => problem).filter(isLeading));
  return [...problems].map(({ n, m, leading: { sigma, iterations, converged } }) => {
    const end = converged
      ? 'the last of which took less than 1e-6 off what is left'
      : 'which were not enough';
    return (
      `Optima of ${n}x${m}, with relative errors and distances, are upper bounds, exact for the ${sigma.length} leading singular\n` +
      `triples that ${iterations} iterations found, ${end}.`
    );
  });
}
