/** Trains what is missing of a forecast in its results folder, and writes the part of each chunk when it is done. */
import type { BackendInfo } from '../backend/backend.js';
import { turnEventLoop } from '../host/eventLoop.js';
import { InputError } from '../host/inputError.js';
import { runProvenance } from '../host/provenance.js';
import { WHOLE, type Shard } from '../input/shard.js';
import { arithmeticOf, asPinned, pinnedIn } from '../results/arithmetic.js';
import type { Fault, Inventory, Part } from '../results/parts.js';
import type { Columns } from '../results/tables.js';
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

/** Which part of a forecast is trained, who hears of it, and whether to leave the rest, asked before every chunk. */
interface Asked {
  readonly shard: Shard;
  readonly watch: AdaptersWatch;
  readonly stop: () => boolean;
}

/**
 * Computes the chunks of a shard that are missing, and writes each when it is done. What is damaged or foreign is set
 * aside and computed anew. A fit that several shards need is made once where these run at the same time in one folder:
 * each begins elsewhere, and takes what the others have done meanwhile.
 * @returns whether all of the shard is done
 * @throws InputError if the folder or the backend is unfit, or the pilot is: a folder that this call made is then gone;
 *   ChunkFailed; an error of the file system
 */
export async function trainForecast(
  forecast: FolderForecast,
  { shard = WHOLE, watch = {}, stop = () => false }: { [Key in keyof Asked]?: Asked[Key] | undefined } = {},
): Promise<boolean> {
  const { path, config, record, plan, begun } = forecast;
  const found: Inventory = record ? inventoryOf(forecast) : { parts: [], faults: [], arithmetic: null };
  let run: PartsRun | undefined;
  try {
    return await withDevice(asPinned(config, pinnedIn(path)), async (device) => {
      const own = surrogates(forecast.statistics);
      const plans = begun ? [begun.plan, plan] : [plan];
      const ways = eachOnce(plans.flatMap((each) => own.flatMap((by) => waysOf(each, by, device))));
      const origin = runProvenance(
        device.info,
        config,
        ways.map((way) => way.path),
      );
      if (!record) makeForecastFolder(forecast, origin, shard.of > 1);
      run = new PartsRun(forecast, found, arithmeticOf(device.info, config, ways), shard, origin);
      const done = await new Work(forecast, found, device, run, { shard, watch, stop }).all(own);
      run.end(done ? 'finished' : 'interrupted');
      return done;
    });
  } catch (error) {
    const chunk = error instanceof ChunkFailed ? error.chunk.index : undefined;
    run?.fail(error, chunk, record === null && shard.of === 1);
    throw error;
  }
}

/** It was asked to leave the rest. */
class Stopped extends Error {}

/** The work of a run. */
class Work {
  /** Parts that are there, by chunk. */
  private readonly parts: Map<number, Part>;
  private readonly todo: readonly ForecastChunk[];
  private readonly effort: number;
  private adapters = 0;
  private work = 0;

  constructor(
    private readonly forecast: FolderForecast,
    private readonly found: Inventory,
    private readonly device: Device,
    private readonly run: PartsRun,
    private readonly asked: Asked,
  ) {
    this.parts = new Map(found.parts.map((part) => [part.chunk, part]));
    this.todo = ofShard(forecast.chunks, asked.shard).filter(({ index }) => !this.parts.has(index));
    this.effort = this.todo.reduce((sum, { effort }) => sum + effort, 0);
  }

  /** Does all of it, on surrogates as the statistics give them, and returns whether it was not asked to leave the rest. */
  async all(own: readonly Surrogate[]): Promise<boolean> {
    const { forecast, todo, device, found } = this;
    const { watch, shard } = this.asked;
    watch.start?.(
      device.info,
      todo.reduce((sum, { adapters }) => sum + adapters, 0),
      found.faults,
    );
    try {
      for (const each of shard.number % 2 === 0 ? [...own].reverse() : own) {
        const lacking = todo.filter(({ surrogate }) => surrogate === each.name);
        if (lacking.length === 0) continue;
        const foretold = lacking.filter(({ fit }) => fit === null);
        await this.train(foretold, forecast.plan, await this.fitted(each));
      }
    } catch (error) {
      if (error instanceof Stopped) return false;
      throw error;
    }
    return true;
  }

  /** A surrogate as the pilot fits it; itself without one. */
  private async fitted(own: Surrogate): Promise<Surrogate> {
    const { begun, chunks } = this.forecast;
    if (begun === null) return own;
    const { number, of } = this.asked.shard;
    return fittedTo(begun.pilot, own, async (surrogate, fit) => {
      const ofFit = chunksOf(chunks, own, fit);
      const first = Math.floor(((number - 1) * ofFit.length) / of);
      await this.train([...ofFit.slice(first), ...ofFit.slice(0, first)], begun.plan, surrogate);
      return trainedIn(this.parts, ofFit, begun.plan, surrogate);
    });
  }

  /** Trains those of some chunks that are not there. @throws Stopped once those in hand are written */
  private async train(chunks: readonly ForecastChunk[], plan: Training, surrogate: Surrogate): Promise<void> {
    const { pool } = this.device;
    // Two for each worker, as a chunk may be of a single adapter.
    const most = pool ? Math.max(2, Math.ceil((2 * pool.workers) / plan.trials)) : 1;
    let stopped = false;
    const lacking = function* (this: Work) {
      for (const chunk of chunks) {
        if (this.isThere(chunk)) continue;
        stopped = this.asked.stop();
        if (stopped) return;
        yield chunk;
      }
    }.bind(this);
    const trained = inFlight(lacking(), most, async (chunk) => ({
      chunk,
      columns: await this.columnsOf(chunk, plan, surrogate),
    }));
    for await (const { chunk, columns } of trained) {
      const { index, adapters: trials, effort } = chunk;
      this.parts.set(index, this.run.part(index, columns, adapterTypes, { trials, effort }));
      this.count(chunk);
      await turnEventLoop();
    }
    if (stopped) throw new Stopped();
  }

  /** Whether the part of a chunk is there; of a fit it may be another shard's. */
  private isThere(chunk: ForecastChunk): boolean {
    if (this.parts.has(chunk.index)) return true;
    const isShared = this.asked.shard.of > 1 && chunk.fit !== null;
    const part = isShared ? this.run.partOfOthers(chunk.index) : null;
    if (part === null) return false;
    this.parts.set(chunk.index, part);
    this.count(chunk);
    return true;
  }

  private count({ adapters, effort }: ForecastChunk): void {
    this.adapters += adapters;
    this.work += effort;
    this.asked.watch.done?.(this.adapters, this.work / this.effort);
  }

  /** The columns of a chunk that is trained now. @throws InputError; ChunkFailed */
  private async columnsOf(chunk: ForecastChunk, plan: Training, surrogate: Surrogate): Promise<Columns> {
    const { weight, ranks } = chunk;
    const { name } = this.forecast.statistics.weights[weight]!;
    try {
      const trained = await trainWeight(plan, surrogate, weight, ranks, this.device);
      return adapterColumns(chunk, name, surrogate, plan, trained);
    } catch (error) {
      throw error instanceof InputError ? error : new ChunkFailed(chunk, error);
    }
  }
}
