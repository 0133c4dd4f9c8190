/**
 * A sweep's plan: every cell (loss x shape x initialization x scaling x flow x rank) with its problem, law and trials,
 * resolved from a config. Everything that can be refused is refused here, before anything runs or is written.
 */
import { assertFollows } from '../method/method.js';
import { assertMinibatches } from '../method/minibatch.js';
import { symmetriesOf } from '../flow/flow.js';
import { flowIn, horizons, paceOf, sharedHorizon, type Horizon } from '../input/horizon.js';
import { makeProblem } from '../input/problem.js';
import { checkRank, checkTrajectories, startAtDraw, startOf, type Start } from '../input/start.js';
import { checkCurvatures, checkData } from '../problem/losses.js';
import type { Problem } from '../problem/problem.js';
import { atDraw, labelOf, readSource, shapesOf } from '../problem/source.js';
import { checkObservables } from '../solver/observables.js';
import type { SweepConfig } from './config.js';

/**
 * An ensemble of a sweep: its start, and how its trajectories are advanced, of its own problem and coefficients alone.
 * Of several draws of the target it is at the first; its other draws have problems of their own.
 */
export interface Cell extends Start, Horizon {
  readonly index: number;
  /** Short name of what it aims at. */
  readonly target: string;
  /** Draws of the target, each with `trials` starts. */
  readonly draws: number;
  /** The cell at a draw: problems are shared by all cells of a loss and shape, and two at most are held. */
  at(draw: number): Promise<Cell>;
}

export interface Plan {
  readonly config: SweepConfig;
  readonly cells: readonly Cell[];
}

export const totalTrials = ({ cells }: Pick<Plan, 'cells'>): number =>
  cells.reduce((sum, { trials, draws }) => sum + draws * trials, 0);

/**
 * The config, with the method and times that all cells share filled in, and its cells.
 * @param problemOf makes problems otherwise, where less of them is asked
 * @param folder from which names of files are relative (default: the working folder)
 * @throws InputError
 */
export async function makePlan(input: SweepConfig, problemOf = makeProblem, folder?: string): Promise<Plan> {
  const config = withoutRepeats(input);
  checkCurvatures(config, config.loss);
  checkData(config, config.loss);
  const horizonAt = horizons(config);
  const source = readSource({ ...config, folder });
  const target = labelOf(source);
  const { scaling: scalings, alpha, lrRatioA, lrRatioB, trials } = config;
  const isAsked = scalings !== undefined || alpha !== undefined;
  const flows = config.flow.map((name) => flowIn(config, name));
  const cells: Cell[] = [];
  for (const loss of config.loss) {
    for (const shape of shapesOf(config.shape, source)) {
      for (const rank of config.ranks) checkRank(rank, shape);
      // A flow that does not commute with rotations has problems of its own, in the coordinates of W.
      const problems = new Map<boolean, (draw: number) => Promise<Problem>>();
      for (const flow of flows) {
        const symmetries = symmetriesOf(flow);
        if (!problems.has(symmetries.rotation))
          problems.set(
            symmetries.rotation,
            byDraw((draw) => problemOf(loss, atDraw(source, draw), shape, source.base, symmetries)),
          );
      }
      for (const init of config.init) {
        for (const scaling of scalings ?? ['none' as const]) {
          const scale = isAsked ? { scaling, alpha: alpha ?? 1 } : null;
          for (const flow of flows)
            for (const rank of config.ranks) {
              const options = { init, rank, scale, lrRatioA, lrRatioB, flow, trials };
              const problemAt = problems.get(symmetriesOf(flow).rotation)!;
              const start = await startOf(await problemAt(0), source, options);
              checkObservables(start.problem, config.observe, start.bases);
              const horizon = horizonAt(paceOf(start));
              assertFollows(horizon.method, flow);
              if (horizon.method.minibatches)
                assertMinibatches(horizon.method.minibatches.size, start.problem.structure);
              const cell: Cell = {
                ...{ index: cells.length, target, draws: config.draws, ...start, ...horizon },
                at: async (draw) =>
                  draw === 0
                    ? cell
                    : {
                        ...cell,
                        ...(await startAtDraw(start, await problemAt(draw), atDraw(source, draw), options)),
                      },
              };
              cells.push(cell);
            }
        }
      }
    }
  }
  checkTrajectories(totalTrials({ cells }), trials);
  return { config: { ...config, ...sharedHorizon(cells) }, cells };
}

/** Problems that are held beside that of the first draw: of a chunk that ends, and of the one that begins. */
const HELD = 2;

/** The problems of draws, each made when it is asked for. */
function byDraw(make: (draw: number) => Promise<Problem>): (draw: number) => Promise<Problem> {
  let first: Promise<Problem> | undefined;
  const held = new Map<number, Promise<Problem>>();
  return (draw) => {
    if (draw === 0) return (first ??= make(0));
    const problem = held.get(draw) ?? make(draw);
    held.delete(draw);
    held.set(draw, problem);
    if (held.size > HELD) held.delete(held.keys().next().value!);
    return problem;
  };
}

/** A config whose lists name everything once. */
function withoutRepeats({ loss, shape, ranks, init, scaling, flow, ...rest }: SweepConfig): SweepConfig {
  const once = <T>(items: readonly T[]) => [...new Set(items)];
  return {
    ...rest,
    ...{ loss: once(loss), ranks: once(ranks), init: once(init), flow: once(flow) },
    ...(shape && { shape: once(shape) }),
    ...(scaling && { scaling: once(scaling) }),
  };
}
