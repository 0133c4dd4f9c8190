/** Trains what is missing of a forecast in its results folder, and writes the part of each chunk when it is done. */
import { rmSync } from 'node:fs';
import type { BackendInfo } from '../backend/backend.js';
import { turnEventLoop } from '../host/eventLoop.js';
import { InputError } from '../host/inputError.js';
import { runProvenance } from '../host/provenance.js';
import { WHOLE, type Shard } from '../input/shard.js';
import { arithmeticOf, asPinned, pinnedIn } from '../results/arithmetic.js';
import type { Fault, Inventory } from '../results/parts.js';
import { withDevice } from '../run/device.js';
import { inventoryOf } from '../run/mergeParts.js';
import { PartsRun } from '../run/partsRun.js';
import { ChunkFailed } from '../run/runner.js';
import type { Device } from '../solver/device.js';
import { inFlight } from '../solver/inFlight.js';
import { eachOnce } from '../solver/path.js';
import { chunksOf, makeForecastFolder, type FolderForecast } from './folderForecast.js';
import { ofShard, type ForecastChunk } from './forecast/chunks.js';
import { adapterColumns, adapterTypes, trainedIn } from './forecast/parts.js';
import { fittedTo } from './forecast/pilot.js';
import { surrogates, type Surrogate } from './forecast/surrogates.js';
import { trainWeight, waysOf, type Training } from './forecast/train.js';

/** Hears of adapters while they are trained. */
export interface AdaptersWatch {
  /** Before the first: how many there are to train, and what was set aside. */
  start?(backend: BackendInfo, todo: number, faults: readonly Fault[]): void;
  /** With every chunk that is there: adapters and share of the effort done since the start. */
  done?(adapters: number, work: number): void;
}

/** It was asked to leave the rest. */
class Stopped extends Error {}

/**
 * Computes the chunks of a shard that are missing, and writes each when it is done. What is damaged or foreign is set
 * aside and computed anew. Fits that several shards need are done once where these fill one folder: each begins
 * elsewhere, and takes what the others have done meanwhile.
 * @param stop asked before every chunk whether to leave the rest
 * @returns whether all of the shard is done
 * @throws InputError if the folder or the backend is unfit, or the pilot is: a folder that this call made is then gone;
 *   ChunkFailed; an error of the file system
 */
export async function trainForecast(
  forecast: FolderForecast,
  {
    shard = WHOLE,
    watch = {},
    stop = () => false,
  }: { shard?: Shard | undefined; watch?: AdaptersWatch; stop?: () => boolean } = {},
): Promise<boolean> {
  const { path, config, record } = forecast;
  const found: Inventory = record ? inventoryOf(forecast) : { parts: [], faults: [], arithmetic: null };
  let run: PartsRun | undefined;
  try {
    return await withDevice(asPinned(config, pinnedIn(path)), async (device) => {
      const own = surrogates(forecast.statistics);
      const plans = [forecast.plan, ...(forecast.begun ? [forecast.begun.plan] : [])];
      const ways = eachOnce(plans.flatMap((plan) => own.flatMap((each) => waysOf(plan, each, device))));
      const origin = runProvenance(
        device.info,
        config,
        ways.map((way) => way.path),
      );
      if (!record) makeForecastFolder(forecast, origin, shard.of > 1);
      run = new PartsRun(forecast, found, arithmeticOf(device.info, config, ways), shard, origin);
      const done = await trainOn(device, run, own);
      run.end(done ? 'finished' : 'interrupted');
      return done;
    });
  } catch (error) {
    const failedChunk = error instanceof ChunkFailed ? { failedChunk: error.chunk.index } : {};
    run?.end('failed', { reason: (error as Error).message, ...failedChunk });
    // Nothing of a mistake is left.
    if (error instanceof InputError && run && !record && shard.of === 1)
      rmSync(path, { recursive: true, force: true });
    throw error;
  }

  async function trainOn(device: Device, log: PartsRun, own: readonly Surrogate[]): Promise<boolean> {
    const { chunks, plan, begun } = forecast;
    const parts = new Map(found.parts.map((part) => [part.chunk, part]));
    const todo = ofShard(chunks, shard).filter(({ index }) => !parts.has(index));
    const all = todo.reduce((sum, { effort }) => sum + effort, 0);
    let [adapters, work] = [0, 0];
    const count = (chunk: ForecastChunk) => {
      adapters += chunk.adapters;
      work += chunk.effort;
      watch.done?.(adapters, work / all);
    };
    const isThere = (chunk: ForecastChunk): boolean => {
      if (parts.has(chunk.index)) return true;
      const part = shard.of > 1 && chunk.fit !== null ? log.partOfOthers(chunk.index) : null;
      if (!part) return false;
      parts.set(chunk.index, part);
      count(chunk);
      return true;
    };
    const compute = async (some: readonly ForecastChunk[], by: Training, surrogate: Surrogate) => {
      let stopped = false;
      function* lacking() {
        for (const chunk of some) {
          if (isThere(chunk)) continue;
          stopped = stop();
          if (stopped) return;
          yield chunk;
        }
      }
      // Two for each worker, as one may be a single trajectory.
      const most = device.pool ? Math.max(2, Math.ceil((2 * device.pool.workers) / by.trials)) : 1;
      const trained = inFlight(lacking(), most, async (chunk) => ({
        chunk,
        columns: await columnsOf(chunk, by, surrogate, device),
      }));
      for await (const { chunk, columns } of trained) {
        const { index, adapters: trials, effort } = chunk;
        parts.set(index, log.part(index, columns, adapterTypes, { trials, effort }));
        count(chunk);
        await turnEventLoop();
      }
      if (stopped) throw new Stopped();
    };
    watch.start?.(
      device.info,
      todo.reduce((sum, chunk) => sum + chunk.adapters, 0),
      found.faults,
    );
    try {
      for (const each of shard.number % 2 === 0 ? [...own].reverse() : own) {
        const lacking = todo.filter(({ surrogate }) => surrogate === each.name);
        if (lacking.length === 0) continue;
        const fitted =
          begun === null
            ? each
            : await fittedTo(begun.pilot, each, async (surrogate, fit) => {
                const ofFit = chunksOf(chunks, each, fit);
                await compute(from(ofFit, shard), begun.plan, surrogate);
                return trainedIn(parts, ofFit, begun.plan, surrogate);
              });
        await compute(
          lacking.filter(({ fit }) => fit === null),
          plan,
          fitted,
        );
      }
    } catch (error) {
      if (error instanceof Stopped) return false;
      throw error;
    }
    return true;
  }

  /** The columns of a chunk that is trained now. */
  async function columnsOf(chunk: ForecastChunk, plan: Training, surrogate: Surrogate, device: Device) {
    const { weight, ranks } = chunk;
    try {
      const trained = await trainWeight(plan, surrogate, weight, ranks, device);
      return adapterColumns(chunk, forecast.statistics.weights[weight]!.name, surrogate, plan, trained);
    } catch (error) {
      throw error instanceof InputError ? error : new ChunkFailed(chunk, error);
    }
  }
}

/** Chunks from where a shard begins on: each elsewhere. */
function from(chunks: readonly ForecastChunk[], { number, of }: Shard): ForecastChunk[] {
  const first = Math.floor(((number - 1) * chunks.length) / of);
  return [...chunks.slice(first), ...chunks.slice(0, first)];
}
