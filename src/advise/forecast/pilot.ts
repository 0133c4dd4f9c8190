/**
 * A pilot: losses of a training that was begun, at one rank, which fix the scale of the curvature of each surrogate. Over
 * the first steps the curvature hardly counts: a pilot says little before its loss has fallen by a good part.
 */
import { readCsv } from '../../files/csv.js';
import { InputError } from '../../host/inputError.js';
import { isConstant, schedule } from '../../method/schedule.js';
import type { ForecastConfig } from './config.js';
import type { Statistics } from './statistics.js';
import type { Surrogate } from './surrogates.js';
import { training, type Trained, type Training } from './train.js';

export interface Pilot {
  /** Path of its file. */
  readonly path: string;
  readonly rank: number;
  /** Ascending, from 1 on. */
  readonly steps: readonly number[];
  readonly losses: readonly number[];
}

/** Factors of the curvature among which the best is sought, and searches: they leave 1 % of it open. */
const [LEAST, MOST, SEARCHES] = [1 / 16, 16, 14];
/** Trainings of a fit. */
export const TRAININGS = 2 + SEARCHES;
const LEAST_ROWS = 5;
const GOLDEN = (Math.sqrt(5) - 1) / 2;

/**
 * The pilot of a config; null without one.
 * @throws InputError for one without its rank or the other way round, under a schedule that looks ahead, or whose file
 *   has no losses that fall over steps of the training
 */
export function readPilot(config: ForecastConfig, { loss, floor }: Statistics): Pilot | null {
  const { pilot: path, pilotRank: rank, steps: most } = config;
  if (path === undefined && rank === undefined) return null;
  if (path === undefined) throw new InputError('pilot', path, 'given with pilotRank');
  if (rank === undefined) throw new InputError('pilotRank', rank, 'given with pilot');
  if (config.schedule !== undefined && !isConstant(schedule(config.schedule)))
    throw new InputError('schedule', config.schedule, 'constant with a pilot, whose own end is not known');
  const { shape, data } = readCsv(path);
  const [rows, cols] = shape as [number, number];
  if (cols !== 2) throw new InputError(path, `${cols} columns`, 'two: step and loss');
  const all = Array.from({ length: rows }, (_, i) => [data[2 * i]!, data[2 * i + 1]!] as const);
  all.forEach(([step, value], i) => {
    if (!Number.isInteger(step) || step < 0 || step > most || (i > 0 && step <= all[i - 1]![0]))
      throw new InputError(path, `step ${step} in row ${i + 1}`, `whole and ascending, from 0 to ${most}`);
    if (value < floor)
      throw new InputError(path, `loss ${value} in row ${i + 1}`, `at least ${floor}, the loss_floor`);
  });
  const kept = all.filter(([step]) => step > 0);
  if (kept.length < LEAST_ROWS)
    throw new InputError(path, `${kept.length} rows after step 0`, `at least ${LEAST_ROWS} of them`);
  const last = kept.at(-1)![1];
  if (!(last < loss))
    throw new InputError(path, `loss ${last} in the last row`, `below ${loss}, the loss at W0`);
  return { path, rank, steps: kept.map(([step]) => step), losses: kept.map(([, value]) => value) };
}

/** The training of a pilot. @throws InputError if the weights do not have its rank, or no start of it is there */
export const pilotTraining = (pilot: Pilot, config: ForecastConfig, statistics: Statistics): Training => ({
  ...training({ ...config, ranks: [pilot.rank], steps: pilot.steps.at(-1)! }, statistics, 'pilotRank'),
  saves: pilot.steps,
});

/**
 * A surrogate with the curvature, from 1/16 to 16 times its own, by which the mean over starts comes nearest to the losses
 * of a pilot, in least squares.
 * @param trainOn gives the training of the pilot on a surrogate, the next of TRAININGS, counted from 0
 * @throws InputError if none of these explains them
 */
export async function fittedTo(
  pilot: Pilot,
  surrogate: Surrogate,
  trainOn: (surrogate: Surrogate, training: number) => Promise<readonly Trained[]>,
): Promise<Surrogate> {
  let count = 0;
  const misfit = async (logFactor: number): Promise<number> => {
    const trained = await trainOn(surrogate.times(Math.exp(logFactor)), count++);
    const squares = pilot.losses.reduce((sum, measured, i) => {
      const mean = trained.reduce((all, { losses }) => all + losses[i]!, 0) / trained.length;
      return sum + (mean - measured) ** 2;
    }, 0);
    // A training that fails is no fit.
    return Number.isNaN(squares) ? Infinity : squares;
  };
  let [low, high] = [Math.log(LEAST), Math.log(MOST)];
  let [left, right] = [high - GOLDEN * (high - low), low + GOLDEN * (high - low)];
  let [atLeft, atRight] = [await misfit(left), await misfit(right)];
  for (let search = 0; search < SEARCHES; search++)
    // Where both fail, the curvature is too large.
    if (atLeft <= atRight) {
      [high, right, atRight] = [right, left, atLeft];
      left = high - GOLDEN * (high - low);
      atLeft = await misfit(left);
    } else {
      [low, left, atLeft] = [left, right, atRight];
      right = low + GOLDEN * (high - low);
      atRight = await misfit(right);
    }
  if (low === Math.log(LEAST) || high === Math.log(MOST))
    throw new InputError(
      'pilot',
      pilot.path,
      `losses that a curvature of ${LEAST} to ${MOST} times that of the statistics explains, at its learning rate, scale and rank`,
    );
  return surrogate.times(Math.exp((low + high) / 2));
}
