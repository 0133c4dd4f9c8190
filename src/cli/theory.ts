/** `rankflow theory`: the closed forms alone. */
import { builtInLoss, checkData } from '../problem/losses.js';
import { motionUnder } from '../ensemble/member.js';
import { isGradientMotion } from '../flow/motion.js';
import { formatAbove, formatNumber } from '../report/format.js';
import { table } from '../report/table.js';
import type { SweepConfig } from '../sweep/config.js';
import { isLeading } from '../problem/leading.js';
import { makePlan, type Plan } from '../sweep/plan.js';
import { theoryRows, type TheoryRow } from '../sweep/theory.js';
import { theoryProblems } from '../sweep/theoryProblem.js';
import { MOST_SPIKES } from '../sweep/spikedLaw.js';
import { noisyFullFineTuning } from '../theory/noisyFullFineTuning.js';
import { note, print, printJson } from './output.js';

/**
 * Prints the closed forms of a sweep's cells, as JSON or as a table.
 * @throws InputError
 */
export async function theory(config: SweepConfig, json: boolean): Promise<void> {
  const { noise: tau, ...clean } = config;
  checkData(config, config.loss);
  const noise = tau || null;
  const plan = await makePlan(
    clean,
    theoryProblems(config, (line) => note(`rankflow theory: ${line}`)),
  );
  const rows = theoryRows(plan, noise);
  if (json) printJson(rows);
  else {
    // Elsewhere the end of the flow is the optimum of the rank.
    const isElsewhere = plan.cells.some((cell) => !isGradientMotion(motionUnder(cell)));
    print(
      table(
        [
          ...['loss', 'shape', 'init', ...(isElsewhere ? ['flow'] : []), 'scale', 'rank', 'optimum'],
          ...['relative error', ...(isElsewhere ? ['end', 'law of the end'] : []), 'distance'],
          ...['rate', 'full rate'],
        ],
        rows.map((row) => {
          const [optimum, relativeError, distance] = knownNumbers(row);
          return [
            ...[row.loss, `${row.n}x${row.m}`, row.initialization, ...(isElsewhere ? [row.flow] : [])],
            ...[formatNumber(row.scale), String(row.rank), optimum!, relativeError!],
            ...(isElsewhere ? [formatNumber(row.law), row.lawName ?? '-'] : []),
            ...[distance!, formatNumber(row.rate), formatNumber(row.fullFineTuningRate)],
          ];
        }),
      ),
    );
    print(
      'optimum: least loss of that rank; relative error: sqrt(optimum / loss at W0); distance: |dW_LoRA - dW_full|_F\n' +
        'at the end points; rate: of late approach, at the mean |A0|^2 or |B0|^2 of the draws (where both are drawn, on\n' +
        "the Frobenius loss: in the limit of small ones); full rate: full fine-tuning's. A rate of 0: slower than any\n" +
        'exponential, or at rest. A dash: no closed form.',
    );
    if (isElsewhere)
      print(
        'end: the metric of the loss (its relative error, if it has one) where the flow ends, by its law.',
      );
    for (const line of boundsOf(plan)) print(line);
    if (noise !== null) {
      print('All of this is of the target without its noise.');
      printNoise(noise, rows, plan);
    }
  }
}

/** What noise on the target makes of the ranks: a second table, and the sentences that go with it. */
function printNoise(tau: number, rows: readonly TheoryRow[], { cells }: Plan): void {
  const known = rows.flatMap(({ noise, n, m, rank }) =>
    noise ? [{ ...noise, shape: `${n}x${m}`, rank }] : [],
  );
  if (known.length > 0)
    print(
      table(
        [
          'shape',
          'rank',
          'sigma',
          'seen',
          'as',
          'overlap, left',
          'right',
          'risk',
          'relative risk',
          'best rank',
        ],
        known.map((row) => [
          ...[row.shape, String(row.rank), formatNumber(row.sigma), row.isSeen ? 'yes' : 'no'],
          ...[row.seenValue, row.leftOverlap, row.rightOverlap, row.risk, row.riskRelative].map(formatNumber),
          String(row.bestRank),
        ]),
      ),
    );
  if (known.length > 0)
    print(
      `noise ${tau}: the r-th singular value sigma of M - W0 shows in M + tau Z as the value seen, with the squared\n` +
        'overlaps of its singular vectors; risk: |W - M|_F^2 at the end of the flow, relative to that of W0 (the limit of large\n' +
        'n and m, Benaych-Georges & Nadakuditi 2012).',
    );
  if (known.length < rows.length)
    print(
      `No law of the risk where the flow is not the plain gradient flow, or M - W0 is of a rank over 1/${1 / MOST_SPIKES} of its smaller side.`,
    );
  for (const line of fullFineTuningOf(tau, cells)) print(line);
}

/** When full fine-tuning on noisy targets is to be stopped, by problem. */
function fullFineTuningOf(tau: number, cells: Plan['cells']): string[] {
  const problems = new Set(cells.map(({ problem }) => problem));
  return [...problems].flatMap(({ n, m, loss, initialLoss }) => {
    if (!builtInLoss(loss.name)?.takesNoise || !initialLoss) return [];
    const errorSquares = 2 * initialLoss;
    const full = noisyFullFineTuning({ errorSquares, noiseSquares: tau * tau * n });
    const [best, end] = [full.bestRisk, full.risk(Infinity)].map((risk) => formatNumber(risk / errorSquares));
    return `Full fine-tuning of ${n}x${m}, without decay, stopped at t = ${formatNumber(full.bestTime)}: relative risk ${best}, against ${end} at its end (means over draws).`;
  });
}

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

/** Sentences on optima that come from a truncated decomposition, by problem. */
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
