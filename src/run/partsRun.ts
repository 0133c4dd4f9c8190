/** A run that fills a results folder part by part, and keeps its own record there. */
import { rmSync } from 'node:fs';
import { InputError } from '../host/inputError.js';
import { pin, refuseOther, type Arithmetic } from '../results/arithmetic.js';
import { restoreSubfolders } from '../results/folder.js';
import { inventory, setAside, writePart, type Inventory, type Part } from '../results/parts.js';
import type { PartsFolder } from '../results/partsFolder.js';
import { RunLog, type ChunkRecord } from '../results/runs.js';
import type { Columns, ColumnTypes } from '../results/tables.js';
import type { Shard } from '../input/shard.js';
import type { Origin } from '../host/provenance.js';

export class PartsRun {
  private readonly log: RunLog;

  /**
   * Begins a run in a folder that is there. What is damaged or foreign among its parts is set aside.
   * @param found what is there of it
   * @throws InputError if what is there was computed otherwise
   */
  constructor(
    private readonly folder: PartsFolder,
    found: Inventory,
    private readonly arithmetic: Arithmetic,
    shard: Shard,
    origin: Origin,
  ) {
    const { path, kind } = folder;
    if (found.arithmetic) refuseOther(path, arithmetic, found.arithmetic);
    pin(path, arithmetic);
    restoreSubfolders(path, kind.subfolders);
    setAside(path, found.faults);
    this.log = new RunLog(path, shard, origin);
  }

  /** Writes the part of a chunk that is done, and returns it. */
  part(chunk: number, columns: Columns, types: ColumnTypes, done: ChunkRecord): Part {
    const part = writePart(this.folder, this.arithmetic, chunk, columns, types);
    this.log.chunk(done);
    return part;
  }

  /** The part of a chunk that another run has written meanwhile, every byte of which is looked at; null without one. */
  partOfOthers(chunk: number): Part | null {
    return inventory(this.folder, true, this.arithmetic, chunk).parts[0] ?? null;
  }

  readonly end: RunLog['end'] = (...how) => this.log.end(...how);

  /**
   * Ends a run that failed.
   * @param chunk that could not be computed, if it was one
   * @param isOwn whether the run made the folder, and for itself alone: nothing is left of it where a mistake of the user
   *   (InputError) ended it
   */
  fail(error: unknown, chunk: number | undefined, isOwn: boolean): void {
    const failedChunk = chunk === undefined ? {} : { failedChunk: chunk };
    this.log.end('failed', { reason: (error as Error).message, ...failedChunk });
    if (isOwn && error instanceof InputError) rmSync(this.folder.path, { recursive: true, force: true });
  }
}
