/**
 * A forecast in a results folder: a part for each chunk of its trainings (forecast/chunks.ts), by one run or several,
 * from all of which what is foretold is made.
 */
import { provenanceAhead, type Provenance } from '../host/provenance.js';
import { release } from '../host/release.js';
import { nameFrom } from '../files/location.js';
import type { Part } from '../results/parts.js';
import { createPartsFolder, forecastKind, readRecord, type PartsFolder } from '../results/partsFolder.js';
import { mergeParts } from '../run/mergeParts.js';
import {
  begunIn,
  chunksMissing,
  digestsOf,
  provenanceOf,
  refuseOtherKeys,
  refuseOtherPlan,
  type Digests,
  type FilesRecord,
} from '../run/openParts.js';
import { digestOf, isSetting, settingsOf } from '../sweep/planHash.js';
import { forecastChunks, type ForecastChunk } from './forecast/chunks.js';
import type { Forecasted } from './forecast/combined.js';
import type { ForecastConfig } from './forecast/config.js';
import { writeForecast } from './forecast/folder.js';
import { trainedIn } from './forecast/parts.js';
import { fittedTo } from './forecast/pilot.js';
import {
  fileKeys,
  forecastedBy,
  planForecast,
  type FileKey,
  type PlannedForecast,
} from './forecast/planned.js';
import { surrogates, type Surrogate } from './forecast/surrogates.js';

type ForecastRecord = FilesRecord<FileKey> & { readonly config: ForecastConfig };

export interface FolderForecast extends PartsFolder, PlannedForecast {
  readonly chunks: readonly ForecastChunk[];
  readonly digests: Digests<FileKey>;
  /** Null until the folder is made. */
  readonly record: ForecastRecord | null;
  /** Folder from which paths are relative; undefined: the working folder. */
  readonly folder: string | undefined;
}

const isFileKey = (key: string): boolean => (fileKeys as readonly string[]).includes(key);

/** @param known digests of the files, if they are taken as known (default: they are read through) */
async function planned(
  path: string,
  config: ForecastConfig,
  folder?: string,
  known?: Digests<FileKey>,
): Promise<Omit<FolderForecast, 'record'>> {
  const forecast = planForecast(config, folder);
  const files = (key: FileKey) => (config[key] === undefined ? [] : [nameFrom(folder, config[key])]);
  const digests =
    known ?? (await digestsOf({ stats: files('stats'), starts: files('starts'), pilot: files('pilot') }));
  // Of files their bytes are what counts.
  const settings = settingsOf(config).filter(([key]) => !isFileKey(key));
  const hash = digestOf(JSON.stringify([release.version, digests, settings]));
  return {
    ...forecast,
    ...{ path, kind: forecastKind, hash, chunks: forecastChunks(forecast), digests, folder },
  };
}

/**
 * Plans a forecast in a folder: one that is made when its first run starts, or that of the same forecast, which goes on.
 * How it is computed may then be another, as far as that gives the same numbers; files may have other names, but for
 * shards.
 * @throws InputError as planForecast, if the folder is of something else, or a key or file is another than there
 */
export async function openForecast(
  path: string,
  config: ForecastConfig,
  isShard = false,
): Promise<FolderForecast> {
  const record = begunIn<ForecastRecord>(path, 'forecast');
  if (record)
    refuseOtherKeys(path, config, record.config, (key) => isSetting(key) && (isShard || !isFileKey(key)));
  const forecast = await planned(path, config);
  if (record) refuseOtherPlan(forecast, forecast.digests, config, record);
  return { ...forecast, record };
}

/**
 * The forecast in a folder, as it was begun.
 * @param checks whether to read the files through, to see that they are as they were
 * @throws InputError if there is none, or a file is another than it was
 */
export async function forecastIn(path: string, checks = true): Promise<FolderForecast> {
  const record = readRecord(path, 'forecast') as ForecastRecord;
  const { config, workingFolder, digests } = record;
  const forecast = await planned(path, config, workingFolder, checks ? undefined : digests);
  refuseOtherPlan(forecast, forecast.digests, config, record);
  return { ...forecast, record };
}

/**
 * Makes the folder without any part.
 * @param origin of its first run (default: that is yet to begin)
 * @throws InputError if it cannot be made
 */
export function makeForecastFolder(
  { path, config, hash, digests, folder }: FolderForecast,
  origin: Provenance = provenanceAhead(config),
  joins = false,
): void {
  const made: ForecastRecord = {
    ...{ kind: 'forecast', ...origin, config: { ...config, out: undefined } },
    ...{ plan: hash, digests, workingFolder: folder ?? process.cwd() },
  };
  createPartsFolder(path, forecastKind, made, joins);
}

/** A surrogate as the pilot of a forecast has fitted it, from the parts of its fit; itself without a pilot. */
const fittedIn = (
  { chunks, begun }: FolderForecast,
  parts: ReadonlyMap<number, Part>,
  own: Surrogate,
): Promise<Surrogate> | Surrogate =>
  begun === null
    ? own
    : fittedTo(begun.pilot, own, (surrogate, fit) =>
        trainedIn(parts, chunksOf(chunks, own, fit), begun.plan, surrogate),
      );

/** Chunks of one training on a surrogate. */
export const chunksOf = (
  chunks: readonly ForecastChunk[],
  { name }: Surrogate,
  fit: number | null,
): ForecastChunk[] => chunks.filter((chunk) => chunk.surrogate === name && chunk.fit === fit);

/**
 * Makes a forecast of parts that are all there, and writes it into their folder.
 * @param shards folders that have the parts, if that is a new one
 * @throws InputError, Incomplete as mergeParts
 */
export const mergeForecast = (
  forecast: FolderForecast,
  shards: readonly FolderForecast[] = [],
): Promise<{ readonly made: Forecasted; readonly provenance: Provenance }> =>
  mergeParts(forecast, shards.length === 0, shards, {
    missing: (parts) => chunksMissing(forecast, parts),
    make: (path) => createPartsFolder(path, forecastKind, shards[0]!.record!),
    async finish(path, all, arithmetic) {
      const { chunks, statistics, plan } = forecast;
      const parts = new Map(all.map((part) => [part.chunk, part]));
      const [ownKfac, ownIdentity] = surrogates(statistics);
      const kfac = await fittedIn(forecast, parts, ownKfac);
      const identity = await fittedIn(forecast, parts, ownIdentity);
      const on = {
        kfac: await trainedIn(parts, chunksOf(chunks, kfac, null), plan, kfac),
        identity: await trainedIn(parts, chunksOf(chunks, identity, null), plan, identity),
      };
      const made = forecastedBy(forecast, { kfac, identity }, on);
      const record = readRecord(path, 'forecast') as ForecastRecord;
      const provenance = { ...provenanceOf(record), ...arithmetic };
      await writeForecast(path, made, provenance);
      return { made, provenance };
    },
  });
